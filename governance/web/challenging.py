"""Challenges and dissent of one approval request, and the acts on them."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import challenges
from governance.models import ApprovalRequest, Challenge, Dissent
from governance.web.frame import PersonRequest, page
from governance.web.offers import (
    Offer,
    SignedTextForm,
    Step,
    TextForm,
    accepted,
    form_for,
    record_page,
)

_AREA = forms.Textarea(attrs={"rows": 3})


class ChallengeForm(forms.Form):
    """A question, and what makes the challenger competent and independent."""

    question = forms.CharField(
        label=gettext_lazy("Your question"), max_length=10_000, widget=_AREA
    )
    expertise = forms.CharField(
        label=gettext_lazy("Your expertise in this"), max_length=10_000
    )
    independence = forms.CharField(
        label=gettext_lazy("Why you are independent"), max_length=10_000
    )


class OutcomeForm(TextForm):
    """What became of a challenge."""

    outcome = forms.ChoiceField(
        label=gettext_lazy("Outcome"), choices=challenges.Outcome.choices
    )


@page
def challenges_page(request: PersonRequest, request_id: UUID) -> HttpResponse:
    """All challenges and dissents of a request, and what this person may do."""
    rows = ApprovalRequest.objects.select_related("version__model", "environment")
    asked = get_object_or_404(rows, pk=request_id)
    opened = challenges.open_challenges(asked).count()
    against = challenges.open_dissents(asked).count()
    context = {
        "title": _("Challenges and dissent"),
        "above": [
            (reverse("web:approvals"), _("Approvals")),
            (reverse("web:approval", args=[asked.pk]), str(asked)),
        ],
        "state": _("open") if opened or against else _("none open"),
        "sign": "wait" if opened or against else "yes",
        "facts": [
            (_("Open challenges"), str(opened)),
            (_("Dissents that stand"), str(against)),
        ],
        "steps": sorted(_steps(asked), key=lambda step: step.at),
    }
    return record_page(
        request,
        list(_offers(request, asked)),
        context,
        section="approvals",
        address=reverse("web:challenges", args=[asked.pk]),
    )


def _steps(asked: ApprovalRequest) -> Iterator[Step]:
    for row in asked.challenges.select_related("raised_by").prefetch_related(
        "responses__responded_by"
    ):
        who = f"{row.raised_by.printed_name}: {row.expertise}; {row.independence}"
        yield Step(_("Challenge"), who, row.raised_at, row.question)
        for answer in row.responses.all():
            name = answer.responded_by.printed_name
            yield Step(_("Answer"), name, answer.responded_at, answer.text)
        end = getattr(row, "disposition", None)
        if end is not None:
            word = end.get_outcome_display()
            yield Step(word, end.disposed_by.printed_name, end.disposed_at, end.reason)
    for against in asked.dissents.select_related("dissented_by", "override"):
        name = against.dissented_by.printed_name
        yield Step(_("Dissent"), name, against.dissented_at, against.reason)
        over = getattr(against, "override", None)
        if over is not None:
            name = over.overridden_by.printed_name
            yield Step(_("Overridden"), name, over.overridden_at, over.reason)


def _offers(request: PersonRequest, asked: ApprovalRequest) -> Iterator[Offer]:
    """Forms for what the acts would take from this person now."""
    by, at = request.user, timezone.now()
    if accepted(challenges.require_challenger, asked, by=by):
        yield Offer(
            "challenge",
            _("Challenge it"),
            form_for(request, "challenge", ChallengeForm),
            lambda form: challenges.challenge(
                request=asked, by=by, at=at, **form.cleaned_data
            ),
        )
    if accepted(challenges.require_dissenter, asked, by=by):
        yield Offer(
            "dissent",
            _("Dissent"),
            form_for(request, "dissent", TextForm),
            lambda form: challenges.dissent(
                request=asked, reason=form.cleaned_data["text"], by=by, at=at
            ),
            stops=True,
        )
    answers = accepted(challenges.require_answerer, asked, by=by)
    for row in challenges.open_challenges(asked).filter(disposition=None):
        yield from _on_challenge(request, row, asked, answers=answers)
    for against in challenges.open_dissents(asked):
        if accepted(challenges.require_overrider, against, asked, by=by):
            yield _override(request, against)


def _on_challenge(
    request: PersonRequest, row: Challenge, asked: ApprovalRequest, *, answers: bool
) -> Iterator[Offer]:
    by, at = request.user, timezone.now()
    if answers:
        name = f"respond-{row.pk}"
        yield Offer(
            name,
            _("Answer: %(question)s") % {"question": row.question[:80]},
            form_for(request, name, TextForm),
            lambda form: challenges.respond(
                challenge=row, text=form.cleaned_data["text"], by=by, at=at
            ),
        )
    if accepted(challenges.require_disposer, row, asked, by=by):
        name = f"dispose-{row.pk}"
        yield Offer(
            name,
            _("Say what became of: %(question)s") % {"question": row.question[:80]},
            form_for(request, name, OutcomeForm),
            lambda form: challenges.dispose(
                challenge=row,
                outcome=form.cleaned_data["outcome"],
                reason=form.cleaned_data["text"],
                by=by,
                at=at,
            ),
        )


def _override(request: PersonRequest, against: Dissent) -> Offer:
    by, at = request.user, timezone.now()
    name = f"override-{against.pk}"

    def act(form: Any) -> object:
        return challenges.override(
            dissent=against,
            reason=form.cleaned_data["text"],
            proof=form.proof,
            by=by,
            at=at,
        )

    title = _("Override the dissent of %(name)s") % {
        "name": against.dissented_by.printed_name
    }
    return Offer(
        name,
        title,
        form_for(request, name, SignedTextForm),
        act,
        statement=_("I override the dissent “%(reason)s”, for the reason I give.")
        % {"reason": against.reason},
    )

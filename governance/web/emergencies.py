"""Break-glass: the list, breaking it, and what follows."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django import forms
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import emergencies, roles
from governance.models import Emergency
from governance.web.exceptions import EMERGENCY_STATES, emergency_line
from governance.web.frame import PersonRequest, page, show
from governance.web.links import version_url
from governance.web.offers import (
    Offer,
    SignedTextForm,
    Step,
    TextForm,
    carry_out,
    form_for,
    record_page,
)
from governance.web.proof import ProofForm
from governance.web.versions import find_version
from registry.models import Environment

PER_PAGE = 25
_WORDS = forms.Textarea(attrs={"rows": 3})


class InvokeForm(ProofForm):
    """Why, for how long, and what is done instead; signed."""

    environment = forms.ModelChoiceField(
        label=gettext_lazy("Environment"),
        queryset=Environment.objects.filter(emergency_allowed=True),
        empty_label=None,
    )
    reason_code = forms.ChoiceField(
        label=gettext_lazy("Kind of reason"), choices=Emergency.ReasonCode.choices
    )
    incident = forms.CharField(label=gettext_lazy("Incident number"), max_length=100)
    reason = forms.CharField(
        label=gettext_lazy("What happened"), max_length=10_000, widget=_WORDS
    )
    compensating_controls = forms.CharField(
        label=gettext_lazy("What is done instead of the approval"),
        max_length=10_000,
        widget=_WORDS,
        help_text=gettext_lazy(
            "Closer monitoring, less traffic, a person who decides."
        ),
    )
    hours = forms.IntegerField(
        label=gettext_lazy("Expected to end in, hours"), min_value=1, max_value=72
    )


class ExtendForm(SignedTextForm):
    """By how long, and why; signed."""

    hours = forms.IntegerField(
        label=gettext_lazy("Longer by, hours"), min_value=1, max_value=72
    )


class ReviewForm(ProofForm):
    """What the review found; signed."""

    justified = forms.BooleanField(
        label=gettext_lazy("It was justified"), required=False
    )
    root_cause = forms.CharField(
        label=gettext_lazy("Root cause"), max_length=10_000, widget=_WORDS
    )
    corrective_action = forms.CharField(
        label=gettext_lazy("Corrective action"), max_length=10_000, widget=_WORDS
    )
    policy_feedback = forms.CharField(
        label=gettext_lazy("What the policy should learn from it"),
        max_length=10_000,
        widget=_WORDS,
        required=False,
    )

    def judgement(self) -> emergencies.Judgement:
        """What the reviewer found."""
        names = ("justified", "root_cause", "corrective_action", "policy_feedback")
        return emergencies.Judgement(**{n: self.cleaned_data[n] for n in names})


@page
def emergencies_page(request: PersonRequest) -> HttpResponse:
    """All emergencies, the newest first, with the numbers of the quarter."""
    at = timezone.now()
    rows = Paginator(emergencies.told(), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "title": _("Break-glass"),
        "intro": _("Versions that ran for hours without approval, and their reviews."),
        "numbers": [
            (
                row["name"],
                _("%(count)s in this quarter, %(reviewed)s reviewed") % row,
            )
            for row in emergencies.statistics(at)
        ],
        "rows": rows,
        "lines": [emergency_line(row, at) for row in rows],
        "columns": [
            _("Incident"),
            _("Environment"),
            _("By"),
            _("Review due"),
            _("State"),
        ],
        "empty": _("The glass was never broken."),
    }
    return show(request, "exceptions/list.html", context, section="emergencies")


@page
def invoke(request: PersonRequest, slug: str, version: str) -> HttpResponse:
    """Break the glass for a version."""
    row = find_version(slug, version)
    roles.require(request.user, "break the glass", model=row.model)
    form = InvokeForm(request.POST or None, request=request)

    def act(valid: InvokeForm) -> Emergency:
        at, data = timezone.now(), valid.cleaned_data
        return emergencies.invoke(
            call=emergencies.Call(
                version=row,
                environment=data["environment"],
                reason_code=Emergency.ReasonCode(data["reason_code"]),
                incident=data["incident"],
                reason=data["reason"],
                compensating_controls=data["compensating_controls"],
                expected_end=at + timedelta(hours=data["hours"]),
            ),
            proof=valid.proof,
            by=request.user,
            at=at,
        )

    if request.method == "POST":
        made = carry_out(form, act)
        if isinstance(made, Emergency):
            return redirect("web:emergency", made.pk)
    context = {
        "title": _("Break the glass"),
        "intro": _(
            "The version runs without approval for hours. Risk, compliance, the "
            "executive and audit are told at once, and somebody who was not involved "
            "reviews it within five working days."
        ),
        "form": form,
        "above": [(version_url(row), str(row))],
    }
    return show(request, "exceptions/ask.html", context, section="emergencies")


@page
def emergency_page(request: PersonRequest, emergency_id: UUID) -> HttpResponse:
    """One emergency, and what this person may do about it."""
    row = get_object_or_404(emergencies.told(), pk=emergency_id)
    at = timezone.now()
    word, sign = EMERGENCY_STATES[emergencies.state_of(row, at)]
    context = {
        "title": _("Break-glass %(incident)s") % {"incident": row.incident},
        "above": [
            (reverse("web:emergencies"), _("Break-glass")),
            (version_url(row.version), str(row.version)),
        ],
        "state": word,
        "sign": sign,
        "facts": _facts(row),
        "steps": _steps(row),
    }
    return record_page(
        request,
        _offers(request, row, at),
        context,
        section="emergencies",
        address=reverse("web:emergency", args=[row.pk]),
    )


def _facts(row: Emergency) -> list[tuple[str, object]]:
    given = getattr(row, "authorisation", None)
    return [
        (_("Environment"), row.environment),
        (_("Tier"), row.tier),
        (_("Kind of reason"), row.get_reason_code_display()),
        (_("What happened"), row.reason),
        (_("Done instead"), row.compensating_controls),
        (_("Expected end"), row.expected_end),
        (_("Ends"), emergencies.ends_at(given) if given else None),
        (_("Review due"), emergencies.review_due_at(given) if given else None),
        (_("File"), f"sha256:{row.artifact_sha256[:12]}…"),
    ]


def _steps(row: Emergency) -> list[Step]:
    steps = [
        Step(_("glass broken"), row.invoked_by.printed_name, row.invoked_at, row.reason)
    ]
    given = getattr(row, "authorisation", None)
    if given is not None:
        second = given.confirmed_by
        who = second.printed_name if second else _("one person suffices here")
        steps.append(Step(_("confirmed"), who, given.valid_from))
    if hasattr(row, "extension"):
        more = row.extension
        who = more.extended_by.printed_name
        steps.append(Step(_("extended"), who, more.extended_at, more.reason))
    if hasattr(row, "ending"):
        last = row.ending
        who = last.ended_by.printed_name
        steps.append(Step(_("ended"), who, last.ended_at, last.reason))
    if hasattr(row, "review"):
        judged = row.review
        word = _("justified") if judged.justified else _("not justified")
        text = f"{word}\n{judged.root_cause}\n{judged.corrective_action}"
        who = judged.reviewed_by.printed_name
        steps.append(Step(_("reviewed"), who, judged.reviewed_at, text))
    return steps


def _offers(request: PersonRequest, row: Emergency, at: datetime) -> list[Offer]:
    by = request.user
    state = emergencies.state_of(row, at)
    model, place = row.version.model, row.environment
    offers = []
    if state == "waits" and _passes(emergencies.require_confirmer, row, by=by, at=at):
        offers.append(_confirming(request, row))
    extends = roles.may(by, "extend an emergency", model=model, environment=place)
    if state == "runs" and not hasattr(row, "extension") and extends:
        offers.append(_extending(request, row))
    ends = roles.may(by, "end an emergency", model=model, environment=place)
    if state in ("runs", "waits") and ends:
        offers.append(_ending(request, row))
    if _passes(emergencies.require_reviewer, row, by=by):
        offers.append(_reviewing(request, row))
    return offers


def _passes(require: Callable[..., None], row: Emergency, **more: object) -> bool:
    try:
        require(row, **more)
    except (roles.NotAllowed, emergencies.SameHand, emergencies.NotPossible):
        return False
    return True


def _confirming(request: PersonRequest, row: Emergency) -> Offer:
    return Offer(
        "confirm",
        _("Confirm as the second person, signed"),
        form_for(request, "confirm", ProofForm),
        lambda form: emergencies.confirm(
            emergency=row, proof=form.proof, by=request.user, at=timezone.now()
        ),
        stops=True,
    )


def _extending(request: PersonRequest, row: Emergency) -> Offer:
    return Offer(
        "extend",
        _("Extend it once, signed"),
        form_for(request, "extend", ExtendForm),
        lambda form: emergencies.extend(
            emergency=row,
            until=row.authorisation.valid_until
            + timedelta(hours=form.cleaned_data["hours"]),
            reason=form.cleaned_data["text"],
            proof=form.proof,
            by=request.user,
            at=timezone.now(),
        ),
        stops=True,
    )


def _ending(request: PersonRequest, row: Emergency) -> Offer:
    return Offer(
        "end",
        _("End it now"),
        form_for(request, "end", TextForm),
        lambda form: emergencies.end(
            emergency=row,
            reason=form.cleaned_data["text"],
            by=request.user,
            at=timezone.now(),
        ),
    )


def _reviewing(request: PersonRequest, row: Emergency) -> Offer:
    return Offer(
        "review",
        _("Review it, signed"),
        form_for(request, "review", ReviewForm),
        lambda form: emergencies.review(
            emergency=row,
            judgement=form.judgement(),
            proof=form.proof,
            by=request.user,
            at=timezone.now(),
        ),
    )

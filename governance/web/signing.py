"""The page of one approval request, where people sign."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import (
    approvals,
    challenges,
    conditions,
    differences,
    eligibility,
    roles,
    signatures,
)
from governance.case import Case
from governance.lifecycle import NoSuchMove
from governance.models import ApprovalRequest, Signature
from governance.models.signatures import SignedAct
from governance.policy import Check, NoPolicy
from governance.requirements import APPROVE, evaluate
from governance.requirements.quorum import progress
from governance.seats import Stage
from governance.web import figures, worklist
from governance.web.approvals import taken_back
from governance.web.frame import PersonRequest, page, put_errors, show
from governance.web.offers import accepted
from governance.web.proof import ProofForm
from governance.web.stating import ConditionFields

Meaning = SignedAct.Meaning
ASSENT = (Meaning.REVIEW, Meaning.APPROVAL, Meaning.RESPONSIBILITY, Meaning.AUTHORSHIP)


class SignForm(ProofForm):
    """What is signed, a comment, and who signs."""

    meaning = forms.ChoiceField(choices=Meaning.choices, widget=forms.HiddenInput)
    comment = forms.CharField(
        label=gettext_lazy("Comment"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("It is signed too, as the last paragraph."),
    )
    stated: tuple[conditions.Stated, ...] = ()


class ConditionalForm(ConditionFields, SignForm):
    """A review or an approval, perhaps on conditions."""


@dataclass(frozen=True)
class Offer:
    """A signature that this person may give now, and what it says."""

    meaning: Meaning
    statement: str
    form: SignForm

    @property
    def rejects(self) -> bool:
        """Whether signing it ends the request."""
        return self.meaning == Meaning.REJECTION


@page
def approval(request: PersonRequest, request_id: UUID) -> HttpResponse:
    """Show what is judged and what would be signed; sign on POST."""
    asked = _find(request_id)
    at = timezone.now()
    case = Case(asked.version, asked.environment, at)
    said = request.POST.get("meaning", "")
    bound = _form(request, case, said) if request.method == "POST" else None
    if bound is not None and bound.is_valid():
        signed = _sign(request, asked, bound)
        if signed is not None:
            messages.success(
                request,
                _("Signed. The record has the digest %(digest)s.")
                % {"digest": signed.record_sha256},
            )
            return redirect("web:approval", asked.pk)
    offers, why_not = _offers(request, asked, case, bound)
    seats = worklist.of(asked, case)
    return show(
        request,
        "approvals/request.html",
        {
            "asked": asked,
            "version": asked.version,
            "model": asked.version.model,
            "state": _state(asked, case),
            "signatures": asked.signatures.order_by("signed_at"),
            "seats": seats,
            "stages": _stages(case) if seats else [],
            "changes": _changes(case, asked),
            "conditions": [
                conditions.in_words(row) for row in conditions.of_request(asked)
            ],
            "contested": _contested(asked),
            "offers": offers,
            "why_not": why_not,
            "checks": _checks(case),
            "reports": [(r, figures.all_of(r)[:1]) for r in case.reports.values()],
            "may_withdraw": accepted(
                approvals.require_withdrawer, case, asked, by=request.user
            ),
            "may_return": accepted(
                approvals.require_returner, case, asked, by=request.user
            ),
        },
        section="approvals",
    )


def _find(request_id: UUID) -> ApprovalRequest:
    rows = ApprovalRequest.objects.select_related(
        "version__model__owner",
        "version__model__developer",
        "version__run",
        "environment",
        "assessment__assessed_by",
        "requested_by",
        "withdrawal",
        "authorisation",
    )
    return get_object_or_404(rows, pk=request_id)


def _form(
    request: PersonRequest, case: Case, meaning: str, *, new: bool = False
) -> SignForm:
    """The form of one meaning, empty when it is new, with conditions where any are."""
    more: dict[str, Any] = {
        "data": None if new else request.POST,
        "initial": {"meaning": meaning},
        "auto_id": f"id_{meaning if meaning in Meaning.values else 'none'}_%s",
        "request": request,
    }
    if meaning in (Meaning.REVIEW, Meaning.APPROVAL):
        return ConditionalForm(case=case, **more)
    return SignForm(**more)


def _sign(
    request: PersonRequest, asked: ApprovalRequest, form: SignForm
) -> Signature | None:
    """Sign, or put the reason why not beside the field that it concerns."""
    try:
        return approvals.sign(
            request=asked,
            meaning=form.cleaned_data["meaning"],
            proof=form.proof,
            comment=form.cleaned_data["comment"],
            stated=form.stated,
            by=request.user,
            at=timezone.now(),
        )
    except signatures.NotSigned as refusal:
        form.refuse(refusal)
    except approvals.CommentNeeded as refusal:
        put_errors(form, {"comment": [str(refusal)]})
    except conditions.UnusableCondition as refusal:
        put_errors(form, {"__all__": [str(refusal)]})
    except approvals.NotReady as refusal:
        failing = [f"{check.title}: {check.observed}" for check in refusal.checks]
        put_errors(form, {"__all__": [str(refusal), *failing]})
    except (
        approvals.NotOpen,
        approvals.SameHand,
        approvals.NoSeat,
        NoPolicy,
        NoSuchMove,
    ) as refusal:
        put_errors(form, {"__all__": [str(refusal)]})
    return None


def _offers(
    request: PersonRequest, asked: ApprovalRequest, case: Case, bound: SignForm | None
) -> tuple[list[Offer], str]:
    """The signatures that this person may give; without one, the reason why not."""
    offers: list[Offer] = []
    why_not = ""
    for meaning in (*ASSENT, Meaning.REJECTION):
        try:
            found = eligibility.capacity(
                case, asked, by=request.user, meaning=meaning.value
            )
        except (
            roles.NotAllowed,
            approvals.SameHand,
            approvals.NotOpen,
            approvals.NoSeat,
        ) as refusal:
            why_not = why_not or str(refusal)
            continue
        chosen = bound is not None and bound.data.get("meaning") == meaning
        form = bound if bound and chosen else _form(request, case, meaning, new=True)
        statement = eligibility.statement(
            asked, found, by=request.user, meaning=meaning.value
        )
        offers.append(Offer(meaning, statement, form))
    return offers, why_not


def _stages(case: Case) -> list[Stage]:
    """The stages that wait for signatures now."""
    try:
        return progress(case).open_stages()
    except NoPolicy:
        return []


def _changes(case: Case, asked: ApprovalRequest) -> list[differences.Difference]:
    return differences.since_submitted(case) if case.request == asked else []


def _contested(asked: ApprovalRequest) -> str:
    return _("%(challenges)s open challenges, %(dissents)s dissents that stand") % {
        "challenges": challenges.open_challenges(asked).count(),
        "dissents": challenges.open_dissents(asked).count(),
    }


def _checks(case: Case) -> list[Check]:
    try:
        return evaluate(case, APPROVE)
    except NoPolicy:
        return []


def _state(asked: ApprovalRequest, case: Case) -> tuple[str, str]:
    """A word of the state, and its sign: yes, no or wait."""
    if hasattr(asked, "authorisation"):
        return _("approved"), "yes"
    if hasattr(asked, "withdrawal"):
        return taken_back(asked), "wait"
    if asked.signatures.filter(meaning=Meaning.REJECTION).exists():
        return _("rejected"), "no"
    if case.request != asked:
        return _("overtaken by a newer request"), "wait"
    if not case.subject_holds:
        return _("changed since it was submitted"), "no"
    return _("waits for signatures"), "wait"

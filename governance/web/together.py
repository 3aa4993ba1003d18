"""Signing several requests at once: each with its own sentence and digest."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from governance import approvals, eligibility, roles, signatures
from governance.approvals import Wanted
from governance.case import Case
from governance.lifecycle import NoSuchMove
from governance.models import ApprovalRequest
from governance.models.signatures import SignedAct
from governance.policy import NoPolicy
from governance.web import worklist
from governance.web.frame import PersonRequest, page, put_errors, show
from governance.web.proof import ProofForm
from registry.models import User

Meaning = SignedAct.Meaning
_REFUSALS = (
    roles.NotAllowed,
    approvals.NotOpen,
    approvals.NotReady,
    approvals.SameHand,
    approvals.NoSeat,
    NoPolicy,
    NoSuchMove,
)


@dataclass(frozen=True)
class Item:
    """A signature that this person may give, as it is shown and chosen."""

    request: ApprovalRequest
    meaning: Meaning
    statement: str
    chosen: bool

    @property
    def value(self) -> str:
        """What the choice sends back: the very record and meaning that were shown."""
        return _value(self.request, self.meaning)


@page
def together(request: PersonRequest) -> HttpResponse:
    """Show what waits for this person, each to open; sign those that were chosen.

    One proof for all, and all or none. What changed since it was shown is refused.
    """
    form = ProofForm(request.POST or None, request=request)
    said = request.POST.getlist("chosen")
    if request.method == "POST" and form.is_valid() and _sign(request, form, said):
        return redirect("web:approvals")
    return show(
        request,
        "approvals/together.html",
        {"form": form, "items": list(_items(request.user, frozenset(said)))},
        section="approvals",
    )


def _sign(request: PersonRequest, form: ProofForm, said: list[str]) -> bool:
    try:
        rows = approvals.sign_batch(
            wanted=[_wanted(value) for value in said],
            proof=form.proof,
            by=request.user,
            at=timezone.now(),
        )
    except signatures.NotSigned as refusal:
        form.refuse(refusal)
    except _REFUSALS as refusal:
        put_errors(form, {"__all__": [str(refusal)]})
    else:
        messages.success(
            request,
            _("Signed: %(what)s") % {"what": ", ".join(str(r.request) for r in rows)},
        )
        return True
    return False


def _value(row: ApprovalRequest, meaning: Meaning) -> str:
    return f"{row.pk} {meaning.value} {row.subject_sha256}"


def _wanted(value: str) -> Wanted:
    """What was chosen. Raises `NotOpen` for what no page of ours sends."""
    try:
        pk, meaning, digest = value.split(" ")
        row = ApprovalRequest.objects.select_related(
            "version__model", "environment"
        ).get(pk=UUID(pk))
    except (ValueError, ApprovalRequest.DoesNotExist) as error:
        raise approvals.NotOpen(_("One of these is no request that waits.")) from error
    return Wanted(row, meaning, digest)


def _items(user: User, chosen: frozenset[str]) -> Iterator[Item]:
    at = timezone.now()
    for waiting in worklist.waiting_for(user):
        row = waiting.request
        case = Case(row.version, row.environment, at)
        for meaning in (Meaning.REVIEW, Meaning.APPROVAL):
            try:
                found = eligibility.capacity(case, row, by=user, meaning=meaning.value)
            except _REFUSALS:
                continue
            text = eligibility.statement(row, found, by=user, meaning=meaning.value)
            yield Item(row, meaning, text, _value(row, meaning) in chosen)

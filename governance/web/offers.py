"""Acts offered on the page of a record: one form each, carried out by its act."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import (
    approvals,
    attestations,
    challenges,
    changing,
    delegation,
    emergencies,
    fast_lane,
    incidents,
    issued,
    lifecycle,
    records,
    remedying,
    retiring,
    roles,
    suspensions,
    waiving,
)
from governance.signatures import NotSigned
from governance.web.frame import PersonRequest, put_errors, show
from governance.web.proof import ProofForm
from registry.models import User

REFUSALS = (
    roles.NotAllowed,
    approvals.NotOpen,
    approvals.SameHand,
    remedying.WrongState,
    remedying.SameHand,
    waiving.NotWaivable,
    waiving.WrongState,
    waiving.SameHand,
    waiving.NoSeat,
    emergencies.NotPossible,
    emergencies.SameHand,
    lifecycle.NoSuchMove,
    retiring.NotPossible,
    incidents.WrongState,
    attestations.CriticalFindings,
    suspensions.CannotChange,
    issued.CannotRenew,
    issued.CannotRevoke,
    challenges.CannotChallenge,
    changing.NotPossible,
    delegation.CannotDelegate,
    fast_lane.CannotReview,
)


class TextForm(forms.Form):
    """One text, in words that are kept."""

    text = forms.CharField(
        label=gettext_lazy("In words"),
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class SignedTextForm(ProofForm, TextForm):
    """A text, and who signs it."""


@dataclass(frozen=True)
class Offer:
    """An act that this person may try now, and the form for it.

    `act` takes the valid form. `statement` is the sentence that is signed.
    """

    name: str
    title: str
    form: forms.Form
    act: Callable[[Any], object]
    statement: str = ""
    stops: bool = False


@dataclass(frozen=True)
class Step:
    """One line of a record's history."""

    what: str
    who: str
    at: datetime
    text: str = ""


@dataclass(frozen=True)
class Line:
    """One row of a list of records."""

    address: str
    name: str
    about: str
    cells: tuple[Any, ...]
    state: str
    sign: str


def form_for(
    request: PersonRequest, name: str, kind: type[forms.Form], **more: Any
) -> forms.Form:
    """The form of an offer, filled in when this offer was chosen."""
    chosen = request.method == "POST" and request.POST.get("act") == name
    if issubclass(kind, ProofForm):
        more["request"] = request
    return kind(request.POST if chosen else None, auto_id=f"id_{name}_%s", **more)


def accepted(require: Callable[..., object], *about: object, by: User) -> bool:
    """Whether an act would take it from this person now, by what it requires."""
    try:
        require(*about, by=by)
    except REFUSALS:
        return False
    return True


def carry_out(form: forms.Form, act: Callable[[Any], object]) -> object | None:
    """Carry out an act, or put the reason why not where it belongs; None then."""
    if not form.is_valid():
        return None
    try:
        return act(form)
    except records.Refused as refusal:
        put_errors(form, refusal.errors)
    except NotSigned as refusal:
        put_errors(form, {refusal.field: [str(refusal)]})
    except REFUSALS as refusal:
        put_errors(form, {getattr(refusal, "field", "__all__"): [str(refusal)]})
    return None


def record_page(
    request: PersonRequest,
    offers: Sequence[Offer],
    context: Mapping[str, Any],
    *,
    section: str,
    address: str,
) -> HttpResponse:
    """Show a record with its offers; carry out the one that was chosen."""
    for offer in offers:
        if not offer.form.is_bound:
            continue
        if carry_out(offer.form, offer.act) is not None:
            messages.success(request, _("Done, and recorded."))
            return redirect(address)
    return show(
        request,
        "exceptions/record.html",
        {**context, "offers": offers},
        section=section,
    )

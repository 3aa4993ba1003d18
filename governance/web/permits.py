"""What becomes of a permit on its page: its files, its proof, renewal, revocation."""

import json
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audits import log
from governance import issued, permit, roles
from governance.models import GateDecision, PermitRevocation
from governance.web.frame import PersonRequest, page
from governance.web.offers import Offer, TextForm, form_for

_NAMES = ("permit", "vsa", "svr")
STATES = {
    "valid": gettext_lazy("valid"),
    "break-glass": gettext_lazy("valid, by break-glass"),
    "expired": gettext_lazy("expired"),
    "revoked": gettext_lazy("revoked"),
    "suspended": gettext_lazy("suspended with its authorisation"),
    "superseded": gettext_lazy("superseded by a newer authorisation"),
    "breached": gettext_lazy("void: a condition is broken"),
    "invalid": gettext_lazy("invalid"),
}


def facts(row: GateDecision) -> dict[str, Any]:
    """The state of a permit, and who took it back."""
    if not row.permit:
        return {}
    revocation = PermitRevocation.objects.filter(permit_id=row.pk)
    return {
        "state": STATES[issued.state_of(row, at=timezone.now())],
        "files": [name for name in _NAMES if getattr(row, name)],
        "revocation": revocation.select_related("revoked_by").first(),
        "renewals": row.renewals.order_by("decided_at"),
    }


def offers(request: PersonRequest, row: GateDecision) -> list[Offer]:
    """What this person may do with the permit."""
    if not row.permit or row.version is None:
        return []
    if PermitRevocation.objects.filter(permit_id=row.pk).exists():
        return []
    found = []
    for right, offer in (("ask the gate", _renewing), ("revoke permits", _revoking)):
        model, place = row.version.model, row.environment
        if roles.may(request.user, right, model=model, environment=place):
            found.append(offer(request, row))
    return found


def next_page(row: GateDecision, done: object) -> UUID:
    """Where to look after an act: at the new decision, or at the permit again."""
    return done.pk if isinstance(done, GateDecision) else row.pk


@page
def document(request: PersonRequest, decision_id: UUID, name: str) -> HttpResponse:
    """An envelope of a decision as a file, or the proof that it is in the log."""
    row = get_object_or_404(GateDecision, pk=decision_id, allowed=True)
    if name == "proof":
        return _proof(row)
    text = getattr(row, name) if name in _NAMES else ""
    if not text:
        raise Http404
    return _file(text, f"{name}-{row.pk}.dsse.json")


@page
def revoked(request: PersonRequest) -> HttpResponse:
    """The signed list of the permits that do not count, as a file."""
    try:
        row = issued.revoked_list(by=request.user, at=timezone.now())
    except permit.NoKey as error:
        return HttpResponse(str(error), status=503, content_type="text/plain")
    return _file(row.envelope, f"revoked-{row.sequence}.dsse.json")


def _proof(row: GateDecision) -> HttpResponse:
    try:
        text = json.dumps(issued.proof_of(row), ensure_ascii=False)
    except issued.NotYet as waits:
        said = HttpResponse(str(waits), status=409, content_type="text/plain")
        said.headers["Retry-After"] = "1"
        return said
    except log.NotInLog as error:
        raise Http404 from error
    return _file(text, f"proof-{row.pk}.json")


def _file(text: str, name: str) -> HttpResponse:
    reply = HttpResponse(text, content_type="application/json")
    reply.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return reply


def _renewing(request: PersonRequest, row: GateDecision) -> Offer:
    return Offer(
        "renew",
        _("Ask the same question again"),
        form_for(request, "renew", forms.Form),
        lambda _form: issued.renew(permit=row, by=request.user, at=timezone.now()),
    )


def _revoking(request: PersonRequest, row: GateDecision) -> Offer:
    return Offer(
        "revoke",
        _("Revoke this permit for good"),
        form_for(request, "revoke", TextForm),
        lambda form: issued.revoke(
            permit_id=row.pk,
            reason=form.cleaned_data["text"],
            by=request.user,
            at=timezone.now(),
        ),
        stops=True,
    )

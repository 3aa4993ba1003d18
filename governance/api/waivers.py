"""Waivers: requested, signed, refused, renewed, revoked."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance import roles, waived, waiving
from governance.api import show
from governance.api.decisions import Reason
from governance.api.door import Door, page_together, person
from governance.api.fields import Moment
from governance.api.inventory import find_environment, find_model, find_version
from governance.api.proof import Proven
from governance.api.scope import visible
from governance.models import RecordSignature, Waiver

_LONG = 10_000
_TEXTS = ("reason", "risk_statement", "compensating_controls", "plan_to_close")


def show_waiver(row: Waiver) -> show.Json:
    """A waiver with its signatures and what became of it."""
    return show_waivers([row])[0]


def show_waivers(rows: Sequence[Waiver]) -> list[show.Json]:
    """Many of them; their ends and signatures are read at once."""
    at = timezone.now()
    signed = waiving.signatures_by(rows)
    return [_show(one, signed[one.waiver.pk], at) for one in waived.endings(rows, at)]


def _show(
    ending: waived.Ending, signatures: Sequence[RecordSignature], at: datetime
) -> show.Json:
    row = ending.waiver
    return {
        "id": row.pk,
        "kind": row.kind,
        "rules": row.rules,
        "model": row.model.slug,
        "version": row.version.version if row.version else None,
        "environment": row.environment.slug if row.environment else None,
        "tier": row.tier,
        **{name: getattr(row, name) for name in (*_TEXTS, "evidence")},
        "valid_from": row.valid_from,
        "valid_until": row.valid_until,
        "ends_at": ending.ends_at,
        "state": ending.state(at),
        "renews": row.renews_id,
        "subject_sha256": row.subject_sha256,
        "requested_by": show.user(row.requested_by),
        "requested_at": row.requested_at,
        "signatures": [show.signature(s) for s in signatures],
    }


class WaiverRecord(serializers.Serializer[Any]):
    """Rules that need not hold for a while, and why that is bearable."""

    kind = serializers.ChoiceField(Waiver.Kind.choices, default=Waiver.Kind.RULES)
    rules = serializers.ListField(
        child=serializers.CharField(max_length=64), min_length=1, max_length=50
    )
    model = serializers.CharField(max_length=80)
    version = serializers.CharField(max_length=64, default=None, allow_null=True)
    environment = serializers.CharField(max_length=80, default=None, allow_null=True)
    reason = serializers.CharField(max_length=_LONG)
    risk_statement = serializers.CharField(max_length=_LONG)
    compensating_controls = serializers.CharField(max_length=_LONG)
    plan_to_close = serializers.CharField(max_length=_LONG)
    evidence = serializers.CharField(max_length=_LONG, default="", allow_blank=True)
    valid_from = Moment()
    valid_until = Moment()

    def wish(self) -> waiving.Wish:
        """What is asked for."""
        data = dict(self.validated_data)
        slug, number, place = (
            data.pop(name) for name in ("model", "version", "environment")
        )
        return waiving.Wish(
            model=find_model(slug),
            version=find_version(slug, number) if number else None,
            environment=find_environment(place) if place else None,
            **{
                **data,
                "rules": tuple(data["rules"]),
                "kind": Waiver.Kind(data["kind"]),
            },
        )


class WaiverList(Door):
    """`waivers`"""

    @extend_schema(request=WaiverRecord, responses={201: WaiverRecord})
    def post(self, request: Request) -> Response:
        """Ask for a waiver."""
        form = WaiverRecord(data=request.data)
        form.is_valid(raise_exception=True)
        row = waiving.request(wish=form.wish(), by=person(request), at=timezone.now())
        return Response(show_waiver(row), 201)

    @extend_schema(responses=WaiverRecord(many=True))
    def get(self, request: Request) -> Response:
        """List waivers, the newest first; `model` narrows the list."""
        roles.require(person(request), "read")
        rows = visible(waived.told(), person(request), model="model__slug")
        if slug := request.query_params.get("model"):
            rows = rows.filter(model__slug=slug)
        return page_together(
            request, rows, show_waivers, ordering=["-requested_at", "id"]
        )


def _find(request: Request, waiver_id: UUID) -> Waiver:
    row = get_object_or_404(waived.told(), pk=waiver_id)
    roles.require(person(request), "read", model=row.model)
    return row


def _shown(row: Waiver) -> Response:
    return Response(show_waiver(waived.told().get(pk=row.pk)), 201)


class WaiverDetail(Door):
    """`waivers/{id}`"""

    @extend_schema(responses=WaiverRecord)
    def get(self, request: Request, waiver_id: UUID) -> Response:
        """Read a waiver."""
        return Response(show_waiver(_find(request, waiver_id)))


class WaiverSignature(Proven):
    """An approval, signed."""

    comment = serializers.CharField(max_length=_LONG, default="", allow_blank=True)


class WaiverSignatures(Door):
    """`waivers/{id}/signatures`"""

    idempotent = False

    @extend_schema(request=WaiverSignature, responses={201: WaiverRecord})
    def post(self, request: Request, waiver_id: UUID) -> Response:
        """Approve a waiver; the last signature grants it."""
        row = _find(request, waiver_id)
        form = WaiverSignature(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        waiving.sign(
            waiver=row,
            proof=form.proof,
            by=person(request),
            at=timezone.now(),
            **form.validated_data,
        )
        return _shown(row)


class WaiverRefusal(Proven):
    """A refusal is signed as well, and needs a reason."""

    reason = serializers.CharField(max_length=_LONG)


class WaiverRejections(Door):
    """`waivers/{id}/rejections`"""

    idempotent = False

    @extend_schema(request=WaiverRefusal, responses={201: WaiverRecord})
    def post(self, request: Request, waiver_id: UUID) -> Response:
        """Refuse a waiver, signed."""
        row = _find(request, waiver_id)
        form = WaiverRefusal(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        waiving.refuse(
            waiver=row,
            proof=form.proof,
            by=person(request),
            at=timezone.now(),
            **form.validated_data,
        )
        return _shown(row)


class WaiverRevocationView(Door):
    """`waivers/{id}/revocation`"""

    @extend_schema(request=Reason, responses={201: WaiverRecord})
    def post(self, request: Request, waiver_id: UUID) -> Response:
        """Take a granted waiver back, for good."""
        row = _find(request, waiver_id)
        form = Reason(data=request.data)
        form.is_valid(raise_exception=True)
        waiving.revoke(
            waiver=row,
            reason=form.validated_data["reason"],
            by=person(request),
            at=timezone.now(),
        )
        return _shown(row)


class WaiverRenewals(Door):
    """`waivers/{id}/renewals`"""

    @extend_schema(request=WaiverRecord, responses={201: WaiverRecord})
    def post(self, request: Request, waiver_id: UUID) -> Response:
        """Ask once more for the same rules, with a new reason."""
        row = _find(request, waiver_id)
        form = WaiverRecord(data=request.data)
        form.is_valid(raise_exception=True)
        made = waiving.renew(
            waiver=row, wish=form.wish(), by=person(request), at=timezone.now()
        )
        return _shown(made)

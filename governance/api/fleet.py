"""Incidents, periodic reviews and attestations."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance import attestations, incidents, reviews, roles, triggers
from governance.api import show
from governance.api.door import Door, page, person
from governance.api.fields import Moment
from governance.api.inventory import find_environment, find_model, find_version
from governance.api.proof import Proven
from governance.api.scope import models_of, visible
from governance.models import (
    Attestation,
    Incident,
    KeyCompromise,
    PeriodicReview,
    VendorNotice,
)

_LONG = 10_000


def show_incident(row: Incident) -> show.Json:
    """An incident with its clock and what became of it."""
    report, closure = getattr(row, "report", None), getattr(row, "closure", None)
    return {
        "id": row.pk,
        "model": row.model.slug,
        "version": row.version.version if row.version else None,
        "environment": row.environment.slug if row.environment else None,
        "kind": row.kind,
        "title": row.title,
        "text": row.text,
        "aware_at": row.aware_at,
        "report_due_at": row.report_due_at,
        "overdue": incidents.overdue(row, timezone.now()),
        "authority": report.authority if report else None,
        "sent_at": report.sent_at if report else None,
        "closed_at": closure.closed_at if closure else None,
        "recorded_by": show.user(row.recorded_by),
        "recorded_at": row.recorded_at,
    }


class IncidentRecord(serializers.Serializer[Any]):
    """What happened, and when the organisation became aware."""

    model = serializers.CharField(max_length=80)
    version = serializers.CharField(max_length=64, default=None, allow_null=True)
    environment = serializers.CharField(max_length=80, default=None, allow_null=True)
    kind = serializers.ChoiceField(Incident.Kind.choices)
    title = serializers.CharField(max_length=200)
    text = serializers.CharField(max_length=_LONG)
    aware_at = Moment()


def _incidents() -> Any:
    return Incident.objects.select_related(
        "model__owner", "version", "environment", "recorded_by", "report", "closure"
    )


class IncidentList(Door):
    """`incidents`"""

    @extend_schema(request=IncidentRecord, responses={201: IncidentRecord})
    def post(self, request: Request) -> Response:
        """Record an incident; a serious one suspends at once."""
        form = IncidentRecord(data=request.data)
        form.is_valid(raise_exception=True)
        data = dict(form.validated_data)
        slug, number, place = (
            data.pop(name) for name in ("model", "version", "environment")
        )
        account = incidents.Account(
            model=find_model(slug),
            version=find_version(slug, number) if number else None,
            environment=find_environment(place) if place else None,
            **{**data, "kind": Incident.Kind(data["kind"])},
        )
        row = incidents.record(account=account, by=person(request), at=timezone.now())
        return Response(show_incident(row), 201)

    @extend_schema(responses=IncidentRecord(many=True))
    def get(self, request: Request) -> Response:
        """List incidents, the newest first."""
        roles.require(person(request), "read")
        rows = visible(_incidents(), person(request), model="model__slug")
        return page(request, rows, show_incident, ordering=["-recorded_at", "id"])


def _find(request: Request, incident_id: UUID) -> Incident:
    row: Incident = get_object_or_404(_incidents(), pk=incident_id)
    roles.require(person(request), "read", model=row.model)
    return row


class IncidentDetail(Door):
    """`incidents/{id}`"""

    @extend_schema(responses=IncidentRecord)
    def get(self, request: Request, incident_id: UUID) -> Response:
        """Read an incident."""
        return Response(show_incident(_find(request, incident_id)))


class NoticeRecord(serializers.Serializer[Any]):
    """That the authority was told."""

    authority = serializers.CharField(max_length=200)
    reference = serializers.CharField(max_length=200, default="", allow_blank=True)
    sent_at = Moment()


class IncidentReportView(Door):
    """`incidents/{id}/report`"""

    @extend_schema(request=NoticeRecord, responses={201: IncidentRecord})
    def post(self, request: Request, incident_id: UUID) -> Response:
        """Record that the authority was told (Art. 73)."""
        row = _find(request, incident_id)
        form = NoticeRecord(data=request.data)
        form.is_valid(raise_exception=True)
        incidents.report(
            incident=row, by=person(request), at=timezone.now(), **form.validated_data
        )
        return Response(show_incident(_find(request, incident_id)), 201)


class ClosureRecord(serializers.Serializer[Any]):
    """Why it happened, and what was done."""

    root_cause = serializers.CharField(max_length=_LONG)
    corrective_action = serializers.CharField(max_length=_LONG)


class IncidentClosureView(Door):
    """`incidents/{id}/closure`"""

    @extend_schema(request=ClosureRecord, responses={201: IncidentRecord})
    def post(self, request: Request, incident_id: UUID) -> Response:
        """Close an incident."""
        row = _find(request, incident_id)
        form = ClosureRecord(data=request.data)
        form.is_valid(raise_exception=True)
        incidents.close(
            incident=row, by=person(request), at=timezone.now(), **form.validated_data
        )
        return Response(show_incident(_find(request, incident_id)), 201)


def show_review(row: PeriodicReview) -> show.Json:
    """A signed review."""
    return {
        "id": row.pk,
        "model": row.model.slug,
        "kind": row.kind,
        "outcome": row.outcome,
        "text": row.text,
        "next_due_on": row.next_due_on,
        "subject_sha256": row.subject_sha256,
        "reviewed_by": show.user(row.reviewed_by),
        "reviewed_at": row.reviewed_at,
    }


class PeriodicReviewRecord(Proven):
    """A review or revalidation, signed."""

    model = serializers.CharField(max_length=80)
    kind = serializers.ChoiceField(PeriodicReview.Kind.choices)
    outcome = serializers.ChoiceField(PeriodicReview.Outcome.choices)
    text = serializers.CharField(max_length=_LONG)


class ReviewList(Door):
    """`reviews`"""

    idempotent = False

    @extend_schema(request=PeriodicReviewRecord, responses={201: PeriodicReviewRecord})
    def post(self, request: Request) -> Response:
        """Sign a periodic review or a revalidation."""
        form = PeriodicReviewRecord(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        data = form.validated_data
        row = reviews.complete(
            model=find_model(data["model"]),
            kind=PeriodicReview.Kind(data["kind"]),
            outcome=PeriodicReview.Outcome(data["outcome"]),
            text=data["text"],
            proof=form.proof,
            by=person(request),
            at=timezone.now(),
        )
        return Response(show_review(row), 201)

    @extend_schema(responses=PeriodicReviewRecord(many=True))
    def get(self, request: Request) -> Response:
        """List reviews, the newest first."""
        roles.require(person(request), "read")
        rows = PeriodicReview.objects.select_related("model", "reviewed_by")
        rows = visible(rows, person(request), model="model__slug")
        return page(request, rows, show_review, ordering=["-reviewed_at", "id"])


class DueRecord(serializers.Serializer[Any]):
    """A review that a model needs."""

    model = serializers.CharField()
    kind = serializers.CharField()
    tier = serializers.IntegerField()
    due_on = serializers.DateField()
    overdue = serializers.BooleanField()


class ReviewsDue(Door):
    """`reviews/due`"""

    @extend_schema(responses=DueRecord(many=True))
    def get(self, request: Request) -> Response:
        """What is due of every model in scope, the most urgent first."""
        by, at = person(request), timezone.now()
        roles.require(by, "read")
        slugs = models_of(by)
        return Response(
            [
                {
                    "model": one.model.slug,
                    "kind": one.kind,
                    "tier": one.tier,
                    "due_on": one.due_on,
                    "overdue": one.overdue(at),
                }
                for one in reviews.due_list(at)
                if slugs is None or one.model.slug in slugs
            ]
        )


def show_attestation(row: Attestation) -> show.Json:
    """An attestation with its snapshot, as text and digest."""
    return {
        "id": row.pk,
        "period_from": row.period_from,
        "period_until": row.period_until,
        "scope": row.scope,
        "answers": row.answers,
        "snapshot": row.snapshot,
        "snapshot_sha256": row.snapshot_sha256,
        "attested_by": show.user(row.attested_by),
        "attested_at": row.attested_at,
    }


class AnswerRecord(serializers.Serializer[Any]):
    """Yes, or no with its reason."""

    yes = serializers.BooleanField()
    comment = serializers.CharField(max_length=_LONG, default="", allow_blank=True)


class AttestationRecord(Proven):
    """Period, scope and the answers to every question, signed."""

    period_from = serializers.DateField()
    period_until = serializers.DateField()
    scope = serializers.CharField(max_length=200, default="*")
    answers = serializers.DictField(child=AnswerRecord())


class AttestationList(Door):
    """`attestations`"""

    idempotent = False

    @extend_schema(request=AttestationRecord, responses={201: AttestationRecord})
    def post(self, request: Request) -> Response:
        """Attest the fleet as its accountable executive."""
        form = AttestationRecord(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        data = form.validated_data
        row = attestations.attest(
            period=attestations.Period(
                data["period_from"], data["period_until"], data["scope"]
            ),
            answers={
                name: attestations.Answer(**answer)
                for name, answer in data["answers"].items()
            },
            proof=form.proof,
            by=person(request),
            at=timezone.now(),
        )
        return Response(show_attestation(row), 201)

    @extend_schema(responses=AttestationRecord(many=True))
    def get(self, request: Request) -> Response:
        """List attestations, the newest first. They speak of the whole fleet."""
        roles.require(person(request), "read", model="*")
        rows = Attestation.objects.select_related("attested_by")
        return page(request, rows, show_attestation, ordering=["-attested_at", "id"])


class VendorNoticeRecord(serializers.Serializer[Any]):
    """What a vendor announced about a model."""

    model = serializers.CharField(max_length=80)
    text = serializers.CharField(max_length=_LONG)
    support_ends_on = serializers.DateField(default=None, allow_null=True)


def show_notice(row: VendorNotice) -> show.Json:
    """A vendor's notice."""
    return {
        "id": row.pk,
        "model": row.model.slug,
        "text": row.text,
        "support_ends_on": row.support_ends_on,
        "recorded_by": show.user(row.recorded_by),
        "recorded_at": row.recorded_at,
    }


class VendorNotices(Door):
    """`vendor-notices`"""

    @extend_schema(request=VendorNoticeRecord, responses={201: VendorNoticeRecord})
    def post(self, request: Request) -> Response:
        """Record a vendor's change or end of support; it becomes a finding."""
        form = VendorNoticeRecord(data=request.data)
        form.is_valid(raise_exception=True)
        data = dict(form.validated_data)
        row = triggers.record_vendor_notice(
            model=find_model(data.pop("model")),
            by=person(request),
            at=timezone.now(),
            **data,
        )
        return Response(show_notice(row), 201)

    @extend_schema(responses=VendorNoticeRecord(many=True))
    def get(self, request: Request) -> Response:
        """List vendors' notices, the newest first."""
        roles.require(person(request), "read")
        rows = VendorNotice.objects.select_related("model", "recorded_by")
        rows = visible(rows, person(request), model="model__slug")
        return page(request, rows, show_notice, ordering=["-recorded_at", "id"])


class CompromiseRecord(serializers.Serializer[Any]):
    """A key that somebody else may hold."""

    key_id = serializers.RegexField(r"^[0-9a-f]{64}\Z")
    reason = serializers.CharField(max_length=_LONG)


def show_compromise(row: KeyCompromise) -> show.Json:
    """A key that was reported."""
    return {
        "key_id": row.key_id,
        "reason": row.reason,
        "reported_by": show.user(row.reported_by),
        "reported_at": row.reported_at,
    }


class CompromisedKeys(Door):
    """`compromised-keys`"""

    @extend_schema(request=CompromiseRecord, responses={201: CompromiseRecord})
    def post(self, request: Request) -> Response:
        """Report a key: nothing that it signed counts any more."""
        form = CompromiseRecord(data=request.data)
        form.is_valid(raise_exception=True)
        row = triggers.report_compromised_key(
            by=person(request), at=timezone.now(), **form.validated_data
        )
        return Response(show_compromise(row), 201)

    @extend_schema(responses=CompromiseRecord(many=True))
    def get(self, request: Request) -> Response:
        """List the keys that were reported, the newest first."""
        rows = triggers.reported_keys(by=person(request))
        return page(request, rows, show_compromise, ordering=["-reported_at", "id"])

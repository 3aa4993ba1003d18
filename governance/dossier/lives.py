"""Incidents, reviews, changes and vendors as they stood at the dossier's moment."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Model, Q, QuerySet

from audits.labels import measurement_label
from audits.models import EvidenceRun
from governance import planned, retiring, reviews, risk
from governance.dossier import lived
from governance.dossier.signed import signed_records
from governance.models import (
    ChangePlan,
    ChangePlanEnd,
    ChangeRecord,
    Incident,
    IncidentClosure,
    IncidentReport,
    PeriodicReview,
    Retirement,
    Rollback,
    TriggerEvent,
    VendorNotice,
)
from registry.models import ModelFeed, ModelVersion


def life_of(version: ModelVersion, *, at: datetime) -> lived.Life:
    """What happened to the version and its model by then, the oldest first."""
    return lived.Life(
        incidents=tuple(_incident(row, at) for row in _incidents(version, at)),
        reviews=tuple(_review(row, at) for row in _reviews(version, at)),
        plans=tuple(_plan(row, at) for row in _plans(version, at)),
        change=_change(version, at),
        triggers=tuple(_triggered(row) for row in _triggers(version, at)),
        rollbacks=tuple(_rollback(row) for row in _rollbacks(version, at)),
        retirement=_retirement(version, at),
        vendor_notices=tuple(_told(row) for row in _notices(version, at)),
        feeds=_feeds(version, at),
    )


def keys_of(version: ModelVersion, *, at: datetime) -> dict[type[Model], set[UUID]]:
    """The keys of every row that these parts of the dossier rest on."""
    incidents, plans = _incidents(version, at), _plans(version, at)
    kept: list[QuerySet[Any]] = [
        incidents,
        IncidentReport.objects.filter(incident__in=incidents, reported_at__lte=at),
        IncidentClosure.objects.filter(incident__in=incidents, closed_at__lte=at),
        _reviews(version, at),
        plans,
        ChangePlanEnd.objects.filter(plan__in=plans, ended_at__lte=at),
        _records(version, at),
        _triggers(version, at),
        _rollbacks(version, at),
        Retirement.objects.filter(version=version, asked_at__lte=at),
        _notices(version, at),
        _declared_feeds(version, at),
    ]
    return {rows.model: set(rows.values_list("pk", flat=True)) for rows in kept}


def _incidents(version: ModelVersion, at: datetime) -> QuerySet[Incident]:
    rows = Incident.objects.filter(
        Q(version=version) | Q(version=None),
        model=version.model_id,
        recorded_at__lte=at,
    )
    return rows.select_related(
        "version", "environment", "report", "closure__closed_by", "recorded_by"
    ).order_by("recorded_at", "id")


def _incident(row: Incident, at: datetime) -> lived.IncidentFacts:
    report, closure = getattr(row, "report", None), getattr(row, "closure", None)
    report = report if report and report.reported_at <= at else None
    closure = closure if closure and closure.closed_at <= at else None
    due = row.report_due_at
    return lived.IncidentFacts(
        id=str(row.pk),
        kind=str(Incident.Kind(row.kind).label),
        title=row.title,
        text=row.text,
        version=row.version.version if row.version else "",
        environment=row.environment.name if row.environment else "",
        aware_at=row.aware_at,
        report_due_at=due,
        reported_to=report.authority if report else "",
        reference=report.reference if report else "",
        sent_at=report.sent_at if report else None,
        overdue=due is not None and at >= due and report is None,
        root_cause=closure.root_cause if closure else "",
        corrective_action=closure.corrective_action if closure else "",
        closed_by=closure.closed_by.printed_name if closure else "",
        closed_at=closure.closed_at if closure else None,
        recorded_by=row.recorded_by.printed_name,
        recorded_at=row.recorded_at,
    )


def _reviews(version: ModelVersion, at: datetime) -> QuerySet[PeriodicReview]:
    rows = PeriodicReview.objects.filter(model=version.model_id, reviewed_at__lte=at)
    return rows.select_related("reviewed_by").order_by("reviewed_at", "id")


def _review(row: PeriodicReview, at: datetime) -> lived.Reviewed:
    return lived.Reviewed(
        id=str(row.pk),
        kind=str(PeriodicReview.Kind(row.kind).label),
        outcome=str(PeriodicReview.Outcome(row.outcome).label),
        text=row.text,
        next_due_on=row.next_due_on,
        reviewed_by=row.reviewed_by.printed_name,
        reviewed_at=row.reviewed_at,
        signatures=signed_records(reviews.RECORD, [row.pk], at),
    )


def _plans(version: ModelVersion, at: datetime) -> QuerySet[ChangePlan]:
    """The plans that came with the version, and the one that it was made under."""
    under = ChangeRecord.objects.filter(version=version).values("plan")
    rows = ChangePlan.objects.filter(
        Q(version=version) | Q(pk__in=under), filed_at__lte=at
    )
    return rows.select_related("version", "end", "filed_by").order_by("filed_at", "id")


def _plan(row: ChangePlan, at: datetime) -> lived.PlanFacts:
    end = getattr(row, "end", None)
    used = row.records.filter(recorded_at__lte=at).select_related("version")
    return lived.PlanFacts(
        id=str(row.pk),
        changes=row.changes,
        protocol=row.protocol,
        impact=row.impact,
        limits=tuple(_limit(item) for item in row.limits),
        most_changes=row.most_changes,
        valid_until=row.valid_until,
        subject_sha256=row.subject_sha256,
        filed_by=row.filed_by.printed_name,
        filed_at=row.filed_at,
        ended=end.reason if end and end.ended_at <= at else "",
        used_by=tuple(item.version.version for item in used.order_by("sequence")),
        signatures=signed_records(planned.RECORD, [row.pk], at),
    )


def _limit(said: Mapping[str, Any]) -> lived.Limit:
    kind = str(said.get("kind", ""))
    name = str(said.get("name", ""))
    known = kind in EvidenceRun.Kind.values
    return lived.Limit(
        kind=str(EvidenceRun.Kind(kind).label) if known else kind,
        label=measurement_label(name),
        group=str(said.get("group", "")),
        at_least=said.get("at_least"),
        at_most=said.get("at_most"),
    )


def _records(version: ModelVersion, at: datetime) -> QuerySet[ChangeRecord]:
    rows = ChangeRecord.objects.filter(version=version, recorded_at__lte=at)
    return rows.select_related("plan__version", "recorded_by")


def _change(version: ModelVersion, at: datetime) -> lived.ChangeFacts | None:
    row = _records(version, at).first()
    if row is None:
        return None
    return lived.ChangeFacts(
        plan_id=str(row.plan_id),
        plan_of=row.plan.version.version,
        changed=row.changed,
        reason=row.reason,
        recorded_by=row.recorded_by.printed_name,
        recorded_at=row.recorded_at,
    )


def _triggers(version: ModelVersion, at: datetime) -> QuerySet[TriggerEvent]:
    rows = TriggerEvent.objects.filter(
        Q(version=version) | Q(version=None, model=version.model_id), seen_at__lte=at
    )
    return rows.order_by("seen_at", "id")


def _triggered(row: TriggerEvent) -> lived.Triggered:
    return lived.Triggered(
        id=str(row.pk),
        kind=str(TriggerEvent.Kind(row.kind).label),
        effect=str(TriggerEvent.Effect(row.effect).label),
        text=row.text,
        seen_at=row.seen_at,
    )


def _rollbacks(version: ModelVersion, at: datetime) -> QuerySet[Rollback]:
    rows = Rollback.objects.filter(
        Q(from_version=version) | Q(decision__version=version), asked_at__lte=at
    )
    return rows.select_related(
        "from_version", "decision__version", "decision__environment", "asked_by"
    ).order_by("asked_at", "id")


def _rollback(row: Rollback) -> lived.RolledBack:
    to = row.decision.version
    return lived.RolledBack(
        from_version=row.from_version.version,
        to_version=to.version if to else row.decision.asked_version,
        environment=row.decision.asked_environment,
        allowed=row.decision.allowed,
        reason=row.reason,
        asked_by=row.asked_by.printed_name,
        asked_at=row.asked_at,
    )


def _retirement(version: ModelVersion, at: datetime) -> lived.Retired | None:
    rows = Retirement.objects.filter(version=version, asked_at__lte=at)
    row = rows.select_related("successor", "asked_by").first()
    if row is None:
        return None
    return lived.Retired(
        reason=row.reason,
        successor=row.successor.version if row.successor else "",
        retain_until=row.retain_until,
        asked_by=row.asked_by.printed_name,
        asked_at=row.asked_at,
        signatures=signed_records(retiring.RECORD, [row.pk], at),
    )


def _notices(version: ModelVersion, at: datetime) -> QuerySet[VendorNotice]:
    rows = VendorNotice.objects.filter(model=version.model_id, recorded_at__lte=at)
    return rows.select_related("recorded_by").order_by("recorded_at", "id")


def _told(row: VendorNotice) -> lived.VendorTold:
    return lived.VendorTold(
        id=str(row.pk),
        text=row.text,
        support_ends_on=row.support_ends_on,
        recorded_by=row.recorded_by.printed_name,
        recorded_at=row.recorded_at,
    )


def _declared_feeds(version: ModelVersion, at: datetime) -> QuerySet[ModelFeed]:
    """The latest word by then on each pair that the model is one of."""
    rows = ModelFeed.objects.filter(
        Q(upstream=version.model_id) | Q(model=version.model_id), declared_at__lte=at
    )
    latest = rows.order_by("upstream_id", "model_id", "-sequence")
    return latest.distinct("upstream_id", "model_id")


def _feeds(version: ModelVersion, at: datetime) -> tuple[lived.Fed, ...]:
    rows = ModelFeed.objects.filter(
        pk__in=_declared_feeds(version, at).values("pk"), ended=False
    ).select_related("upstream", "model", "dataset", "declared_by")
    found = list(rows.order_by("upstream__slug", "model__slug"))
    ends = {
        row.pk: row.model if row.upstream_id == version.model_id else row.upstream
        for row in found
    }
    standings = risk.standings(ends.values(), at)
    return tuple(
        lived.Fed(
            model=ends[row.pk].name,
            slug=ends[row.pk].slug,
            downstream=row.upstream_id == version.model_id,
            tier=standings[ends[row.pk].pk].tier,
            dataset=row.dataset.name if row.dataset else "",
            note=row.note,
            declared_by=row.declared_by.printed_name,
            declared_at=row.declared_at,
        )
        for row in found
    )

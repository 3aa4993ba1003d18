"""Findings, waivers and emergencies as they stood at the moment of the dossier."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Model, Prefetch, Q, QuerySet
from django.utils.translation import gettext as _

from governance import emergencies, findings, waived
from governance.dossier import excepted
from governance.dossier.signed import signed_records
from governance.emergencies.terms import RECORD as EMERGENCY
from governance.models import (
    Emergency,
    EmergencyAuthorisation,
    EmergencyReview,
    Finding,
    FindingChange,
    Waiver,
    WaiverDecision,
    WaiverRevocation,
)
from governance.waiving.signing import RECORD as WAIVER
from registry.models import ModelVersion


def exceptions_of(version: ModelVersion, *, at: datetime) -> excepted.Exceptions:
    """What concerns the version, or its model as a whole, the oldest first."""
    return excepted.Exceptions(
        findings=tuple(_finding(row, at) for row in findings_of(version, at=at)),
        waivers=tuple(waiver_facts(row, at) for row in waivers_of(version, at=at)),
        emergencies=tuple(_emergency(row, at) for row in emergencies_of(version, at)),
    )


def findings_of(version: ModelVersion, *, at: datetime) -> list[Finding]:
    """The findings by then, each with its steps by then."""
    steps = FindingChange.objects.filter(changed_at__lte=at)
    return list(
        Finding.objects.filter(
            Q(version=version) | Q(version=None),
            model=version.model_id,
            raised_at__lte=at,
        )
        .select_related("raised_by", "version")
        .prefetch_related(
            Prefetch("changes", steps.select_related("owner", "changed_by"))
        )
        .order_by("raised_at", "id")
    )


def waivers_of(version: ModelVersion, *, at: datetime) -> list[Waiver]:
    """The waivers that were asked for by then."""
    return list(
        Waiver.objects.filter(
            Q(version=version) | Q(version=None),
            model=version.model_id,
            requested_at__lte=at,
        )
        .select_related(
            "model", "version", "environment", "decision", "revocation", "requested_by"
        )
        .order_by("requested_at", "id")
    )


def emergencies_of(version: ModelVersion, at: datetime) -> list[Emergency]:
    """The times that the glass was broken by then."""
    rows = emergencies.told().filter(version=version, invoked_at__lte=at)
    return list(rows.order_by("invoked_at", "id"))


def keys_of(version: ModelVersion, *, at: datetime) -> dict[type[Model], set[UUID]]:
    """The keys of every row that these parts of the dossier rest on."""
    found, asked = findings_of(version, at=at), waivers_of(version, at=at)
    broken = emergencies_of(version, at)
    steps = [step for row in found for step in row.changes.all()]
    kept: list[QuerySet[Any]] = [
        WaiverDecision.objects.filter(waiver__in=asked),
        WaiverRevocation.objects.filter(waiver__in=asked),
        EmergencyAuthorisation.objects.filter(emergency__in=broken),
        EmergencyReview.objects.filter(emergency__in=broken),
    ]
    return {
        Finding: {row.pk for row in found},
        FindingChange: {row.pk for row in steps},
        Waiver: {row.pk for row in asked},
        Emergency: {row.pk for row in broken},
        **{rows.model: set(rows.values_list("pk", flat=True)) for rows in kept},
    }


def _finding(row: Finding, at: datetime) -> excepted.FindingFacts:
    found = findings.standing(row, at)
    return excepted.FindingFacts(
        id=str(row.pk),
        title=row.title,
        text=row.text,
        severity=str(found.severity.label),
        state=str(found.state.label),
        is_open=found.is_open,
        overdue=found.overdue,
        owner=found.owner.printed_name,
        due_on=found.due_on,
        version=row.version.version if row.version else "",
        raised_by=row.raised_by.printed_name,
        raised_at=row.raised_at,
        steps=tuple(
            excepted.Step(
                str(FindingChange.State(step.state).label),
                step.text,
                step.changed_by.printed_name,
                step.changed_at,
            )
            for step in found.changes
        ),
        signatures=signed_records(
            "findingchange", [step.pk for step in found.changes], at
        ),
    )


def waiver_facts(row: Waiver, at: datetime) -> excepted.WaiverFacts:
    """A waiver as it stood, with what became of it."""
    outcome, active = _outcome(row, at)
    return excepted.WaiverFacts(
        id=str(row.pk),
        kind=str(Waiver.Kind(row.kind).label),
        rules=tuple(row.rules),
        version=row.version.version if row.version else "",
        environment=row.environment.name if row.environment else "",
        outcome=outcome,
        active=active,
        reason=row.reason,
        risk_statement=row.risk_statement,
        compensating_controls=row.compensating_controls,
        plan_to_close=row.plan_to_close,
        requested_by=row.requested_by.printed_name,
        valid_from=row.valid_from,
        valid_until=waived.ends_at(row, at),
        signatures=signed_records(WAIVER, [row.pk], at),
    )


def _outcome(row: Waiver, at: datetime) -> tuple[str, bool]:
    decision = getattr(row, "decision", None)
    revocation = getattr(row, "revocation", None)
    if decision is None or decision.decided_at > at:
        return _("waiting for signatures"), False
    if not decision.granted:
        return _("refused: %(reason)s") % {"reason": decision.reason}, False
    if revocation is not None and revocation.revoked_at <= at:
        return _("revoked: %(reason)s") % {"reason": revocation.reason}, False
    if waived.ends_at(row, at) <= at:
        return _("expired"), False
    return _("granted"), True


def _emergency(row: Emergency, at: datetime) -> excepted.EmergencyFacts:
    given = getattr(row, "authorisation", None)
    given = given if given is not None and given.valid_from <= at else None
    confirmed = given.confirmed_by if given else None
    return excepted.EmergencyFacts(
        id=str(row.pk),
        environment=row.environment.name,
        reason_code=str(Emergency.ReasonCode(row.reason_code).label),
        incident=row.incident,
        reason=row.reason,
        compensating_controls=row.compensating_controls,
        invoked_by=row.invoked_by.printed_name,
        invoked_at=row.invoked_at,
        confirmed_by=confirmed.printed_name if confirmed else "",
        valid_until=given.valid_until if given else None,
        review=_review(row, at),
        signatures=signed_records(EMERGENCY, [row.pk], at),
    )


def _review(row: Emergency, at: datetime) -> str:
    review = getattr(row, "review", None)
    if review is None or review.reviewed_at > at:
        return _("not reviewed yet")
    verdict = _("justified") if review.justified else _("not justified")
    return f"{verdict}: {review.root_cause}"

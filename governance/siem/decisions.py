"""Decisions of the gate: one API Activity, and a Compliance Finding for each rule."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from governance.models import GateDecision
from governance.siem.event import (
    API_ACTIVITY,
    COMPLIANCE_FINDING,
    Json,
    Place,
    Severity,
    event,
    person,
)

_CREATE = 1
_PASS, _WARNING, _FAIL = 1, 2, 3
_NEW, _SUPPRESSED = 1, 3


def of_decision(place: Place, row: GateDecision) -> Iterator[Json]:
    """The decision, then what became of each rule."""
    failing = sorted({c["requirement"] for c in row.checks if not c["passed"]})
    asked = f"{row.asked_model} {row.asked_version}".strip() or row.asked_digest
    verdict = "allowed" if row.allowed else "denied"
    yield event(
        place,
        of_class=API_ACTIVITY,
        activity=_CREATE,
        at=row.decided_at,
        severity=Severity.INFORMATIONAL if row.allowed else Severity.MEDIUM,
        message=f"The gate {verdict} {asked} for {row.asked_environment}",
        correlation=str(row.pk),
        status_id=1 if row.allowed else 2,
        status_detail=", ".join(failing),
        actor={"user": person(row.decided_for)},
        api={"operation": "gate.decide", "request": {"uid": str(row.pk)}},
        src_endpoint=_source(row),
        resources=[_resource(row)],
        unmapped={
            "decision_id": str(row.pk),
            "environment": row.asked_environment,
            "break_glass": row.emergency_id is not None,
            "expires_at": row.expires_at.isoformat() if row.expires_at else None,
        },
    )
    for number, check in enumerate(row.checks, start=1):
        yield _finding(place, row, number, check)


def _finding(
    place: Place, row: GateDecision, number: int, check: Mapping[str, Any]
) -> Json:
    """What one rule said; a waived one is suppressed, with the waiver's id."""
    waiver = check.get("waiver", "")
    status, severity = _judged(check)
    compliance = {
        "control": check["requirement"],
        "requirements": [check["requirement"]],
        "standards": [check.get("pack") or "gate"],
        "status_id": status,
        "status_details": [check["observed"]],
        "desc": check["because"],
    }
    more: Json = {}
    if waiver or status != _PASS:
        more["status_id"] = _SUPPRESSED if waiver else _NEW
    return event(
        place,
        of_class=COMPLIANCE_FINDING,
        activity=_CREATE,
        at=row.decided_at,
        severity=severity,
        message=f"{check['title']}: {check['observed']}",
        number=number,
        correlation=str(row.pk),
        compliance=compliance,
        finding_info={"uid": _uid(row, check), "title": check["title"]},
        resources=[_resource(row)],
        unmapped={
            "decision_id": str(row.pk),
            "environment": row.asked_environment,
            "waiver_id": waiver or None,
        },
        **more,
    )


def _judged(check: Mapping[str, Any]) -> tuple[int, Severity]:
    if check["passed"] is True:
        return _PASS, Severity.LOW if check.get("waiver") else Severity.INFORMATIONAL
    if check.get("severity") == "warn":
        return _WARNING, Severity.LOW
    return _FAIL, Severity.HIGH


def _uid(row: GateDecision, check: Mapping[str, Any]) -> str:
    """The same for the same rule of the same thing in the same place."""
    resource = _resource(row)
    parts = (
        resource["uid"],
        row.asked_environment,
        check["requirement"],
        check["title"],
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _source(row: GateDecision) -> Json:
    """Who asked from where: the pipeline's token, or the account itself."""
    if row.pipeline_token_id is not None:
        return {"uid": str(row.pipeline_token_id), "name": "pipeline"}
    return {"uid": str(row.decided_for_id), "name": row.decided_for.username}


def _resource(row: GateDecision) -> Json:
    if row.version is None:
        asked = row.asked_model or row.asked_digest
        return {"uid": asked, "name": asked, "type": "unknown"}
    return {
        "uid": str(row.version.pk),
        "name": row.version.model.slug,
        "version": row.version.version,
        "type": "AI model version",
    }

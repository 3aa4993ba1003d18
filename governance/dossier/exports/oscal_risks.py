"""OSCAL risks and the plan of action: waivers in force and open findings."""

from datetime import UTC, datetime, time
from typing import Any

from governance.dossier.content import Content
from governance.dossier.excepted import FindingFacts, WaiverFacts
from governance.dossier.exports.oscal import about, metadata
from governance.dossier.reading import line, second, uuid_in
from registry.digests import canonical_json


def risk_uuid(said: Content, waiver: str) -> str:
    """The id of the risk that a waiver accepts."""
    return uuid_in(said, "risk", waiver)


def risk_of(said: Content, row: WaiverFacts) -> dict[str, Any]:
    """What is accepted, until when, and what is done about it."""
    return {
        "uuid": risk_uuid(said, row.id),
        "title": line(f"{row.kind}: {', '.join(row.rules)}"),
        "description": row.reason,
        "statement": row.risk_statement,
        "status": "deviation-approved",
        "mitigating-factors": [
            {
                "uuid": uuid_in(said, "mitigation", row.id),
                "description": row.compensating_controls,
            }
        ],
        "deadline": second(row.valid_until),
        "remediations": [
            {
                "uuid": uuid_in(said, "remediation", row.id),
                "lifecycle": "planned",
                "title": "Plan to close",
                "description": row.plan_to_close,
            }
        ],
    }


def plan_of_action(said: Content) -> bytes | None:
    """The plan (POA&M); None where no waiver is in force and no finding is open."""
    waivers = [row for row in said.exceptions.waivers if row.active]
    findings = [row for row in said.exceptions.findings if row.is_open]
    if not waivers and not findings:
        return None
    rows = [(row.id, row.reason, risk_of(said, row)) for row in waivers]
    rows += [(row.id, row.text, _open(said, row)) for row in findings]
    document = {
        "uuid": uuid_in(said, "oscal", "plan"),
        "metadata": metadata(said, f"Plan of action for {about(said)}"),
        "system-id": {
            "identifier-type": "urn:freigabe:version",
            "id": said.version.sha256,
        },
        "risks": [risk for _id, _text, risk in rows],
        "poam-items": [
            {
                "uuid": uuid_in(said, "item", key),
                "title": risk["title"],
                "description": text,
                "related-risks": [{"risk-uuid": risk["uuid"]}],
            }
            for key, text, risk in rows
        ],
    }
    return canonical_json({"plan-of-action-and-milestones": document})


def _open(said: Content, row: FindingFacts) -> dict[str, Any]:
    due = datetime.combine(row.due_on, time.max, UTC)
    return {
        "uuid": uuid_in(said, "risk", row.id),
        "title": line(row.title),
        "description": row.text,
        "statement": f"{row.severity}, {row.owner}",
        "status": "open",
        "deadline": second(due),
    }

"""OSCAL assessment results: the policy's verdicts on the version, by environment."""

from typing import Any

from governance.dossier.content import Content
from governance.dossier.exports.oscal import CATALOG, about, control_id, metadata
from governance.dossier.exports.oscal_risks import risk_of, risk_uuid
from governance.dossier.reading import line, second, uuid_in
from governance.dossier.verdicts import Evaluation, Ruling
from registry.digests import canonical_json


def results(said: Content) -> bytes:
    """One result for each environment; a version that may run nowhere has one, too."""
    found = [_result(said, item) for item in said.evaluations] or [_nothing(said)]
    document = {
        "uuid": uuid_in(said, "oscal", "results"),
        "metadata": metadata(said, f"Policy evaluation of {about(said)}"),
        # There is no assessment plan apart from the rules themselves.
        "import-ap": {"href": f"#{uuid_in(said, 'oscal', 'rules')}"},
        "results": found,
        "back-matter": {"resources": _resources(said)},
    }
    return canonical_json({"assessment-results": document})


def _resources(said: Content) -> list[dict[str, Any]]:
    packs = {pack.name: pack for item in said.evaluations for pack in item.packs}
    return [
        {
            "uuid": uuid_in(said, "oscal", "rules"),
            "title": "Rules",
            "rlinks": [{"href": CATALOG}],
        },
        *(
            {
                "uuid": uuid_in(said, "oscal", "pack", pack.name),
                "title": line(pack.name),
                "props": [
                    {"name": "sha256", "value": pack.sha256, "ns": "urn:freigabe"}
                ],
            }
            for pack in packs.values()
        ),
    ]


def _nothing(said: Content) -> dict[str, Any]:
    return {
        "uuid": uuid_in(said, "oscal", "nothing"),
        "title": "No environment",
        "description": "No environment is registered, so that no rule was applied.",
        "start": second(said.control.as_of),
        "reviewed-controls": {"control-selections": [{"include-all": {}}]},
    }


def _result(said: Content, item: Evaluation) -> dict[str, Any]:
    controls = dict.fromkeys(control_id(ruling) for ruling in item.rulings)
    chosen: dict[str, Any] = {
        "include-controls": [{"control-id": name} for name in controls]
    }
    waivers = {ruling.check.waiver for ruling in item.rulings}
    risks = [risk_of(said, row) for row in said.exceptions.waivers if row.id in waivers]
    found: dict[str, Any] = {
        "uuid": uuid_in(said, "oscal", "result", item.slug),
        "title": line(item.environment),
        "description": f"May the version run in {item.environment}? "
        f"{'Yes' if item.allowed else 'No'}.",
        "start": second(said.control.as_of),
        "props": [
            {"name": "decision", "value": "allow" if item.allowed else "deny"},
            {"name": "tier", "value": str(said.standing.tier)},
        ],
        "reviewed-controls": {
            "control-selections": [chosen if controls else {"include-all": {}}]
        },
        "observations": [
            *(_observation(said, item, ruling) for ruling in item.rulings),
            *_evidence(said, item),
        ],
    }
    found["findings"] = [_finding(said, item, ruling) for ruling in item.rulings]
    if risks:
        found["risks"] = risks
    return {name: value for name, value in found.items() if value != []}


def _observation(said: Content, item: Evaluation, ruling: Ruling) -> dict[str, Any]:
    check = ruling.check
    return {
        "uuid": uuid_in(said, "observation", item.slug, control_id(ruling)),
        "title": line(check.title),
        "description": check.observed or check.because,
        "methods": ["EXAMINE"],
        "types": ["control-objective"],
        "collected": second(said.control.as_of),
    }


def _evidence(said: Content, item: Evaluation) -> list[dict[str, Any]]:
    return [
        {
            "uuid": uuid_in(said, "evidence", item.slug, report.report_id),
            "title": line(report.label),
            "description": f"Evidence report {report.report_id} on {report.dataset}",
            "methods": ["TEST"],
            "collected": second(report.reported_at),
            "relevant-evidence": [
                {
                    "href": report.attachment,
                    "description": f"sha256:{report.sha256}",
                }
            ],
        }
        for report in said.evidence
    ]


def _finding(said: Content, item: Evaluation, ruling: Ruling) -> dict[str, Any]:
    check, name = ruling.check, control_id(ruling)
    met = check.passed and not check.waiver
    reason = "other" if check.waiver else "pass" if met else "fail"
    found: dict[str, Any] = {
        "uuid": uuid_in(said, "finding", item.slug, name),
        "title": line(check.title),
        "description": check.because or check.observed,
        "target": {
            "type": "statement-id",
            "target-id": f"{name}_smt",
            "status": {
                "state": "satisfied" if met else "not-satisfied",
                "reason": reason,
            },
        },
        "related-observations": [
            {"observation-uuid": uuid_in(said, "observation", item.slug, name)}
        ],
    }
    known = {row.id for row in said.exceptions.waivers}
    if check.waiver in known:
        found["related-risks"] = [{"risk-uuid": risk_uuid(said, check.waiver)}]
    return found

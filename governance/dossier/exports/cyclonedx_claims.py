"""CycloneDX Attestations: the policy's rules as standards, its verdicts as claims.

The assessor is this installation, which is no third party. No confidence is stated:
a rule is met or it is not, and a waived rule is not met.
"""

from collections.abc import Iterator
from typing import Any

from governance.dossier.content import Content
from governance.dossier.reading import second
from governance.dossier.verdicts import Evaluation, Ruling

ABOVE = "freigabe"  # what stands above every pack


def ref_of(ruling: Ruling) -> str:
    """The reference of a rule: pack, version and rule."""
    return f"rule:{ruling.check.pack or ABOVE}:{ruling.check.requirement}"


def rulings_by_pack(said: Content) -> dict[str, dict[str, Ruling]]:
    """Each rule that was applied, once, by the pack that asks it."""
    found: dict[str, dict[str, Ruling]] = {}
    for evaluation in said.evaluations:
        for ruling in evaluation.rulings:
            pack = found.setdefault(ruling.check.pack or ABOVE, {})
            pack.setdefault(ruling.check.requirement, ruling)
    return found


def standards(said: Content) -> list[dict[str, Any]]:
    """The packs that judged, each rule with its text and sources."""
    return [
        {
            "bom-ref": f"pack:{pack}",
            "name": pack.partition(" ")[0],
            "version": pack.partition(" ")[2] or said.control.software,
            "requirements": [
                {
                    "bom-ref": ref_of(ruling),
                    "identifier": name,
                    "text": ruling.text or ruling.check.title,
                    "descriptions": [
                        f"{item.ref} ({item.status})" for item in ruling.citations
                    ],
                }
                for name, ruling in rules.items()
            ],
        }
        for pack, rules in rulings_by_pack(said).items()
    ]


def declarations(said: Content, *, target: str, assessor: str) -> dict[str, Any]:
    """One attestation for each environment, and a claim for each check in it."""
    evidence = [
        {
            "bom-ref": f"evidence:{item.report_id}",
            "description": f"{item.label} ({item.kind})",
            "data": [{"name": item.kind, "contents": {"url": item.attachment}}],
            "created": second(item.reported_at),
            "author": {"name": item.requested_by},
        }
        for item in said.evidence
    ]
    return {
        "assessors": [
            {
                "bom-ref": assessor,
                "thirdParty": False,
                "organization": {"name": said.control.instance},
            }
        ],
        "attestations": [
            {
                "summary": f"{item.environment} ({item.slug}): "
                f"{'allowed' if item.allowed else 'denied'}",
                "assessor": assessor,
                "map": [
                    _mapped(item, number, ruling)
                    for number, ruling in enumerate(item.rulings)
                ],
            }
            for item in said.evaluations
        ],
        "claims": [
            claim for item in said.evaluations for claim in _claims(item, target)
        ],
        "evidence": evidence,
    }


def _claim_ref(evaluation: Evaluation, number: int) -> str:
    return f"claim:{evaluation.slug}:{number}"


def _mapped(evaluation: Evaluation, number: int, ruling: Ruling) -> dict[str, Any]:
    check = ruling.check
    met = check.passed and not check.waiver
    why = (
        f"waived by {check.waiver}: {check.observed}" if check.waiver else check.because
    )
    return {
        "requirement": ref_of(ruling),
        "claims" if met else "counterClaims": [_claim_ref(evaluation, number)],
        "conformance": {"score": 1 if met else 0, "rationale": why},
    }


def _claims(evaluation: Evaluation, target: str) -> Iterator[dict[str, Any]]:
    for number, ruling in enumerate(evaluation.rulings):
        check = ruling.check
        met = check.passed and not check.waiver
        yield {
            "bom-ref": _claim_ref(evaluation, number),
            "target": target,
            "predicate": f"{check.title}: {'met' if met else 'not met'}",
            "reasoning": check.observed,
        }

"""Evaluation records: every rule applied to one version, and run again from inputs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from importlib.metadata import version as installed
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from governance import expressions, policy, roles
from governance.case import Case
from governance.models import ApprovalRequest, Evaluation, PolicyPack
from governance.policy import Bound, Check, InForce
from governance.requirements import DEPLOY, answered, asked_at, law, waived_in
from governance.requirements.judging import Waived, judge
from registry.acts import act
from registry.digests import canonical_json, sha256_hex
from registry.models import Environment, ModelVersion, User

FORMAT = "freigabe-evaluation/1"
Occasion = Evaluation.Occasion


class CannotRepeat(Exception):
    """The record cannot be run again: a pack that it names is not here."""


def engine() -> str:
    """What computed a record: another engine may say other words."""
    return f"{FORMAT} cel-python/{installed('cel-python')}"


def record(
    *,
    case: Case,
    occasion: str,
    request: ApprovalRequest | None,
    by: User,
) -> Evaluation:
    """Apply all rules to a case and keep the record, as part of the act that calls."""
    text = canonical_json(document(case)).decode()
    return Evaluation.objects.create(
        version=case.version,
        environment=case.environment,
        request=request,
        occasion=occasion,
        document=text,
        sha256=sha256_hex(text.encode()),
        passed=json.loads(text)["passed"],
        as_of=case.at,
        evaluated_by=by,
    )


@act
def evaluate_now(
    *, version: ModelVersion, environment: Environment, by: User, at: datetime
) -> Evaluation:
    """Keep a record on demand. Raises `NotAllowed`."""
    roles.require(by, "read", model=version.model, environment=environment)
    case = Case(version, environment, at).as_granted()
    return record(case=case, occasion=Occasion.DEMAND, request=None, by=by)


def document(case: Case) -> dict[str, Any]:
    """The record of a case: inputs with digests, and what follows from them."""
    with translation.override("en"):
        inputs = _inputs(case)
        return {
            "engine": engine(),
            "model": case.version.model.slug,
            "version": case.version.version,
            "version_sha256": case.version.sha256,
            "environment": case.environment.slug,
            "as_of": case.at.isoformat(),
            "tier": case.tier,
            "packs": [_named(item) for item in _in_force(case)],
            "inputs": inputs,
            **_follows(_in_force(case), case.tier, case.at, inputs),
        }


def again(evaluation: Evaluation) -> str:
    """The record computed anew from its own inputs: the same bytes, or it lies.

    Raises `CannotRepeat`.
    """
    kept = json.loads(evaluation.document)
    packs = [_found(item) for item in kept["packs"]]
    at = datetime.fromisoformat(kept["as_of"])
    with translation.override("en"):
        follows = _follows(packs, kept["tier"], at, kept["inputs"])
    return canonical_json({**kept, **follows}).decode()


def _in_force(case: Case) -> tuple[InForce, ...]:
    granted_at = case.granted.valid_from if case.granted else None
    return case.shelf.in_force(at=case.at, granted_at=granted_at)


def _named(item: InForce) -> dict[str, Any]:
    return {
        **item.as_subject(),
        "canonical_sha256": item.pack.sha256,
        "replaced_by": str(item.grandfathered_by or "") or None,
    }


def _found(item: Mapping[str, Any]) -> InForce:
    slug, version = item["id"].rsplit(" ", 1)
    row = PolicyPack.objects.filter(
        slug=slug, version=version, sha256=item["sha256"]
    ).first()
    if row is None or policy.parse(row.document).sha256 != item["canonical_sha256"]:
        raise CannotRepeat(_("The pack %(id)s is not here.") % {"id": item["id"]})
    return InForce(row, item["early_adoption"])


def _inputs(case: Case) -> dict[str, Any]:
    """All that the rules look at. Answers are kept as the providers gave them."""
    try:
        rules = asked_at(case, DEPLOY)
    except policy.NoPolicy:
        rules = []
    return {
        "variables": case.values(_variables(_in_force(case))),
        "evidence": {kind: row.sha256 for kind, row in case.reports.items()},
        "assessment": str(case.assessment.pk) if case.assessment else None,
        "law": [check.as_dict() for check in law.checks(case)],
        "waivers": {rule: asdict(row) for rule, row in waived_in(case).items()},
        "answers": {
            _place(found, item): answered(found, item, case).as_dict()
            for found in rules
            if not found.unknown
            for item in found.rule.evidence
        },
    }


def _variables(packs: Sequence[InForce]) -> frozenset[str]:
    """Every variable that a condition of these packs reads."""
    texts = frozenset().union(*(item.pack.conditions for item in packs))
    names = [expressions.compiled(text).variables for text in texts]
    return frozenset().union(*names)


def _place(found: Bound, item: Mapping[str, Any]) -> str:
    return f"{found.pack.name} {found.rule.id} {found.rule.key(item)}"


def _result(check: Check) -> dict[str, Any]:
    """A check as records of every age have it: the waivers stand among the inputs."""
    return replace(check, waiver="").as_dict()


def _follows(
    packs: Sequence[InForce], tier: int, at: datetime, inputs: Mapping[str, Any]
) -> dict[str, Any]:
    """What packs make of inputs; nothing else is read."""

    def read(names: frozenset[str]) -> dict[str, Any]:
        known = inputs["variables"]
        return {name: known[name] for name in names if name in known}

    def answer(found: Bound, item: Mapping[str, Any]) -> Check:
        return Check(**inputs["answers"][_place(found, item)])

    applying = policy.applying(packs, read)
    rules = policy.bound(applying, tier=tier, on=at.date(), read=read)
    checks = [Check(**check) for check in inputs["law"]]
    checks += judge(
        applying,
        [found for found in rules if found.rule.gate in DEPLOY],
        answer=answer,
        waived={rule: Waived(**row) for rule, row in inputs["waivers"].items()},
    )
    return {
        "applying": [item.pack.name for item in applying],
        "results": [_result(check) for check in checks],
        "passed": bool(applying) and not any(check.blocks for check in checks),
    }

"""A model whose version 1 was approved by the full quorum with its change plan."""

from dataclasses import replace

from governance import access, approvals, changing, policy, registration
from governance.models import ApprovalRequest, ChangePlan
from governance.signatures import Proof
from registry.models import ModelVersion, RegisteredModel
from tests.world import NOW, PASSWORD, World, later

PROOF = Proof(password=PASSWORD)
# Beside the first policy: tier 2 asks for three people.
COMMITTEE = """pack: committee
version: 2026.11.0
title: {en: Committee, de: Ausschuss}
legal_basis: [House rules]
applies_when: always
approvals:
  T2:
    stages:
    - {id: validation, seats: {meaning: review, roles: [validator]}}
    - id: committee
      seats:
        all:
        - {meaning: approval, roles: [approver]}
        - {meaning: approval, roles: [risk-manager, compliance]}
      people: 2
    max_days: 365
rules:
- id: committee-001
  title: {en: Separates, de: Trennt}
  text: {en: The model separates the outcomes., de: Das Modell trennt.}
  citations: [{ref: House rule, status: voluntary}]
  evidence:
  - {type: performance_report, measurement: roc_auc, at_least: 0.5}
  severity: block
  tiers: [T1, T2, T3, T4]
  gate: approve
  waivable: false
"""
LIMITS = (
    {"kind": "performance", "name": "roc_auc", "group": "", "at_least": 0.78},
    {
        "kind": "fairness",
        "name": "demographic_parity_difference",
        "group": "afam",
        "at_most": 0.08,
    },
)
WISH = changing.Wish(
    changes="Retraining on newer applications.",
    protocol="The same tests, on the same data, before each release.",
    impact="Refusals may shift a little; bounded by the limits.",
    limits=LIMITS,
    most_changes=2,
    valid_until=later(days=200),
)


def committee(world: World) -> None:
    """A pack under which tier 2 asks for a validator and two approvers."""
    policy.publish(text=COMMITTEE, by=access.system_user(), at=NOW)


def made(
    world: World, model: RegisteredModel, number: str, numbers=None, **more
) -> ModelVersion:
    """A measured version of the usual method, trained on the usual data."""
    data = world.data()
    version = registration.register_version(
        model=model,
        version=number,
        artifacts=[(world.artifact(), "model")],
        by=world.ben,
        at=NOW,
        **{
            "method": "gradient boosting",
            "datasets": [(data, "training")],
            **more,
        },
    )
    world.measured(version, data, numbers)
    return version


def filed(world: World, version: ModelVersion, at=NOW, by=None, **more) -> ChangePlan:
    return changing.file_plan(
        version=version,
        wish=replace(WISH, **more),
        proof=PROOF,
        by=by or world.anna,
        at=at,
    )


def submitted(world: World, version: ModelVersion, at=NOW) -> ApprovalRequest:
    return approvals.submit(
        version=version, environment=world.production, by=world.anna, at=at
    )


def signed(request: ApprovalRequest, *pairs, at=NOW) -> ApprovalRequest:
    for by, meaning in pairs:
        approvals.sign(request=request, meaning=meaning, proof=PROOF, by=by, at=at)
    return request


def light(world: World, request: ApprovalRequest, at=NOW) -> ApprovalRequest:
    """A validator and one approver sign."""
    return signed(request, (world.vera, "review"), (world.carl, "approval"), at=at)


def full(world: World, request: ApprovalRequest, at=NOW) -> ApprovalRequest:
    """The second approver signs as well."""
    light(world, request, at)
    return signed(request, (world.cora, "approval"), at=at)


def planned_base(world: World, **more) -> ChangePlan:
    """Version 1, approved with its plan by all three."""
    committee(world)
    model = world.model()
    world.assessed(model)
    version = made(world, model, "1")
    plan = filed(world, version, **more)
    full(world, submitted(world, version))
    return plan


def changed(world: World, plan: ChangePlan, number="2", at=NOW, **more) -> ModelVersion:
    """A later version that says that it falls under the plan."""
    version = made(world, plan.version.model, number, **more)
    changing.record_change(
        version=version,
        plan=plan,
        changed="Retrained on the applications of the third quarter.",
        reason="Newer data.",
        by=world.ben,
        at=at,
    )
    return version


def authorised(version: ModelVersion) -> bool:
    return version.authorisations.exists()

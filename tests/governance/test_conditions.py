"""Approvals on conditions that are checked, and the fast lane with its draw."""

import base64
import json
from uuid import UUID

import pytest

from audits.models import Checkpoint
from governance import (
    access,
    approvals,
    breaches,
    conditions,
    fast_lane,
    findings,
    gate,
    policy,
)
from governance.lifecycle import State, state_of
from governance.models import Authorisation, Condition, Draw
from governance.signatures import Proof
from registry.models import Role
from tests.governance.test_duties import sign, submit, tier
from tests.world import NOW, PASSWORD, later, log_verified


def approve(world, *stated, version=None, at=NOW):
    """Vera reviews, Carl approves on these conditions."""
    request = submit(world, version or world.ready())
    sign(request, world.vera)
    approvals.sign(
        request=request,
        meaning="approval",
        proof=Proof(password=PASSWORD),
        stated=conditions.read(stated),
        by=world.carl,
        at=at,
    )
    return Authorisation.objects.get(request=request)


def asked(world, at=NOW):
    log_verified(at)
    question = gate.Question("production", "mortgage-approval", "1")
    return gate.decide(question=question, by=world.ola, at=at)


TRAFFIC = {"kind": "traffic", "terms": {"at_most_percent": 10}}
REGION = {"kind": "region", "terms": {"regions": ["DE", "AT"]}}
AUC = {
    "kind": "metric",
    "terms": {
        "kind": "performance",
        "measurement": "roc_auc",
        "at_least": 0.8,
        "max_age_days": 7,
    },
}


def test_conditions_are_signed_and_travel_in_the_permit(world):
    granted = approve(world, TRAFFIC, REGION)
    statement = granted.request.signatures.get(signed_by=world.carl).statement
    assert "at most 10 % of the traffic" in statement
    decision = asked(world)
    assert decision.allowed
    payload = json.loads(base64.b64decode(json.loads(decision.permit)["payload"]))
    kinds = {item["kind"] for item in payload["predicate"]["conditions"]}
    assert kinds == {"traffic", "region"}


@pytest.mark.parametrize(
    ("stated", "observed"),
    [
        (TRAFFIC, {"percent": 11}),
        (TRAFFIC, {"percent": "few"}),
        (TRAFFIC, {}),
        (REGION, {"regions": ["DE", "FR"]}),
        (AUC, {"value": 0.79}),
    ],
)
def test_a_reported_breach_shuts_the_gate_and_suspends(world, stated, observed):
    granted = approve(world, stated)
    assert asked(world).allowed
    breaches.report(
        condition=Condition.objects.get(),
        observed=observed,
        source="router",
        by=world.ola,
        at=later(hours=1),
    )
    assert state_of(granted) == State.SUSPENDED
    assert not asked(world, later(hours=1)).allowed


def test_a_breach_reported_by_a_machine_shuts_the_gate_by_itself(world):
    approve(world, TRAFFIC)
    token, _secret = access.issue_token(
        name="router", role=Role.CI, by=access.system_user(), at=NOW
    )
    breaches.report(
        condition=Condition.objects.get(),
        observed={"percent": 50},
        source="router",
        by=token.user,
        at=NOW,
    )
    decision = asked(world, later(minutes=1))
    assert not decision.allowed
    assert "condition" in [c["requirement"] for c in decision.checks if not c["passed"]]


def test_a_measurement_that_grows_old_or_falls_breaks_the_condition(world):
    version = world.ready()
    approve(world, AUC, version=version)
    assert asked(world, later(days=6)).allowed
    assert not asked(world, later(days=8)).allowed
    data = version.evidence_runs.first().dataset_version
    auc = {"performance": [("roc_auc", "", 0.82)]}
    world.measured(version, data, auc, at=later(days=8))
    assert asked(world, later(days=9)).allowed
    auc = {"performance": [("roc_auc", "", 0.75)]}
    world.measured(version, data, auc, at=later(days=9))
    assert not asked(world, later(days=9)).allowed


def test_a_finding_still_open_after_its_day_shuts_the_gate(world):
    version = world.ready()
    finding = findings.raise_finding(
        model=version.model,
        title="Drift is not watched",
        text="No alarm is set.",
        severity="medium",
        owner=world.anna,
        due_on=later(days=20).date(),
        by=world.vera,
        at=NOW,
    )
    until = later(days=10).date().isoformat()
    stated = {
        "kind": "finding-closed",
        "terms": {"finding": str(finding.pk), "until": until},
    }
    approve(world, stated, version=version)
    assert asked(world, later(days=9)).allowed
    assert not asked(world, later(days=11)).allowed


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "mood", "terms": {}},
        {"kind": "traffic", "terms": {"at_most_percent": 101}},
        {"kind": "traffic", "terms": {"at_most_percent": 5, "more": 1}},
        {"kind": "metric", "terms": {"kind": "performance"}},
        {"kind": "region", "terms": {"regions": []}},
        {"kind": "region"},
    ],
)
def test_what_cannot_be_checked_is_no_condition(wrong):
    with pytest.raises(conditions.UnusableCondition):
        conditions.read([wrong])


def test_a_condition_on_a_finding_of_another_model_is_refused(world):
    stated = {
        "kind": "finding-closed",
        "terms": {
            "finding": str(UUID(int=1)),
            "until": later(days=9).date().isoformat(),
        },
    }
    with pytest.raises(conditions.UnusableCondition):
        approve(world, stated)


LANE = """
approvals:
  T4:
    stages:
    - {id: approve, seats: {meaning: approval, roles: [risk-manager, approver]}}
    fast_lane: {sample_percent: PERCENT, review_days: 5}
"""


def lane(world, percent):
    """A tier 4 version, approved by one person in a fast lane."""
    text = policy.FIRST_POLICY.read_text("utf-8").replace("2026.11.0", "2026.11.1")
    head, rest = text.split("rules:\n", 1)
    part = rest.split("- id: first-009", 1)[1]
    rest = rest.replace(part, part.replace("tiers: [T3, T4]", "tiers: [T3]", 1))
    text = head + LANE.lstrip().replace("PERCENT", str(percent)) + "rules:\n" + rest
    policy.publish(text=text, by=access.system_user(), at=NOW)
    request = submit(world, tier(world, 4))
    sign(request, world.carl, "approval")
    return Authorisation.objects.get(request=request)


def checkpoint(at):
    return Checkpoint.objects.create(
        tree_size=10**6, root_hash=b"\x07" * 32, note="", created_at=at
    )


def test_what_is_drawn_must_be_reviewed_in_time_by_somebody_else(world):
    granted = lane(world, 100)
    assert asked(world).allowed
    checkpoint(later(hours=1))
    assert fast_lane.draw_all(at=later(hours=2)) == 1
    assert fast_lane.draw_all(at=later(hours=3)) == 0
    draw = Draw.objects.get(authorisation=granted)
    assert asked(world, later(days=4)).allowed
    assert not asked(world, later(days=6)).allowed
    with pytest.raises(fast_lane.CannotReview):
        fast_lane.review(
            draw=draw, confirmed=True, reason="Seen.", by=world.carl, at=later(days=6)
        )
    fast_lane.review(
        draw=draw, confirmed=True, reason="Seen.", by=world.vera, at=later(days=6)
    )
    assert asked(world, later(days=6)).allowed


def test_a_review_that_does_not_confirm_shuts_the_gate(world):
    lane(world, 100)
    checkpoint(later(hours=1))
    fast_lane.draw_all(at=later(hours=2))
    fast_lane.review(
        draw=Draw.objects.get(),
        confirmed=False,
        reason="It decides about people.",
        by=world.vera,
        at=later(hours=3),
    )
    assert not asked(world, later(hours=4)).allowed


def test_a_draw_that_never_happens_shuts_the_gate(world):
    lane(world, 1)
    assert asked(world, later(hours=23)).allowed
    assert not asked(world, later(hours=25)).allowed


def test_anyone_can_compute_the_draw_again(world):
    granted = lane(world, 50)
    checkpoint(later(hours=1))
    fast_lane.draw_all(at=later(hours=2))
    draw = Draw.objects.get()
    assert draw.root_sha256 == "07" * 32
    assert draw.drawn == fast_lane.is_drawn(
        root_sha256=draw.root_sha256, authorisation_id=granted.pk, percent=50
    )


def test_the_draw_takes_about_as_many_as_it_says():
    drawn = sum(
        fast_lane.is_drawn(
            root_sha256="ab" * 32, authorisation_id=UUID(int=n), percent=20
        )
        for n in range(5000)
    )
    assert 900 < drawn < 1100

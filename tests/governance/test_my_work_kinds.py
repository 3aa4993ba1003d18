"""Each kind of work waits for those who can do it, until it is done."""

from datetime import timedelta

import pytest

from audits.models import EvidenceRun
from governance import breaches, emergencies, fast_lane, roles
from governance.models import Condition, Draw, RiskAssessment
from governance.web.work import counting
from governance.web.work.kinds import KINDS
from governance.web.work.me import Me
from registry.models import Role
from tests.governance.test_conditions import TRAFFIC, approve, checkpoint, lane
from tests.governance.test_delegation import away
from tests.governance.test_emergencies import PROOF, broken, invoked, judged, staged
from tests.governance.test_publishing import person, publish, reviewed
from tests.world import NOW, later


def waits(person, kind, at=None):
    """How much of a kind waits; every row of it can be told."""
    return len(told(person, kind, at))


def told(person, kind, at=None):
    """What waits, as the page tells it."""
    me = Me.of(person, roles.roles_of(person), at or later(minutes=1))
    (found,) = (one for one in KINDS if one.key == kind)
    rows = found.rows(me)
    items = list(found.told(me, rows[:25])) if rows is not None else []
    assert all(item.name and item.href and item.text for item in items)
    assert counting.counts(me).get(kind, 0) == len(items)
    return items


def test_an_emergency_waits_for_a_second_person_and_then_for_its_review(world):
    emergency = invoked(world, staged(world))
    assert waits(world.rita, "emergencies") == 1
    assert waits(world.ola, "emergencies") == 0
    assert waits(world.ines, "emergencies") == 0
    emergencies.confirm(emergency=emergency, proof=PROOF, by=world.rita, at=NOW)
    (item,) = told(world.vera, "emergencies")
    emergency.refresh_from_db()
    due_at = emergencies.review_due_at(emergency.authorisation)
    assert item.due == due_at.date() != emergency.expected_end.date()


def test_a_reviewed_emergency_waits_for_nobody(world):
    emergency = broken(world, staged(world))
    judged(world, emergency, at=later(days=1))
    for one in world.people.values():
        assert waits(one, "emergencies") == 0


def test_a_draft_waits_for_who_publishes_and_wrote_nothing_in_it(world):
    author = person(world, "paula", Role.POLICY_AUTHOR, Role.POLICY_APPROVER)
    approver = person(world, "piet", Role.POLICY_APPROVER)
    draft = reviewed(author)
    assert waits(approver, "drafts") == 1
    assert waits(author, "drafts") == 0
    publish(draft, approver)
    assert waits(approver, "drafts") == 0


def test_what_was_drawn_waits_for_those_who_did_not_sign_it(world):
    lane(world, 100)
    checkpoint(later(hours=1))
    fast_lane.draw_all(at=later(hours=2))
    assert waits(world.vera, "draws") == 1
    assert waits(world.carl, "draws") == 0
    assert waits(world.anna, "draws") == 0
    fast_lane.review(
        draw=Draw.objects.get(),
        confirmed=True,
        reason="Seen.",
        by=world.vera,
        at=later(days=1),
    )
    assert waits(world.vera, "draws") == 0


def test_a_broken_condition_waits_for_the_owner_and_for_who_stated_it(world):
    approve(world, TRAFFIC)
    assert waits(world.anna, "conditions") == 0
    breaches.report(
        condition=Condition.objects.get(),
        observed={"percent": 50},
        source="router",
        by=world.ola,
        at=NOW,
    )
    assert waits(world.anna, "conditions") == 1
    assert waits(world.carl, "conditions") == 1
    assert waits(world.vera, "conditions") == 0


def test_an_authorisation_that_ends_soon_waits_for_its_owner(world):
    granted = approve(world)
    assert waits(world.anna, "renew") == 0
    soon = granted.valid_until - timedelta(days=9)
    assert waits(world.anna, "renew", soon) == 1
    assert waits(world.carl, "renew", soon) == 0
    assert waits(world.anna, "renew", granted.valid_until) == 0


def test_a_risk_review_waits_for_assessor_owner_and_validator(world):
    world.ready()
    assert waits(world.rita, "review") == 0
    due = RiskAssessment.objects.get().review_due_on
    soon = NOW + timedelta(days=(due - NOW.date()).days - 3)
    for one, expected in (
        (world.rita, 1),
        (world.anna, 1),
        (world.vera, 1),
        (world.rolf, 0),
        (world.carl, 0),
    ):
        assert waits(one, "review", soon) == expected


def test_failed_evidence_waits_until_it_is_asked_again(world):
    version = world.ready()
    run = EvidenceRun.objects.filter(version=version, kind="fairness").get()
    run.state, run.failure = EvidenceRun.State.FAILED, "Out of memory"
    run.save()
    assert waits(world.vera, "runs") == 1
    assert waits(world.ben, "runs") == 0
    assert waits(world.vera, "runs", later(days=20)) == 0
    EvidenceRun.objects.create(
        version=version,
        kind="fairness",
        dataset_version=run.dataset_version,
        requested_by=world.vera,
        requested_at=later(seconds=3),
    )
    assert waits(world.vera, "runs") == 0


def test_a_delegate_is_told_of_the_delegation(world):
    deputy = person(world, "dora", Role.QA)
    away(world.carl, deputy)
    assert waits(deputy, "delegations") == 1
    assert waits(world.carl, "delegations") == 0
    assert waits(deputy, "delegations", later(days=15)) == 0


@pytest.mark.parametrize("name", ["adam", "ines", "otto"])
def test_nothing_waits_for_whom_nothing_concerns(world, name):
    invoked(world, staged(world))
    expected = {"otto": {"emergencies"}}.get(name, set())
    one = world.people[name]
    found = counting.counts(Me.of(one, roles.roles_of(one), later(minutes=1)))
    assert {key for key, n in found.items() if n} == expected

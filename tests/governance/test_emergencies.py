"""Break-glass: who, for how long, what it never overrides, and its review."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from governance import (
    deployments,
    emergencies,
    findings,
    gate,
    lifecycle,
    records,
    registration,
    roles,
)
from governance.gate import Question
from governance.lifecycle import State
from governance.models import Authorisation, Emergency, GateDecision, RecordSignature
from governance.signatures import Proof, WrongPassword
from registry.models import ModelVersion
from tests.governance.test_gate import ASKED, approved, ask, failing
from tests.world import NOW, PASSWORD, World, later, log_verified

PROOF = Proof(password=PASSWORD)


def staged(world: World, **more) -> ModelVersion:
    """A submitted but unapproved version, where emergencies are allowed."""
    allow(world)
    return world.ready(**more)


def allow(world: World, *, allowed: bool = True) -> None:
    world.production.emergency_allowed = allowed
    world.production.save()


def call(world: World, version: ModelVersion, hours: float = 12, **more):
    made = emergencies.Call(
        version=version,
        environment=world.production,
        reason_code=Emergency.ReasonCode.OUTAGE,
        incident="INC-4711",
        reason="The approved version does not start.",
        compensating_controls="A clerk decides every case.",
        expected_end=NOW + timedelta(hours=hours),
    )
    return replace(made, **more)


def invoked(world: World, version: ModelVersion, at=NOW, **more) -> Emergency:
    more.setdefault("expected_end", at + timedelta(hours=12))
    return emergencies.invoke(
        call=call(world, version, **more), proof=PROOF, by=world.ola, at=at
    )


def confirm(world: World, emergency: Emergency, by=None, at=NOW):
    return emergencies.confirm(
        emergency=emergency, proof=PROOF, by=by or world.rita, at=at
    )


def broken(world: World, version: ModelVersion, at=NOW, **more) -> Emergency:
    emergency = invoked(world, version, at, **more)
    confirm(world, emergency, at=at)
    return emergencies.told().get(pk=emergency.pk)


def judged(world: World, emergency: Emergency, by=None, at=NOW):
    return emergencies.review(
        emergency=emergency,
        judgement=emergencies.Judgement(True, "A bad release.", "Canary first."),
        proof=PROOF,
        by=by or world.vera,
        at=at,
    )


def ask_at(world: World, at) -> GateDecision:
    log_verified(at)
    return ask(world, at=at)


def test_two_people_open_the_gate_and_the_permit_says_so_loudly(world):
    version = staged(world)
    assert not ask(world).allowed
    emergency = invoked(world, version)
    assert not ask(world).allowed
    confirm(world, emergency)
    decision = ask(world)
    assert decision.allowed, failing(decision)
    assert decision.emergency.emergency == emergency
    assert '"break-glass"' in str(decision.checks).replace("'", '"')
    assert decision.expires_at == later(hours=12)
    signed = RecordSignature.objects.filter(record_id=emergency.pk)
    assert {s.signed_by for s in signed} == {world.ola, world.rita}


def test_the_invoker_never_confirms_even_with_every_role(world):
    emergency = invoked(world, staged(world))
    roles.grant(user=world.ola, role="risk-manager", by=world.adam, at=NOW)
    with pytest.raises(emergencies.SameHand):
        confirm(world, emergency, by=world.ola)
    assert not ask(world).allowed


def test_only_one_of_two_confirmers_confirms(world):
    emergency = invoked(world, staged(world))
    confirm(world, emergency)
    with pytest.raises(emergencies.NotPossible):
        confirm(world, emergency, by=world.otto)


def test_it_ends_to_the_second(world):
    version = staged(world)
    broken(world, version)
    assert ask_at(world, later(hours=12, seconds=-1)).allowed
    assert not ask_at(world, later(hours=12)).allowed


def test_a_tier_two_emergency_lasts_a_day_at_most(world):
    version = staged(world)
    with pytest.raises(records.Refused, match="24 hours"):
        invoked(world, version, expected_end=later(hours=24, seconds=1))


def test_a_tier_four_emergency_needs_one_person_and_lasts_three_days(world):
    version = staged(world)
    world.assessed(version.model, 1, 1)
    invoked(world, version, expected_end=later(hours=72))
    assert ask_at(world, later(hours=71)).allowed


def test_a_confirmation_that_comes_too_late_counts_for_nothing(world):
    emergency = invoked(world, staged(world))
    with pytest.raises(emergencies.NotPossible):
        confirm(world, emergency, at=later(hours=4))


def test_where_no_emergencies_are_allowed_the_glass_stays_whole(world):
    version = world.ready()
    with pytest.raises(emergencies.NotPossible, match="allows no emergencies"):
        invoked(world, version)


def test_taking_the_permission_away_shuts_the_gate_at_once(world):
    broken(world, staged(world))
    allow(world, allowed=False)
    assert not ask(world).allowed


def test_a_prohibited_practice_never_runs(world):
    version = staged(world)
    broken(world, version)
    version.model.ai_act_class = "prohibited"
    version.model.save()
    decision = ask(world)
    assert {"law-001", "gate-authorisation"} <= failing(decision)
    assert not decision.allowed
    with pytest.raises(emergencies.NotPossible, match="Art. 5"):
        invoked(world, version)


def test_a_revoked_file_never_runs_whoever_broke_the_glass_before(world):
    version = approved(world)
    allow(world)
    change = {
        "authorisation": Authorisation.objects.get(),
        "reason": "Harm.",
        "by": world.rita,
        "at": NOW,
    }
    deployments.change_authorisation(to=State.SUSPENDED, **change)
    broken(world, version)
    assert ask(world).allowed
    deployments.change_authorisation(to=State.REVOKED, **change)
    assert not ask(world).allowed
    with pytest.raises(emergencies.NotPossible, match="revoked"):
        invoked(world, version)


def test_another_file_than_the_one_of_the_emergency_is_denied(world):
    broken(world, staged(world))
    question = replace(ASKED, digest="a" * 64)
    assert "gate-digest" in failing(ask(world, question))
    assert not ask(world, question).allowed


def test_a_log_that_does_not_hold_is_not_overridden(world):
    broken(world, staged(world))
    log_verified(NOW, ok=False)
    decision = ask(world)
    assert (decision.allowed, "gate-log" in failing(decision)) == (False, True)


def test_rules_that_may_not_be_waived_are_not_overridden(world):
    allow(world)
    model = world.model(limitations="")
    version = world.version(model)
    world.measured(version, world.data())
    world.assessed(model)
    broken(world, version)
    decision = ask(world)
    assert "first-001" in failing(decision)
    assert not decision.allowed


def test_an_approved_version_needs_no_emergency(world):
    version = approved(world)
    allow(world)
    broken(world, version)
    decision = ask(world)
    assert decision.allowed
    assert decision.emergency is None


def test_a_wrong_password_breaks_nothing(world):
    with pytest.raises(WrongPassword):
        emergencies.invoke(
            call=call(world, staged(world)),
            proof=Proof(password="guess"),
            by=world.ola,
            at=NOW,
        )
    assert not Emergency.objects.exists()


@pytest.mark.parametrize("field", ["incident", "reason", "compensating_controls"])
def test_number_reason_and_controls_are_needed(world, field):
    with pytest.raises(records.Refused) as caught:
        invoked(world, staged(world), **{field: " "})
    assert list(caught.value.errors) == [field]


def test_risk_extends_once(world):
    emergency = broken(world, staged(world))
    extension = {
        "emergency": emergency,
        "reason": "The fix needs the night.",
        "proof": PROOF,
        "by": world.rolf,
        "at": later(hours=11),
    }
    with pytest.raises(records.Refused, match="24 hours"):
        emergencies.extend(until=later(hours=36, seconds=1), **extension)
    emergencies.extend(until=later(hours=36), **extension)
    assert ask_at(world, later(hours=35)).allowed
    with pytest.raises(emergencies.NotPossible, match="once"):
        emergencies.extend(until=later(hours=48), **extension)


def test_operators_extend_nothing(world):
    emergency = broken(world, staged(world))
    with pytest.raises(roles.NotAllowed):
        emergencies.extend(
            emergency=emergency,
            until=later(hours=13),
            reason="More.",
            proof=PROOF,
            by=world.otto,
            at=NOW,
        )


def test_an_emergency_that_was_ended_denies_at_once(world):
    emergency = broken(world, staged(world))
    emergencies.end(emergency=emergency, reason="Fixed.", by=world.ola, at=NOW)
    assert not ask(world).allowed


@pytest.mark.parametrize("who", ["ola", "rita", "anna", "ben"])
def test_whoever_was_involved_never_reviews(world, who):
    emergency = broken(world, staged(world))
    roles.grant(user=world.people[who], role="validator", by=world.adam, at=NOW)
    with pytest.raises(emergencies.SameHand):
        judged(world, emergency, by=world.people[who])
    judged(world, emergency)


@pytest.mark.parametrize(
    ("began", "due"),
    [
        ("2026-11-16", "2026-11-24"),  # Monday: the end of next Monday
        ("2026-11-20", "2026-11-28"),  # Friday: the end of next Friday
        ("2026-11-21", "2026-11-28"),  # Saturday: as if on Friday
        ("2026-11-22", "2026-11-28"),
    ],
)
def test_the_review_is_due_after_five_working_days(world, began, due):
    emergency = broken(world, staged(world))
    authorisation = emergency.authorisation
    authorisation.valid_from = datetime.fromisoformat(f"{began}T10:00:00+00:00")
    assert emergencies.review_due_at(authorisation) == datetime.fromisoformat(
        f"{due}T00:00:00+00:00"
    )


def test_an_overdue_review_forbids_the_next_emergency_of_that_owner(world):
    version = staged(world)
    emergency = broken(world, version)
    late = emergencies.review_due_at(emergency.authorisation)
    assert emergencies.review_overdue(emergency, late)
    assert not emergencies.review_overdue(emergency, late - timedelta(seconds=1))
    other = world.ready("another-model")
    with pytest.raises(emergencies.NotPossible, match="waits too long"):
        invoked(world, other, late)
    judged(world, emergency, at=late)
    invoked(world, other, late)


def test_the_third_emergency_in_a_quarter_is_a_finding(world):
    version = staged(world)
    start = datetime(2027, 4, 5, 8, tzinfo=UTC)
    for day in range(3):
        at = start + timedelta(days=day)
        assert findings.open_of(version.model, at) == []
        judged(world, broken(world, version, at), at=at)
    assert len(findings.open_of(version.model, at)) == 1
    (row,) = emergencies.statistics(at)
    assert (row["count"], row["reviewed"]) == (3, 3)
    assert emergencies.statistics(start + timedelta(days=90)) == []


def test_a_deployment_under_an_emergency_is_authorised_while_it_runs(world):
    version = staged(world)
    emergency = broken(world, version)
    decision = ask(world)
    facts = {
        "version": version,
        "environment": world.production,
        "artifact_sha256": world.artifact().sha256,
        "permit_id": str(decision.pk),
        "by": world.ola,
    }
    assert deployments.record(at=NOW, **facts).authorised
    emergencies.end(emergency=emergency, reason="Fixed.", by=world.ola, at=NOW)
    assert deployments.record(at=NOW, **facts).because == "The emergency is over."


def test_a_retired_version_never_runs(world):
    version = staged(world)
    broken(world, version)
    lifecycle.move(version=version, to="retired", by=world.anna, at=NOW)
    assert not ask(world).allowed


def test_an_emergency_is_for_one_environment(world):
    broken(world, staged(world))
    registration.register_environment(slug="staging", name="Staging", by=world.ola)
    question = Question(model="mortgage-approval", version="1", environment="staging")
    assert not gate.decide(question=question, by=world.ola, at=NOW).allowed

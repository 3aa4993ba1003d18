"""Suspending, reinstating, revoking, retiring: who, and what never comes back."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance import lifecycle, records, retiring, roles, suspensions
from governance.lifecycle import State, state_of
from governance.models import Authorisation, Notification, RecordSignature, Status
from governance.signatures import Proof, WrongPassword
from tests.governance.test_emergencies import ask_at
from tests.governance.test_gate import approved, ask
from tests.world import NOW, PASSWORD, World, later, log_verified

PROOF = Proof(password=PASSWORD)
KEEP = later(days=3650).date()


def granted(world: World) -> Authorisation:
    approved(world)
    return Authorisation.objects.get()


def change(world: World, row: Authorisation, to: State, by=None, at=NOW):
    return suspensions.change_authorisation(
        authorisation=row, to=to, reason="Drift.", by=by or world.rita, at=at
    )


def agree(world: World, row: Authorisation, by=None, proof=PROOF):
    return suspensions.agree(
        authorisation=row, comment="", proof=proof, by=by or world.carl, at=NOW
    )


def test_a_suspension_of_tier_two_ends_after_an_approver_agreed(world):
    row = granted(world)
    change(world, row, State.SUSPENDED)
    with pytest.raises(suspensions.CannotChange, match="approver"):
        change(world, row, State.ACTIVE)
    agree(world, row)
    change(world, row, State.ACTIVE)
    assert ask(world).allowed


def test_an_agreement_is_for_one_suspension_only(world):
    row = granted(world)
    change(world, row, State.SUSPENDED)
    agree(world, row)
    change(world, row, State.ACTIVE)
    change(world, row, State.SUSPENDED)
    with pytest.raises(suspensions.CannotChange, match="approver"):
        change(world, row, State.ACTIVE)


def test_an_approver_who_lost_the_role_no_longer_agrees(world):
    row = granted(world)
    roles.grant(user=world.rolf, role="approver", by=world.adam, at=NOW)
    change(world, row, State.SUSPENDED)
    agree(world, row, by=world.rolf)
    roles.end(user=world.rolf, role="approver", by=world.adam, at=NOW)
    with pytest.raises(suspensions.CannotChange, match="approver"):
        change(world, row, State.ACTIVE)


def test_risk_does_not_agree_with_itself(world):
    row = granted(world)
    change(world, row, State.SUSPENDED)
    roles.grant(user=world.rita, role="approver", by=world.adam, at=NOW)
    agree(world, row, by=world.rita)
    with pytest.raises(suspensions.CannotChange, match="approver"):
        change(world, row, State.ACTIVE)


def test_a_wrong_password_agrees_to_nothing(world):
    row = granted(world)
    change(world, row, State.SUSPENDED)
    with pytest.raises(WrongPassword):
        agree(world, row, proof=Proof(password="guess"))
    assert not RecordSignature.objects.exists()


def test_nothing_is_reinstated_while_a_rule_fails(world):
    row = granted(world)
    change(world, row, State.SUSPENDED)
    agree(world, row)
    data = row.version.evidence_runs.first().dataset_version
    bad = {"performance": [("roc_auc", "", 0.5)]}
    world.measured(row.version, data, bad, later(hours=1))
    log_verified(later(hours=2))
    with pytest.raises(suspensions.CannotChange, match="0.5"):
        change(world, row, State.ACTIVE, at=later(hours=2))
    assert state_of(row) == State.SUSPENDED


def test_nothing_is_reinstated_when_the_risk_changed(world):
    row = granted(world)
    change(world, row, State.SUSPENDED)
    agree(world, row)
    world.assessed(row.version.model, 5, 5)
    with pytest.raises(suspensions.CannotChange, match="anew"):
        change(world, row, State.ACTIVE)


def test_operators_and_owners_suspend_but_never_reinstate(world):
    row = granted(world)
    change(world, row, State.SUSPENDED, by=world.ola)
    for name in ("ola", "anna", "carl"):
        with pytest.raises(roles.NotAllowed):
            change(world, row, State.ACTIVE, by=world.people[name])


def test_people_are_told_of_a_suspension(world):
    change(world, granted(world), State.SUSPENDED)
    assert {n.recipient for n in Notification.objects.all()} >= {world.anna, world.ola}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moves=st.lists(
        st.tuples(st.sampled_from(list(State)), st.booleans()), min_size=1, max_size=8
    )
)
def test_no_path_makes_a_revoked_authorisation_active(world, moves):
    row = Authorisation.objects.first() or granted(world)
    row.changes.all()
    for to, agrees in [*moves, (State.REVOKED, False), *moves]:
        dead = state_of(Authorisation.objects.get(pk=row.pk)) == State.REVOKED
        try:
            if agrees:
                agree(world, row)
            change(world, row, to)
        except suspensions.CannotChange:
            continue
        assert not dead
    assert state_of(Authorisation.objects.get(pk=row.pk)) == State.REVOKED
    assert not ask(world).allowed


def plan(**more) -> retiring.Plan:
    return retiring.Plan(**{"reason": "Replaced.", "retain_until": KEEP, **more})


def test_a_version_is_retired_by_its_owner_and_risk(world):
    version = world.ready()
    row = retiring.ask(version=version, plan=plan(), proof=PROOF, by=world.anna, at=NOW)
    assert lifecycle.status_of(version) != Status.RETIRED
    retiring.confirm(retirement=row, proof=PROOF, by=world.rita, at=NOW)
    assert lifecycle.status_of(version) == Status.RETIRED
    signed = RecordSignature.objects.filter(record_id=row.pk)
    assert {s.signed_by for s in signed} == {world.anna, world.rita}


def test_an_authorised_version_is_not_retired(world):
    row = granted(world)
    facts = {"version": row.version, "plan": plan(), "proof": PROOF, "by": world.anna}
    with pytest.raises(retiring.NotPossible, match="authorised"):
        retiring.ask(at=NOW, **facts)
    change(world, row, State.REVOKED)
    retiring.ask(at=NOW, **facts)


def test_who_asks_does_not_confirm(world):
    version = world.ready()
    row = retiring.ask(version=version, plan=plan(), proof=PROOF, by=world.anna, at=NOW)
    roles.grant(user=world.anna, role="risk-manager", by=world.adam, at=NOW)
    with pytest.raises(roles.NotAllowed, match="Another"):
        retiring.confirm(retirement=row, proof=PROOF, by=world.anna, at=NOW)


@pytest.mark.parametrize(
    ("more", "field"),
    [({"reason": " "}, "reason"), ({"retain_until": NOW.date()}, "retain_until")],
)
def test_reason_and_retention_are_needed(world, more, field):
    with pytest.raises(records.Refused) as caught:
        retiring.ask(
            version=world.ready(), plan=plan(**more), proof=PROOF, by=world.anna, at=NOW
        )
    assert field in caught.value.errors


def test_an_expired_authorisation_stays_expired_when_reinstated_late(world):
    row = granted(world)
    change(world, row, State.SUSPENDED)
    agree(world, row)
    late = row.valid_until
    with pytest.raises(suspensions.CannotChange):
        change(world, row, State.ACTIVE, at=late)
    assert not ask_at(world, late).allowed

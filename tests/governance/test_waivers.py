"""Waivers: who signs them, what they may waive, and when they end."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from governance import records, roles, waived, waiving
from governance.models import Waiver, WaiverDecision
from governance.models.waivers import MOST_DAYS
from governance.signatures import Proof, WrongPassword
from registry.models import ModelVersion
from tests.world import NOW, PASSWORD, World, later

PROOF = Proof(password=PASSWORD)
SIGNERS = {
    1: ("rita", "carl", "eva"),
    2: ("carl", "cora"),
    3: ("rita", "carl"),
    4: ("rita", "rolf"),
}
CELLS = {1: (5, 5), 2: (4, 4), 3: (3, 3), 4: (1, 1)}


def staged(world: World, tier: int = 2) -> ModelVersion:
    version = world.version(world.model())
    world.assessed(version.model, *CELLS[tier])
    return version


def wish(version: ModelVersion, days: float = 20, **more) -> waiving.Wish:
    made = waiving.Wish(
        model=version.model,
        version=version,
        rules=("first-004",),
        reason="The new sample arrives in May.",
        risk_statement="Small groups may be refused more often.",
        compensating_controls="A clerk looks at every refusal.",
        plan_to_close="Measure again with the new sample.",
        valid_from=NOW,
        valid_until=NOW + timedelta(days=days),
    )
    return replace(made, **more)


def asked(world: World, version: ModelVersion, at=NOW, **more) -> Waiver:
    return waiving.request(wish=wish(version, **more), by=world.anna, at=at)


def sign(waiver: Waiver, by, at=NOW, proof=PROOF):
    return waiving.sign(waiver=waiver, proof=proof, by=by, at=at)


def granted(world: World, version: ModelVersion, tier: int = 2, **more) -> Waiver:
    waiver = asked(world, version, **more)
    for name in SIGNERS[tier]:
        sign(waiver, world.people[name])
    return waiver


def rules(world: World, version: ModelVersion, at=NOW) -> set[str]:
    return set(waived.rules_waived(version, world.production, at))


@pytest.mark.parametrize("tier", [1, 2, 3, 4])
def test_a_waiver_counts_after_its_last_signature(world, tier):
    version = staged(world, tier)
    waiver = asked(world, version)
    *first, last = SIGNERS[tier]
    for name in first:
        sign(waiver, world.people[name])
        assert rules(world, version) == set()
    sign(waiver, world.people[last])
    assert rules(world, version) == {"first-004"}


def test_an_expired_waiver_no_longer_counts_from_its_very_second(world):
    version = staged(world)
    waiver = granted(world, version)
    assert rules(world, version, waiver.valid_until - timedelta(microseconds=1))
    assert not rules(world, version, waiver.valid_until)


def test_a_waiver_does_not_count_before_it_begins(world):
    version = staged(world)
    granted(world, version, valid_from=later(days=2), valid_until=later(days=5))
    assert not rules(world, version, later(days=2, seconds=-1))
    assert rules(world, version, later(days=2))


@pytest.mark.parametrize("tier", [1, 2, 3, 4])
def test_no_waiver_is_asked_for_beyond_the_maximum_of_its_tier(world, tier):
    version = staged(world, tier)
    with pytest.raises(records.Refused, match=f"{MOST_DAYS[tier]} days"):
        asked(world, version, days=MOST_DAYS[tier] + 1e-6)
    asked(world, version, days=MOST_DAYS[tier])


def test_a_waiver_without_assessment_is_bound_as_tier_one(world):
    version = world.version(world.model())
    with pytest.raises(records.Refused, match="30 days"):
        asked(world, version, days=31)


def test_a_tier_that_rises_ends_a_waiver_sooner(world):
    version = staged(world, 4)
    granted(world, version, 4, days=180)
    world.assessed(version.model, *CELLS[1])
    assert rules(world, version, later(days=30, seconds=-1))
    assert not rules(world, version, later(days=30))


def test_the_database_refuses_a_waiver_beyond_its_maximum(world):
    waiver = asked(world, staged(world))
    waiver.pk = None
    waiver.valid_until = NOW + timedelta(days=61)
    waiver._state.adding = True
    with pytest.raises(IntegrityError), transaction.atomic():
        Waiver.objects.create(
            **{
                f.name: getattr(waiver, f.name)
                for f in Waiver._meta.fields
                if f.name != "id"
            }
        )


@pytest.mark.parametrize(
    "rule",
    ["first-001", "first-008", "law-001", "gate-digest", "gate-log", "no-such-rule"],
)
def test_what_may_not_be_waived_is_refused_when_asked(world, rule):
    with pytest.raises(waiving.NotWaivable):
        asked(world, staged(world), rules=("first-004", rule))
    assert not Waiver.objects.exists()


def test_who_asks_never_approves_even_with_every_role(world):
    version = staged(world)
    for role in ("approver", "compliance", "risk-manager"):
        roles.grant(user=world.anna, role=role, by=world.adam, at=NOW)
    waiver = asked(world, version)
    with pytest.raises(waiving.SameHand):
        sign(waiver, world.anna)


def test_the_developer_never_approves(world):
    version = staged(world)
    roles.grant(user=world.ben, role="approver", by=world.adam, at=NOW)
    with pytest.raises(waiving.SameHand):
        sign(asked(world, version), world.ben)


def test_one_person_fills_one_seat(world):
    version = staged(world)
    roles.grant(user=world.carl, role="compliance", by=world.adam, at=NOW)
    waiver = asked(world, version)
    sign(waiver, world.carl)
    with pytest.raises(waiving.SameHand):
        sign(waiver, world.carl)


def test_a_second_approver_finds_no_seat(world):
    version = staged(world)
    roles.grant(user=world.vera, role="approver", by=world.adam, at=NOW)
    waiver = asked(world, version)
    sign(waiver, world.carl)
    with pytest.raises(waiving.NoSeat):
        sign(waiver, world.vera)


def test_a_wrong_password_grants_nothing(world):
    version = staged(world)
    with pytest.raises(WrongPassword):
        sign(asked(world, version), world.carl, proof=Proof(password="guess"))
    assert not WaiverDecision.objects.exists()


def test_a_refusal_ends_the_request(world):
    version = staged(world)
    waiver = asked(world, version)
    waiving.refuse(waiver=waiver, reason="No plan.", proof=PROOF, by=world.carl, at=NOW)
    with pytest.raises(waiving.WrongState):
        sign(waiver, world.cora)
    assert not rules(world, version)


def test_a_revoked_waiver_no_longer_counts(world):
    version = staged(world)
    waiver = granted(world, version)
    waiving.revoke(waiver=waiver, reason="Harm.", by=world.rita, at=later(hours=1))
    assert not rules(world, version, later(hours=1))
    with pytest.raises(waiving.WrongState):
        waiving.revoke(waiver=waiver, reason="Again.", by=world.rita, at=later(hours=2))


def test_a_waiver_is_renewed_once_and_with_a_new_reason(world):
    version = staged(world)
    waiver = granted(world, version)
    again = wish(version, valid_from=later(days=20), valid_until=later(days=40))
    with pytest.raises(records.Refused, match="new reason"):
        waiving.renew(waiver=waiver, wish=again, by=world.anna, at=NOW)
    again = replace(again, reason="The sample is late.")
    second = waiving.renew(waiver=waiver, wish=again, by=world.anna, at=NOW)
    with pytest.raises(waiving.WrongState, match="once"):
        waiving.renew(waiver=waiver, wish=again, by=world.anna, at=NOW)
    for name in SIGNERS[2]:
        sign(second, world.people[name])
    assert rules(world, version, later(days=30))
    third = replace(again, reason="Later still.", valid_until=later(days=50))
    with pytest.raises(waiving.WrongState, match="once"):
        waiving.renew(waiver=second, wish=third, by=world.anna, at=NOW)


def test_no_new_waiver_follows_where_a_renewal_would_be_asked_for(world):
    version = staged(world)
    first, twin = asked(world, version), asked(world, version)
    for name in SIGNERS[2]:
        sign(first, world.people[name])
    sign(twin, world.carl)
    with pytest.raises(waiving.WrongState, match="renew"):
        sign(twin, world.cora)
    with pytest.raises(waiving.WrongState, match="renew"):
        asked(
            world,
            version,
            at=later(days=21),
            valid_from=later(days=21),
            valid_until=later(days=30),
        )


def test_a_waiver_for_one_environment_or_version_holds_there_only(world):
    version = staged(world)
    other = world.version(version.model, "2")
    granted(world, version, environment=world.production)
    assert rules(world, version) == {"first-004"}
    assert rules(world, other) == set()


@pytest.mark.parametrize(
    "field",
    ["reason", "risk_statement", "compensating_controls", "plan_to_close", "rules"],
)
def test_every_part_of_a_waiver_is_needed(world, field):
    empty = () if field == "rules" else "  "
    with pytest.raises(records.Refused) as caught:
        asked(world, staged(world), **{field: empty})
    assert field in caught.value.errors


_ROLES = ["risk-manager", "approver", "compliance", "executive"]


@given(
    tier=st.sampled_from([1, 2, 3, 4]),
    signed=st.lists(st.sampled_from(_ROLES)),
)
def test_no_seat_is_filled_by_a_role_that_does_not_fit(tier, signed):
    """Against the definition: some way to put distinct signatures on all seats."""
    seats = waiving.signing.SEATS[tier]

    def possible(left, free) -> bool:
        if not left:
            return True
        return any(
            role in left[0] and possible(left[1:], free[:i] + free[i + 1 :])
            for i, role in enumerate(free)
        )

    full = waiving.signing._seated(signed[:5], seats) == len(seats)
    assert full == possible(list(seats), signed[:5])

"""Signing for somebody on leave: one delegate, for a while, with all conflicts."""

import pytest

from governance import access, approvals, delegation, roles
from governance.models import Authorisation
from registry.models import Role
from tests.governance.test_duties import held, identified, newcomer, sign, submit, tier
from tests.world import NOW, later


@pytest.fixture
def deputy(world):
    """Somebody of quality assurance, who deputises for Carl."""
    return newcomer("dora", Role.QA)


def away(by, to, role=Role.APPROVER, until=None, at=NOW, **more):
    return delegation.delegate(
        to=to,
        role=role,
        reason="Holiday until Monday.",
        valid_until=until or later(days=14),
        by=by,
        at=at,
        **more,
    )


def test_an_approver_on_holiday_is_deputised_and_the_signature_says_so(world, deputy):
    away(world.carl, deputy)
    request = submit(world, world.ready())
    sign(request, world.vera)
    signature = sign(request, deputy, "approval", at=later(days=2))
    assert signature.delegation.delegator == world.carl
    assert "by delegation of Carl Brandt" in signature.statement
    assert Authorisation.objects.exists()


def test_a_delegation_ends_by_itself(world, deputy):
    away(world.carl, deputy, until=later(days=1))
    request = submit(world, world.ready())
    sign(request, world.vera)
    with pytest.raises(approvals.NoSeat):
        sign(request, deputy, "approval", at=later(days=1))


@pytest.mark.parametrize("who", ["carl", "dora", "adam"])
def test_a_delegation_can_be_ended(world, deputy, who):
    row = away(world.carl, deputy)
    by = deputy if who == "dora" else world.people[who]
    delegation.end(delegation=row, reason="Back already.", by=by, at=later(hours=1))
    assert not delegation.to(deputy, at=later(hours=1))
    with pytest.raises(delegation.CannotDelegate, match="already"):
        delegation.end(delegation=row, reason="Twice.", by=by, at=later(hours=2))


def test_nobody_else_ends_it(world, deputy):
    row = away(world.carl, deputy)
    with pytest.raises(roles.NotAllowed):
        delegation.end(delegation=row, reason="No.", by=world.vera, at=NOW)


def test_a_delegate_inherits_the_conflicts_of_the_delegator(world, deputy):
    held(world.carl, Role.DPO)
    away(world.carl, deputy)
    request = submit(world, world.ready())
    sign(request, world.vera)
    with pytest.raises(approvals.SameHand, match="Carl Brandt is or was data"):
        sign(request, deputy, "approval")


def test_a_delegate_keeps_their_own_conflicts(world):
    held(world.ben, Role.QA)
    away(world.carl, world.ben)
    request = submit(world, world.ready())
    sign(request, world.vera)
    with pytest.raises(approvals.SameHand, match="Ben Moreau"):
        sign(request, world.ben, "approval")


def test_what_was_delegated_cannot_be_passed_on(world, deputy):
    away(world.carl, deputy)
    other = newcomer("edith", Role.QA)
    with pytest.raises(delegation.CannotDelegate, match="none passes on"):
        away(deputy, other)


def test_delegator_and_delegate_never_fill_two_seats(world, deputy):
    away(world.carl, deputy)
    identified(deputy)
    request = submit(world, tier(world, 1))
    sign(request, world.vera)
    sign(request, world.carl, "approval")
    with pytest.raises(approvals.SameHand, match="Carl Brandt has signed already"):
        sign(request, deputy, "approval")


def test_who_was_deputised_does_not_sign_as_well(world, deputy):
    away(world.vera, deputy, role=Role.VALIDATOR)
    request = submit(world, world.ready())
    sign(request, deputy, at=later(days=1))
    held(world.vera, Role.APPROVER)
    with pytest.raises(approvals.SameHand, match="signed for Vera Haas already"):
        sign(request, world.vera, "approval")


def test_a_signature_by_delegation_counts_only_while_the_delegator_has_the_role(
    world, deputy
):
    away(world.vera, deputy, role=Role.VALIDATOR)
    request = submit(world, world.ready())
    sign(request, deputy, at=later(days=1))
    roles.end(user=world.vera, role=Role.VALIDATOR, by=world.adam, at=later(days=2))
    sign(request, world.carl, "approval", at=later(days=3))
    assert not Authorisation.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"until": NOW}, "valid_until"),
        ({"until": later(days=91)}, "valid_until"),
        ({"role": Role.VALIDATOR}, "role"),
        ({"valid_from": later(days=-1)}, "valid_from"),
    ],
)
def test_a_delegation_has_limits(world, deputy, wrong, field):
    with pytest.raises(delegation.CannotDelegate) as caught:
        away(world.carl, deputy, **wrong)
    assert caught.value.field == field


def test_only_one_person_deputises_at_a_time(world, deputy):
    away(world.carl, deputy)
    with pytest.raises(delegation.CannotDelegate, match="already"):
        away(world.carl, newcomer("edith", Role.QA))


def test_it_goes_to_a_person_with_a_role_that_signs_never_to_oneself(world):
    machine, _secret = access.issue_token(
        name="bot", role=Role.CI, by=access.system_user(), at=NOW
    )
    for to in (world.carl, world.ola, machine.user):
        with pytest.raises(delegation.CannotDelegate):
            away(world.carl, to)


def test_a_delegation_of_today_does_not_sign_in_tier_2(world, deputy):
    away(world.carl, deputy)
    request = submit(world, world.ready())
    sign(request, world.vera)
    with pytest.raises(approvals.SameHand, match="for less than a day"):
        sign(request, deputy, "approval", at=later(hours=23))
    assert sign(request, deputy, "approval", at=later(hours=24)).warned == []


def test_a_delegation_of_today_only_warns_in_tier_3(world, deputy):
    away(world.carl, deputy)
    request = submit(world, tier(world, 3))
    assert 15 in sign(request, deputy, "approval", at=later(hours=1)).warned

"""Tier 1: who is not known to be another person counts as the same (rule 12)."""

import pytest

from governance import persons, remedying, retiring, reviews, roles, suspensions
from governance.lifecycle import State
from governance.models import AuthorisationChange
from registry.models import Role
from tests.governance.test_duties import newcomer, tier
from tests.governance.test_emergencies import PROOF
from tests.governance.test_findings import resolved, step
from tests.governance.test_second_hands import same
from tests.governance.test_suspensions import agree, change, granted, plan
from tests.world import NOW


def known(user, world) -> None:
    persons.record_identity(
        user=user, kind="external-id", issuer="hr", value="p-x", by=world.adam, at=NOW
    )


def suspended(world, number: int) -> AuthorisationChange:
    """A suspended authorisation of a model whose tier is now this one."""
    row = granted(world)
    change(world, row, State.SUSPENDED)
    world.assessed(row.version.model, *{1: (5, 5), 2: (4, 4)}[number])
    return row.changes.get()


def test_an_approver_of_unknown_identity_agrees_to_nothing_in_tier_one(world):
    suspension = suspended(world, 1)
    zoe = newcomer("zoe", Role.APPROVER)
    with pytest.raises(roles.NotAllowed):
        agree(world, suspension.authorisation, by=zoe)
    known(zoe, world)
    assert agree(world, suspension.authorisation, by=zoe)


def test_in_tier_two_an_unknown_identity_is_another_person(world):
    suspension = suspended(world, 2)
    assert agree(world, suspension.authorisation, by=newcomer("zoe", Role.APPROVER))


def test_an_agreement_counts_in_tier_one_only_for_who_is_known_to_be_another(world):
    suspension = suspended(world, 1)
    agree(world, suspension.authorisation)
    zoe = newcomer("zoe", Role.RISK_MANAGER)
    assert not suspensions.agreed(suspension, zoe, unknown_is_one=True)
    assert suspensions.agreed(suspension, zoe, unknown_is_one=False)
    known(zoe, world)
    assert suspensions.agreed(suspension, zoe, unknown_is_one=True)


@pytest.mark.parametrize(("number", "refused"), [(1, True), (2, False)])
def test_a_retirement_is_confirmed_by_a_known_person_in_tier_one(
    world, number, refused
):
    version = tier(world, number)
    row = retiring.ask(version=version, plan=plan(), proof=PROOF, by=world.anna, at=NOW)
    facts = {"retirement": row, "proof": PROOF, "at": NOW}
    zoe = newcomer("zoe", Role.RISK_MANAGER)
    if refused:
        with pytest.raises(roles.NotAllowed):
            retiring.confirm(by=zoe, **facts)
        known(zoe, world)
    assert retiring.confirm(by=zoe, **facts)


@pytest.mark.parametrize(("cell", "refused"), [((5, 5), True), ((4, 4), False)])
def test_a_finding_is_closed_by_a_known_person_in_tier_one(world, cell, refused):
    finding = resolved(world)
    world.assessed(finding.model, *cell)
    zoe = newcomer("zoe", Role.VALIDATOR)
    if refused:
        with pytest.raises(remedying.SameHand):
            step(remedying.verify, finding, zoe)
        known(zoe, world)
    assert step(remedying.verify, finding, zoe)


def reviewed(model, by):
    return reviews.complete(
        model=model,
        kind=reviews.Kind.REVIEW,
        outcome=reviews.Outcome.FIT,
        text="Fine.",
        proof=PROOF,
        by=by,
        at=NOW,
    )


def test_the_owner_does_not_review_with_a_second_account(world):
    model = tier(world, 2).model
    zoe = newcomer("zoe", Role.RISK_MANAGER)
    same(world, world.anna, zoe)
    with pytest.raises(roles.NotAllowed):
        reviewed(model, zoe)


def test_a_review_in_tier_one_is_by_a_known_person(world):
    model = tier(world, 1).model
    zoe = newcomer("zoe", Role.RISK_MANAGER)
    with pytest.raises(roles.NotAllowed):
        reviewed(model, zoe)
    known(zoe, world)
    assert reviewed(model, zoe)

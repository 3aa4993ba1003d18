"""Tier 1: who is not known to be somebody else adds no person to a quorum."""

import pytest

from governance import access, approvals, erasure, persons, roles
from governance.case import Case
from governance.models import Authorisation
from governance.requirements.quorum import progress
from registry.models import Role, User
from tests.governance.test_duties import newcomer, sign, submit, tier
from tests.world import LONG_AGO, NOW, World, later

AFTER = later(hours=2)


def counting(world: World, request) -> set[str]:
    """The roles of the signatures that count."""
    case = Case(request.version, world.production, AFTER)
    return {signed.role for signed in progress(case).signed}


def forgotten(world: World, user: User) -> None:
    """What told this person from others turns out to have been recorded by mistake."""
    for row in user.identities.filter(ended_at=None):
        persons.end_identity(
            identity=row, reason="Mixed up.", by=world.adam, at=later(hours=1)
        )


def approved(world: World):
    """A tier 1 request with its three signatures."""
    request = submit(world, tier(world, 1))
    sign(request, world.vera)
    sign(request, world.carl, "approval")
    sign(request, world.cora, "approval")
    assert Authorisation.objects.filter(request=request).exists()
    return request


def test_a_signer_of_unknown_identity_adds_no_person_in_tier_1(world):
    request = submit(world, tier(world, 1))
    sign(request, world.vera)
    zoe = newcomer("zoe", Role.APPROVER)
    with pytest.raises(approvals.SameHand, match="two people"):
        sign(request, zoe, "approval")


def test_a_signer_whose_identity_is_unknown_since_then_counts_no_more_in_tier_1(world):
    request = approved(world)
    forgotten(world, world.carl)
    assert counting(world, request) == {Role.VALIDATOR, Role.COMPLIANCE}


def test_two_signers_whom_nothing_tells_apart_are_one_in_tier_1(world):
    """Both are known to be nobody with a hand; of each other nothing is known."""
    request = approved(world)
    makers = [world.anna, world.ben, world.rita]
    for signer in (world.carl, world.cora):
        for other in (*makers, world.vera):
            persons.declare(
                a=signer, b=other, same=False, reason="Seen.", by=world.rolf, at=NOW
            )
        forgotten(world, signer)
    assert len(counting(world, request)) == 2


def test_the_gate_shuts_when_a_tier_1_signer_is_no_longer_known(world):
    request = approved(world)
    case = Case(request.version, world.production, AFTER).as_granted()
    assert progress(case).complete
    forgotten(world, world.carl)
    case = Case(request.version, world.production, AFTER).as_granted()
    assert not progress(case).complete


def test_in_tier_2_only_what_is_known_counts_against_a_signature(world):
    request = submit(world, world.ready())
    sign(request, world.vera)
    sign(request, world.carl, "approval")
    forgotten(world, world.carl)
    assert counting(world, request) == {Role.VALIDATOR, Role.APPROVER}


def test_the_erasure_of_a_former_hand_takes_no_signature_away(world):
    """That this was somebody else was known when the signatures were given."""
    request = submit(world, tier(world, 1))
    former = request.version.developer
    roles.grant(user=world.cora, role=Role.DPO, by=access.system_user(), at=LONG_AGO)
    sign(request, world.vera)
    sign(request, world.carl, "approval")
    access.deactivate(user=former, by=access.system_user(), at=NOW)
    erasure.erase(user=former, because="Art. 17.", by=world.cora, at=later(hours=1))
    assert counting(world, request) == {Role.VALIDATOR, Role.APPROVER}


def test_three_accounts_of_one_human_are_one_also_where_two_have_nothing_in_common(
    world,
):
    one, two, three = (newcomer(f"z{number}", None) for number in range(3))
    for a, b in ((one, two), (two, three)):
        persons.declare(a=a, b=b, same=True, reason="HR.", by=world.cora, at=NOW)
    assert persons.same_person(one, three) == persons.Same.YES

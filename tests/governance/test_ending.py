"""The end of a pack and early adoption: what weakens policy asks for two people."""

import functools
import threading
from collections.abc import Iterator

import pytest
from django.db import connections

from governance import access, ending, persons, policy, publishing, roles, signatures
from governance.case import Case
from governance.models import EarlyAdoption, Notification, PackEnd, RecordSignature
from governance.signatures import Proof
from registry.models import Role
from tests.governance.test_publishing import (
    PROOF,
    SECOND,
    approver,
    checks_of,
    person,
    second,
)
from tests.world import NOW, World, later, log_verified

__all__ = ["approver"]
LAW = SECOND % ("always", "adopted_not_yet_applicable", "block")


def propose(by, at=NOW, ends_at=None, slug="first-policy"):
    return ending.end(
        slug=slug,
        ends_at=ends_at or later(days=2),
        reason="Replaced.",
        proof=PROOF,
        by=by,
        at=at,
    )


def take_back(by, at=NOW):
    return ending.end(
        slug="first-policy", ends_at=None, reason="So.", proof=PROOF, by=by, at=at
    )


def adopt(by, adopted=True, at=NOW):
    return ending.adopt_early(
        slug="second", adopted=adopted, reason="Ready.", proof=PROOF, by=by, at=at
    )


def confirm(proposal, by, at=NOW, proof=PROOF):
    return ending.confirm(proposal=proposal, proof=proof, by=by, at=at)


def binding(at):
    return [one.pack.slug for one in policy.shelf(at=at).in_force(at=at)]


def test_an_end_that_one_person_signed_ends_nothing(world, approver):
    proposal = propose(approver)
    version = world.ready()
    assert Case(version, world.production, later(days=30)).packs
    assert ending.waiting("first-policy") == [proposal]
    said = Notification.objects.filter(recipient=world.rita)
    assert said.filter(announcement__link="/policy/packs/first-policy/decide").exists()


def test_nothing_passes_after_a_second_person_ended_the_only_pack(world, approver):
    proposal = propose(approver)
    row = confirm(proposal, world.rita, at=later(days=1))
    assert (row.confirms, row.ends_at) == (proposal, later(days=2))
    signed = RecordSignature.objects.get(record_id=row.pk)
    assert "what Piet Test proposed" in signed.statement
    assert "Replaced." in signed.statement
    version = world.ready()
    assert Case(version, world.production, later(days=1)).packs
    with pytest.raises(policy.NoPolicy):
        _ = Case(version, world.production, later(days=2)).packs


def test_an_end_confirmed_late_counts_from_then_and_changes_no_past(world, approver):
    proposal = propose(approver)
    row = confirm(proposal, world.cora, at=later(days=5))
    assert row.ends_at == later(days=5)
    assert binding(later(days=4)) == ["first-policy"]


def test_who_proposed_does_not_confirm(world, approver):
    proposal = propose(approver)
    with pytest.raises(ending.SamePerson, match="Piet"):
        confirm(proposal, approver)
    assert PackEnd.objects.count() == RecordSignature.objects.count() == 1


def test_another_account_of_who_proposed_does_not_confirm(world, approver):
    twin = person(world, "pit", Role.RISK_MANAGER)
    persons.declare(
        a=approver, b=twin, same=True, reason="One desk.", by=world.cora, at=NOW
    )
    proposal = propose(approver)
    with pytest.raises(ending.SamePerson, match="Piet"):
        confirm(proposal, twin)
    assert binding(later(days=30)) == ["first-policy"]


def test_only_the_second_line_confirms_and_only_policy_approvers_propose(
    world, approver
):
    with pytest.raises(roles.NotAllowed):
        propose(world.rita)
    proposal = propose(approver)
    for outside in (world.anna, world.carl, world.adam):
        with pytest.raises(roles.NotAllowed):
            confirm(proposal, outside)
    system = access.system_user()
    token, _secret = access.issue_token(
        name="bot", role=Role.COMPLIANCE, by=system, at=NOW
    )
    with pytest.raises(roles.NotAllowed, match="machine"):
        confirm(proposal, token.user)


def test_a_wrong_password_confirms_nothing(world, approver):
    proposal = propose(approver)
    with pytest.raises(signatures.WrongPassword):
        confirm(proposal, world.rita, proof=Proof(password="guess"))  # noqa: S106
    assert ending.waiting("first-policy") == [proposal]


def test_a_proposal_counts_only_while_it_is_the_last_word(world, approver):
    first = propose(approver)
    second_one = propose(approver, ends_at=later(days=9))
    with pytest.raises(publishing.WrongState, match="no longer waits"):
        confirm(first, world.rita)
    confirm(second_one, world.rita)
    with pytest.raises(publishing.WrongState, match="no longer waits"):
        confirm(second_one, world.cora)
    assert binding(later(days=8)) == ["first-policy"]
    assert binding(later(days=9)) == []


def test_one_policy_approver_takes_an_end_back(world, approver):
    with pytest.raises(publishing.WrongState, match="no end"):
        take_back(approver)
    proposal = propose(approver)
    take_back(approver)
    with pytest.raises(publishing.WrongState, match="no longer waits"):
        confirm(proposal, world.rita)
    confirm(propose(approver), world.rita)
    assert binding(later(days=3)) == []
    take_back(approver, at=later(days=1))
    assert binding(later(days=3)) == ["first-policy"]


def test_a_proposal_taken_back_leaves_an_end_that_has_come(world, approver):
    confirm(propose(approver), world.rita)
    propose(approver, at=later(days=5), ends_at=later(days=9))
    take_back(approver, at=later(days=6))
    assert binding(later(days=7)) == []
    with pytest.raises(publishing.WrongState, match="no end"):
        take_back(approver, at=later(days=7))


def test_early_adoption_is_signed_by_one_and_given_up_by_two(world, approver):
    second(LAW, world)
    version = world.ready()

    def binds():
        return checks_of(world, version)["second-001"].blocks

    assert not binds()
    adopt(approver)
    assert binds()
    assert RecordSignature.objects.filter(record_type="earlyadoption").exists()
    proposal = adopt(approver, adopted=False)
    assert binds()
    with pytest.raises(ending.SamePerson):
        confirm(proposal, approver)
    confirm(proposal, world.cora)
    assert not binds()
    with pytest.raises(publishing.WrongState, match="not adopted early"):
        adopt(approver, adopted=False)


def test_adopting_again_overtakes_the_proposal_to_give_it_up(world, approver):
    second(LAW, world)
    adopt(approver)
    proposal = adopt(approver, adopted=False)
    adopt(approver)
    with pytest.raises(publishing.WrongState, match="no longer waits"):
        confirm(proposal, world.rita)
    assert EarlyAdoption.objects.filter(proposed=False, adopted=False).count() == 0


@pytest.fixture
def stage(fresh_database, django_db_blocker) -> Iterator[World]:
    """A world whose acts are committed, so that others see them."""
    with django_db_blocker.unblock():
        log_verified()
        yield World()


def test_two_confirmations_at_once_are_one(stage):
    proposal = propose(person(stage, "piet", Role.POLICY_APPROVER))
    give = functools.partial(confirm, proposal)
    ready = threading.Barrier(2)
    came: list[object] = []

    def work(by) -> None:
        try:
            ready.wait(20)
            came.append(give(by))
        except publishing.WrongState as refusal:
            came.append(refusal)
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=work, args=(by,)) for by in (stage.rita, stage.cora)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(type(one).__name__ for one in came) == ["PackEnd", "WrongState"]
    assert PackEnd.objects.filter(proposed=False).count() == 1

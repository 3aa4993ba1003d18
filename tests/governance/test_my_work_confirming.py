"""What a second person confirms waits for those who can, and for nobody else."""

from datetime import timedelta

from governance import (
    auditing,
    ending,
    forges,
    identities,
    lifecycle,
    roles,
    suspensions,
)
from governance.lifecycle import State
from governance.web.work.asked import asked
from governance.web.work.me import Me
from tests.governance import forge_world, issuer, test_matrix_publishing
from tests.governance.test_ending import LAW, adopt, confirm, propose, take_back
from tests.governance.test_my_work_kinds import told, waits
from tests.governance.test_publishing import approver, second
from tests.governance.test_suspensions import PROOF, agree, change, granted
from tests.world import NOW, later

__all__ = ["approver"]


def test_an_end_of_a_pack_waits_for_the_second_line_but_not_for_who_proposes_it(
    world, approver
):
    ends_at = later(days=30)
    proposal = propose(approver, ends_at=ends_at)
    assert waits(approver, "packs") == 0
    assert waits(world.anna, "packs") == 0
    (item,) = told(world.rita, "packs")
    assert item.due == ends_at.date()
    confirm(proposal, world.rita)
    assert waits(world.cora, "packs") == 0


def test_an_end_that_was_taken_back_waits_for_nobody(world, approver):
    propose(approver, ends_at=later(days=30))
    take_back(approver, at=later(seconds=1))
    assert waits(world.rita, "packs") == 0


def test_an_early_adoption_given_up_waits_and_one_adopted_does_not(world, approver):
    second(LAW, world)
    adopt(approver)
    assert waits(world.rita, "early") == 0
    proposal = adopt(approver, adopted=False, at=later(seconds=1))
    assert waits(world.rita, "early") == 1
    assert waits(approver, "early") == 0
    ending.confirm(proposal=proposal, proof=PROOF, by=world.cora, at=later(seconds=2))
    assert waits(world.rita, "early") == 0


def test_the_newest_draft_of_a_matrix_waits_for_somebody_else_for_ninety_days(world):
    document = test_matrix_publishing.own(test_matrix_publishing.THREE)
    test_matrix_publishing.draft(world, document)
    assert waits(world.rita, "matrices") == 0
    assert waits(world.cora, "matrices") == 1
    assert waits(world.cora, "matrices", later(days=91)) == 0


def test_a_published_matrix_waits_for_nobody(world):
    document = test_matrix_publishing.own(test_matrix_publishing.THREE)
    row = test_matrix_publishing.draft(world, document)
    test_matrix_publishing.publish(row, world.cora)
    assert waits(world.cora, "matrices") == 0


def test_a_suspension_waits_for_an_approver_and_then_for_who_reinstates(world):
    row = granted(world)
    assert waits(world.carl, "suspended") == 0
    change(world, row, State.SUSPENDED)
    assert waits(world.rita, "suspended") == 0
    assert waits(world.anna, "suspended") == 0
    (item,) = told(world.carl, "suspended")
    assert item.because == "Drift."
    agree(world, row)
    assert waits(world.carl, "suspended") == 0
    assert waits(world.rita, "suspended") == 1
    change(world, row, State.ACTIVE)
    assert waits(world.rita, "suspended") == 0


def test_a_suspension_that_ran_out_or_was_revoked_waits_for_nobody(world):
    row = granted(world)
    change(world, row, State.SUSPENDED)
    assert waits(world.carl, "suspended", row.valid_until) == 0
    change(world, row, State.REVOKED, at=later(seconds=1))
    assert waits(world.carl, "suspended") == 0
    assert lifecycle.state_of(row) == State.REVOKED


def test_an_agreement_to_an_earlier_suspension_is_none_to_this_one(world):
    row = granted(world)
    change(world, row, State.SUSPENDED)
    agree(world, row)
    change(world, row, State.ACTIVE)
    suspensions.suspend_all(version=row.version, reason="Again.", at=later(seconds=5))
    assert waits(world.carl, "suspended") == 1
    assert waits(world.rita, "suspended") == 0


def test_trust_in_a_pipeline_waits_until_it_is_confirmed_or_ended(world):
    rule = identities.propose(wish=issuer.wish(), by=world.adam, at=NOW)
    other = identities.propose(wish=issuer.wish(name="other"), by=world.adam, at=NOW)
    assert waits(world.rita, "pipelines") == 2
    assert waits(world.adam, "pipelines") == 0
    identities.confirm(rule=rule, proof=PROOF, by=world.rita, at=NOW)
    assert waits(world.rita, "pipelines") == 1
    identities.end(rule=other, reason="Not needed.", by=world.rita, at=NOW)
    assert waits(world.rita, "pipelines") == 0


def test_a_place_of_a_code_server_waits_while_its_server_counts(world, outside):
    forge, _secret = forge_world.registered(world, "gitlab", outside.url)
    place = forge_world.PLACES[forge.kind]
    forges.propose(forge=forge, place=place, by=world.adam, at=NOW)
    assert waits(world.rita, "places") == 1
    assert waits(world.anna, "places") == 0
    forges.end(forge=forge, reason="It moved.", by=world.adam, at=NOW)
    assert waits(world.rita, "places") == 0


def ask(world, model, by):
    return auditing.ask(
        question="Who chose the data?",
        model=model,
        due_on=(NOW + timedelta(days=9)).date(),
        by=by,
        at=NOW,
    )


def test_a_question_of_an_auditor_waits_for_the_owner_and_then_for_the_auditor(world):
    model = world.model()
    row = ask(world, model, world.ines)
    assert waits(world.anna, "audits") == 1
    assert waits(world.ines, "audits") == 0
    assert waits(world.rita, "audits") == 0
    me = Me.of(world.ines, roles.roles_of(world.ines), later(minutes=1))
    (mine,) = asked(me)
    assert mine.because == world.anna.printed_name
    auditing.answer(request=row, text="I did.", reference="", by=world.anna, at=NOW)
    assert waits(world.anna, "audits") == 0
    (item,) = told(world.ines, "audits")
    assert item.because == "Who chose the data?"
    auditing.reopen(request=row, text="And why?", by=world.ines, at=NOW)
    assert waits(world.anna, "audits") == 1
    auditing.close(request=row, text="", by=world.ines, at=NOW)
    for one in (world.anna, world.ines):
        assert waits(one, "audits") == 0


def test_a_question_about_no_model_waits_for_risk_managers(world):
    ask(world, None, world.ines)
    assert waits(world.rita, "audits") == 1
    assert waits(world.anna, "audits") == 0

"""Effective challenge, dissent, what changed since, and reminders."""

import pytest

from governance import (
    access,
    approvals,
    challenges,
    differences,
    notifications,
    policy,
    registration,
    reminding,
    roles,
)
from governance.case import Case
from governance.models import Authorisation, RecordSignature, Reminder
from governance.signatures import Proof, WrongPassword
from registry.models import Role
from tests.governance.test_duties import held, sign, submit
from tests.world import NOW, PASSWORD, later

STAGES = """
approvals:
  T2:
    challenges_closed: true
    stages:
    - id: review
      seats: {meaning: review, roles: [validator]}
      deadline_days: 10
      remind_days: [3]
      escalate_to: [executive]
    - id: approve
      seats: {meaning: approval, roles: [approver]}
"""


@pytest.fixture
def staged(world):
    """First policy, with a review before the approval, and challenges closed."""
    text = policy.FIRST_POLICY.read_text("utf-8")
    head, rest = text.split("rules:\n", 1)
    old = rest.split("- id: first-008", 1)[1].split("- id:", 1)[0]
    new = old.replace(old.split("    quorum:", 1)[1].split("  severity", 1)[0], "X")
    rest = rest.replace(
        old, new.replace("    quorum:X", "    method: re-authenticated\n")
    )
    text = head.replace("2026.11.0", "2026.11.1") + STAGES.lstrip() + "rules:\n" + rest
    policy.publish(text=text, by=access.system_user(), at=NOW)


def ask(request, by, at=NOW):
    return challenges.challenge(
        request=request,
        question="Does it hold in a recession?",
        expertise="Twelve years of credit risk.",
        independence="Not in the development team.",
        by=by,
        at=at,
    )


def test_a_pack_can_ask_that_challenges_are_closed_before_approval(world, staged):
    request = submit(world, world.ready())
    asked = ask(request, world.vera)
    sign(request, world.vera)
    with pytest.raises(approvals.NotReady, match="challenge"):
        sign(request, world.carl, "approval")
    with pytest.raises(challenges.CannotChallenge, match="answered"):
        challenges.dispose(
            challenge=asked, outcome="resolved", reason="Fine.", by=world.vera, at=NOW
        )
    challenges.respond(
        challenge=asked, text="See the stress test.", by=world.ben, at=NOW
    )
    challenges.dispose(
        challenge=asked, outcome="resolved", reason="Fine.", by=world.vera, at=NOW
    )
    sign(request, world.carl, "approval")
    assert Authorisation.objects.exists()


def test_a_challenge_that_is_maintained_stays_open(world, staged):
    request = submit(world, world.ready())
    asked = ask(request, world.vera)
    challenges.respond(challenge=asked, text="It does.", by=world.ben, at=NOW)
    challenges.dispose(
        challenge=asked, outcome="maintained", reason="No.", by=world.vera, at=NOW
    )
    assert challenges.open_challenges(request).get() == asked


def test_who_has_a_hand_does_not_challenge_and_others_do_not_close(world):
    request = submit(world, world.ready())
    held(world.ben, Role.VALIDATOR)
    with pytest.raises(roles.NotAllowed, match="not independent"):
        ask(request, world.ben)
    asked = ask(request, world.vera)
    challenges.respond(challenge=asked, text="It does.", by=world.ben, at=NOW)
    with pytest.raises(roles.NotAllowed, match="Only who raised"):
        challenges.dispose(
            challenge=asked, outcome="resolved", reason="Ok.", by=world.carl, at=NOW
        )


def test_dissent_blocks_until_somebody_else_overrides_it_with_a_signed_reason(world):
    request = submit(world, world.ready())
    sign(request, world.vera)
    against = challenges.dissent(
        request=request, reason="Too little data.", by=world.cora, at=NOW
    )
    with pytest.raises(approvals.NotReady, match="Cora Nilsson dissents"):
        sign(request, world.carl, "approval")
    rest = {"dissent": against, "reason": "A pilot is small.", "at": NOW}
    with pytest.raises(roles.NotAllowed, match="executive"):
        challenges.override(**rest, by=world.carl, proof=Proof(password=PASSWORD))
    with pytest.raises(WrongPassword):
        challenges.override(**rest, by=world.eva, proof=Proof(password="guess"))
    challenges.override(**rest, by=world.eva, proof=Proof(password=PASSWORD))
    assert "Too little data." in RecordSignature.objects.get().statement
    sign(request, world.carl, "approval")
    assert Authorisation.objects.exists()


def test_a_second_stage_waits_for_the_first(world, staged):
    request = submit(world, world.ready())
    with pytest.raises(approvals.NoSeat):
        sign(request, world.carl, "approval")


def test_the_signer_sees_what_changed_since(world):
    version = world.ready()
    request = submit(world, version)
    sign(request, world.vera)
    registration.change_inventory(
        model=version.model, purpose="Decides alone.", by=world.anna, at=NOW
    )
    version.refresh_from_db()
    found = differences.since_submitted(Case(version, world.production, NOW))
    purpose = next(item for item in found if item.field == "purpose")
    assert purpose.now == "Decides alone."
    assert "Proposes" in purpose.then


def test_a_policy_published_between_two_signatures_voids_and_is_shown(world):
    request = submit(world, world.ready())
    sign(request, world.vera)
    text = policy.FIRST_POLICY.read_text("utf-8").replace("2026.11.0", "2026.11.1")
    policy.publish(text=text, by=access.system_user(), at=later(hours=1))
    with pytest.raises(approvals.NotOpen, match="changed since"):
        sign(request, world.carl, "approval", at=later(hours=2))
    case = Case(request.version, world.production, later(hours=2))
    assert any("Polic" in item.field for item in differences.since_submitted(case))


def test_a_stage_is_reminded_once_and_escalated_and_never_approved_by_time(
    world, staged
):
    request = submit(world, world.ready())
    assert reminding.remind(at=later(days=6)) == 0
    assert reminding.remind(at=later(days=7, hours=1)) == 1
    assert reminding.remind(at=later(days=8)) == 0
    assert notifications.told(world.vera).count() == 1
    assert not notifications.told(world.eva).exists()
    assert reminding.remind(at=later(days=11)) == 1
    assert reminding.remind(at=later(days=300)) == 0
    assert notifications.told(world.eva).count() == 1
    assert Reminder.objects.filter(request=request).count() == 2
    assert not Authorisation.objects.exists()

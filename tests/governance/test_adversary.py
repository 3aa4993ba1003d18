"""Attempts to get an approval that breaks a separation rule."""

import pytest

from governance import access, approvals, assessing, matrix_publishing, risk, roles
from governance.approvals import SameHand
from governance.case import Case
from governance.requirements.quorum import signed
from registry.models import Role
from tests.governance.test_duties import newcomer, sign, submit, tier
from tests.governance.test_matrix_publishing import draft, on_default_scales, publish
from tests.world import NOW


def test_a_second_account_of_the_validator_approves_nothing(world):
    version = tier(world, 2)
    second = newcomer("vera2", Role.APPROVER)
    second.email = "vera+approver@bank.example"
    second.save()
    request = submit(world, version)
    sign(request, newcomer("vic", Role.VALIDATOR))
    with pytest.raises(SameHand, match="validated this version"):
        sign(request, second, "approval")


def test_who_reviewed_an_earlier_request_by_another_account_approves_nothing(world):
    version = tier(world, 2)
    vic, twin = newcomer("vic", Role.VALIDATOR), newcomer("vic2", Role.APPROVER)
    twin.email = "vic+a@bank.example"
    twin.save()
    first = submit(world, version)
    sign(first, vic)
    approvals.withdraw(request=first, reason="A slip.", by=world.anna, at=NOW)
    again = submit(world, version)
    sign(again, world.vera)
    with pytest.raises(SameHand, match="validated this version"):
        sign(again, twin, "approval")


def test_a_matrix_that_became_stricter_voids_signatures_of_the_milder_tier(world):
    version = tier(world, 2)
    request = submit(world, version)
    sign(request, world.vera)
    before = Case(version, world.production, NOW)
    assert (before.tier, len(signed(before))) == (2, 1)
    row = draft(world, on_default_scales({(4, 4): 1}))
    assert matrix_publishing.preview(row, at=NOW).changes
    publish(row, world.cora)
    after = Case(version, world.production, NOW)
    assert after.tier == 1
    assert not after.subject_holds
    assert signed(after) == []
    with pytest.raises(approvals.NotOpen, match="changed since"):
        sign(request, world.carl, "approval")


def test_an_owner_who_is_also_risk_manager_judges_no_risk_of_their_own_model(world):
    model = world.model(ai_act_class="minimal")
    for person in (world.anna, world.ben):
        system = access.system_user()
        roles.grant(user=person, role=Role.RISK_MANAGER, by=system, at=NOW)
        with pytest.raises(roles.NotAllowed, match="somebody else judges its risk"):
            assessing.assess(
                model=model,
                likelihood=1,
                impact=1,
                rationale="Harmless, says its owner.",
                by=person,
                at=NOW,
            )
    assert risk.standing_of(model, NOW).tier == 1

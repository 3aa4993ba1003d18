"""Reductions and overrides of a tier: signed, shown, never below a floor."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance import assessing, risk, roles, signatures, tier_decisions
from governance.case import Case
from governance.models import RecordSignature, TierDecision
from governance.requirements import SUBMIT, evaluate
from governance.tier_decisions import CannotDecide, OwnWork
from tests.world import NOW, PASSWORD, later

PROOF = signatures.Proof(password=PASSWORD)


def assessed(world, *, residual=(2, 2), place=(4, 4), **record):
    """Rita assesses a model whose controls bring it from tier 2 to tier 3."""
    model = world.model(ai_act_class="minimal", **record)
    left, harm = residual or (None, None)
    return assessing.assess(
        model=model,
        likelihood=place[0],
        impact=place[1],
        residual_likelihood=left,
        residual_impact=harm,
        rationale="Wrong refusals harm households.",
        mitigations="A clerk decides.",
        by=world.rita,
        at=NOW,
    )


def override(row, tier, by, at=NOW, reason="It only informs a clerk."):
    return tier_decisions.override(
        assessment=row, tier=tier, reason=reason, proof=PROOF, by=by, at=at
    )


def reduce(row, by, at=NOW):
    return tier_decisions.reduce(
        assessment=row, reason="Controls were tested.", proof=PROOF, by=by, at=at
    )


def take_back(decision, by, at=NOW):
    return tier_decisions.take_back(
        decision=decision, reason="It grew.", proof=PROOF, by=by, at=at
    )


def tiers(row, at=NOW):
    standing = risk.standing_of(row.model, at)
    return standing.tier, standing.computed_tier


def test_the_tier_uses_the_inherent_risk_until_second_line_signs(world):
    row = assessed(world)
    assert tiers(row) == (2, 2)
    reduce(row, world.cora)
    assert tiers(row) == (3, 3)


def test_the_assessor_signs_no_reduction_of_their_own(world):
    row = assessed(world)
    with pytest.raises(OwnWork, match="Rita Okafor assessed the risk"):
        reduce(row, world.rita)
    assert tiers(row) == (2, 2)


def test_a_reduction_needs_controls_and_a_milder_residual_risk(world):
    row = assessed(world, residual=None)
    with pytest.raises(CannotDecide, match="no residual risk"):
        reduce(row, world.cora)
    same = assessed(world, residual=(4, 3), slug="same")
    with pytest.raises(CannotDecide, match="no milder tier"):
        reduce(same, world.cora)


def test_an_override_stands_beside_the_computed_tier(world):
    row = assessed(world)
    decision = override(row, 3, world.cora)
    assert tiers(row) == (3, 2)
    signed = RecordSignature.objects.get(record_id=decision.pk)
    assert signed.record_type == "tier-decision"
    assert "override the computed tier 2 by tier 3" in signed.statement
    assert signed.subject_sha256 in signed.statement
    assert Case(world.version(row.model), world.production, NOW).tier == 3


def test_an_override_can_be_taken_back(world):
    row = assessed(world)
    decision = override(row, 1, world.cora)
    assert tiers(row) == (1, 2)
    take_back(decision, world.cora)
    assert tiers(row) == (2, 2)
    with pytest.raises(CannotDecide, match="does not count any more"):
        take_back(decision, world.cora)
    assert [d.tier for d in TierDecision.objects.order_by("sequence")] == [1, None]


def test_a_second_override_waits_until_the_first_is_taken_back(world):
    row = assessed(world)
    override(row, 3, world.cora)
    with pytest.raises(CannotDecide, match="take that back first"):
        override(row, 4, world.cora)


@pytest.mark.parametrize("record", [{"aedt": True}, {"gxp": True}, {"credit": True}])
def test_no_override_below_a_floor_of_regulation(world, record):
    row = assessed(world, **record)
    with pytest.raises(CannotDecide, match="at least tier 2"):
        override(row, 3, world.cora)
    assert tiers(row) == (2, 2)


def test_a_floor_that_rises_later_ends_the_mildness_of_an_override(world):
    row = assessed(world)
    override(row, 4, world.cora)
    model = row.model
    model.credit = True
    model.save()
    assert tiers(row) == (2, 2)


def test_an_override_expires_with_its_assessment(world):
    row = assessed(world)
    override(row, 3, world.cora)
    overdue = later(days=366)
    assert tiers(row, overdue) == (2, 2)
    assert risk.standing_of(row.model, overdue).lapsed
    assessing.assess(
        model=row.model,
        likelihood=4,
        impact=4,
        rationale="As before.",
        by=world.rita,
        at=overdue,
    )
    standing = risk.standing_of(row.model, overdue)
    assert (standing.tier, standing.override, standing.due) == (2, None, ())


def test_a_stricter_override_still_binds_when_the_assessment_is_overdue(world):
    row = assessed(world)
    override(row, 1, world.cora)
    assert tiers(row, later(days=366)) == (1, 2)


@pytest.mark.parametrize("who", ["anna", "ben", "vera", "carl", "ines", "adam"])
def test_only_risk_and_compliance_decide_on_tiers(world, who):
    row = assessed(world)
    with pytest.raises(roles.NotAllowed):
        override(row, 3, world.people[who])


def test_an_owner_decides_on_no_tier_of_their_own_model(world):
    row = assessed(world)
    row.model.owner = world.cora
    row.model.save()
    with pytest.raises(OwnWork, match="owns this model"):
        override(row, 3, world.cora)


def test_a_wrong_password_leaves_the_tier_and_is_kept(world):
    row = assessed(world)
    with pytest.raises(signatures.WrongPassword):
        tier_decisions.override(
            assessment=row,
            tier=3,
            reason="It only informs.",
            proof=signatures.Proof(password="guess"),
            by=world.cora,
            at=NOW,
        )
    assert tiers(row) == (2, 2)
    assert not TierDecision.objects.exists()


def test_an_override_without_a_reason_is_refused(world):
    with pytest.raises(CannotDecide, match="Give the reason"):
        override(assessed(world), 3, world.cora, reason=" ")


def test_a_decision_voids_signatures_on_what_was_submitted(world):
    row = assessed(world)
    version = world.version(row.model)
    before = Case(version, world.production, NOW)
    old = before.subject(before.pack_subjects, None)
    override(row, 3, world.cora)
    after = Case(version, world.production, NOW)
    assert after.subject(after.pack_subjects, None) != old


def test_a_demand_fails_the_rule_until_somebody_assesses(world):
    row = assessed(world)
    override(row, 3, world.cora)
    risk.require_reassessment(
        model=row.model, reason="Drift is red.", by=world.rita, at=NOW
    )
    standing = risk.standing_of(row.model, NOW)
    assert standing.due == ("Drift is red.",)
    assert standing.tier == 2, "what made it milder no longer counts"
    version = world.version(row.model)
    failing = [c for c in _checks(world, version) if "Drift is red." in c.because]
    assert len(failing) == 1
    assert not failing[0].passed
    world.assessed(row.model)
    assert risk.standing_of(row.model, NOW).due == ()
    assert not [c for c in _checks(world, version) if "Drift is red." in c.because]


def _checks(world, version):
    return evaluate(Case(version, world.production, NOW), SUBMIT)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("expected_use", "It decides alone."),
        ("jurisdictions", ["US"]),
        ("special_categories_used", True),
    ],
)
def test_a_change_of_use_place_or_data_makes_it_due(world, field, value):
    row = assessed(world)
    model = row.model
    setattr(model, field, value)
    model.save()
    due = risk.standing_of(model, NOW).due
    assert due == (f"Changed since the assessment: {field.replace('_', ' ')}.",)


def test_a_model_without_an_assessment_is_tier_1_and_due(world):
    standing = risk.standing_of(world.model(), NOW)
    assert (standing.tier, len(standing.due)) == (1, 1)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["override", "reduce", "take back", "floor", "demand"]),
        st.integers(1, 4),
        st.sampled_from(["cora", "rita", "anna"]),
        st.integers(0, 400),
    ),
    max_size=8,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(st.integers(1, 5), st.integers(1, 5)), STEPS)
def test_no_history_makes_a_tier_milder_than_its_floor(world, place, steps):
    world.n = getattr(world, "n", 0) + 1
    row = assessed(world, place=place, residual=(1, 1), slug=f"m-{world.n}")
    for what, tier, who, days in steps:
        _step(world, row, what, tier, world.people[who], later(days=days))
        standing = risk.standing_of(row.model, later(days=days))
        assert standing.tier <= standing.floor_tier
        decided = TierDecision.objects.filter(assessment=row)
        assert not decided.filter(decided_by=row.assessed_by).exists()
        if standing.due:
            assert standing.tier <= row.tier
        if not standing.override and not standing.reduction:
            assert standing.tier <= row.tier


def _step(world, row, what, tier, by, at):
    try:
        if what == "override":
            override(row, tier, by, at)
        elif what == "reduce":
            reduce(row, by, at)
        elif what == "take back":
            take_back(TierDecision.objects.filter(assessment=row)[0], by, at)
        elif what == "floor":
            row.model.aedt = not row.model.aedt
            row.model.save()
        else:
            risk.require_reassessment(model=row.model, reason="Drift.", by=by, at=at)
    except (CannotDecide, OwnWork, roles.NotAllowed, IndexError):
        pass

"""Assessments: the frozen matrix, the tier, and the floors of regulation."""

import pytest

from governance import assessing, matrices, risk, roles
from tests.world import NOW, later


def test_an_assessment_freezes_its_matrix(world):
    model = world.model()
    world.assessed(model)
    found = risk.latest_assessment(model)
    assert (found.score, found.band, found.tier) == (16, "high", 2)
    assert (found.matrix.slug, found.matrix.version) == ("default", 1)
    assert found.review_due_on == later(days=365).date()


@pytest.mark.parametrize(("likelihood", "impact"), [(0, 3), (6, 3), (3, 0), (3, 6)])
def test_a_point_outside_the_matrix_is_refused(world, likelihood, impact):
    with pytest.raises(matrices.OutsideMatrix):
        world.assessed(world.model(), likelihood, impact)


def test_high_risk_ai_systems_are_at_least_tier_2(world):
    model = world.model(ai_act_class="high-annex-iii")
    world.assessed(model, 1, 1)
    found = risk.latest_assessment(model)
    assert found.tier == 2
    assert "at least tier 2" in found.floor


@pytest.mark.parametrize(
    ("places", "tier"), [([], 2), (["DE-BY"], 2), (["US", "FR"], 2), (["CH"], 4)]
)
def test_what_nobody_classed_is_tier_2_unless_known_to_be_elsewhere(
    world, places, tier
):
    model = world.model(ai_act_class="not-assessed", jurisdictions=places)
    world.assessed(model, 1, 1)
    assert risk.latest_assessment(model).tier == tier


def test_a_prohibited_practice_cannot_be_assessed(world):
    with pytest.raises(assessing.NotDeployable):
        world.assessed(world.model(ai_act_class="prohibited"))


def test_the_first_line_cannot_assess(world):
    with pytest.raises(roles.NotAllowed):
        assessing.assess(
            model=world.model(),
            likelihood=1,
            impact=1,
            rationale="Harmless, says its owner.",
            by=world.anna,
            at=NOW,
        )


@pytest.mark.parametrize("word", ["operations", "decision", ""])
def test_a_milder_word_for_the_purpose_leaves_the_floor_of_large_exposure(world, word):
    """The record says decisions about customers; the assessor cannot unsay it."""
    model = world.model(ai_act_class="minimal", purpose_class="decision")
    row = assessing.assess(
        model=model,
        likelihood=1,
        impact=1,
        rationale="Small.",
        materiality=assessing.Materiality(exposure="large", purpose_class=word),
        by=world.rita,
        at=NOW,
    )
    assert row.tier == 2
    assert "Large exposure" in row.floor

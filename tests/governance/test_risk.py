"""The matrix of decisions.md 3.1, cell by cell, and the tiers that follow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance import risk, roles
from tests.world import NOW, later

DEFAULT = {
    1: "low low low medium medium",
    2: "low medium medium medium high",
    3: "low medium medium high high",
    4: "medium medium high high severe",
    5: "medium high high severe severe",
}
CAUTIOUS = {
    1: "low low low medium high",
    2: "low medium medium medium high",
    3: "low medium medium high high",
    4: "medium medium high high severe",
    5: "medium high high severe severe",
}


@pytest.mark.parametrize(
    ("name", "expected"), [("default", DEFAULT), ("cautious", CAUTIOUS)]
)
def test_all_25_cells(db, name, expected):
    matrix = risk.current_matrix(name)
    found = {
        lik: " ".join(
            risk.look_up(matrix, likelihood=lik, impact=imp).band for imp in range(1, 6)
        )
        for lik in range(1, 6)
    }
    assert found == expected


def test_scores_and_tiers_of_the_bands(db):
    cells = risk.cells(risk.current_matrix())
    assert len(cells) == 25
    tiers = {cell.score: cell.tier for cell in cells.values()}
    assert tiers == {
        **dict.fromkeys((1, 2, 3), 4),
        **dict.fromkeys((4, 5, 6, 8, 9), 3),
        **dict.fromkeys((10, 12, 15, 16), 2),
        **dict.fromkeys((20, 25), 1),
    }


POINTS = st.integers(min_value=1, max_value=5)


@given(POINTS, POINTS, st.sampled_from(["default", "cautious"]))
def test_more_risk_never_gives_a_milder_tier(lik, imp, name):
    document = risk.built_in_matrices()[name]["cells"]
    tier = {
        (a, b): risk.TIER_OF_BAND[document[str(a)][str(b)]["band"]]
        for a in range(1, 6)
        for b in range(1, 6)
    }
    assert all(
        tier[lik, imp] <= tier[a, b]
        for a in range(1, lik + 1)
        for b in range(1, imp + 1)
    )


def test_an_assessment_freezes_its_matrix(world):
    model = world.model()
    world.assessed(model)
    found = risk.latest_assessment(model)
    assert (found.score, found.band, found.tier) == (16, "high", 2)
    assert (found.matrix.slug, found.matrix.version) == ("default", 1)
    assert found.review_due_on == later(days=365).date()


@pytest.mark.parametrize(("likelihood", "impact"), [(0, 3), (6, 3), (3, 0), (3, 6)])
def test_a_point_outside_the_matrix_is_refused(world, likelihood, impact):
    with pytest.raises(risk.OutsideMatrix):
        world.assessed(world.model(), likelihood, impact)


def test_high_risk_ai_systems_are_at_least_tier_2(world):
    model = world.model(ai_act_class="high-annex-iii")
    world.assessed(model, 1, 1)
    found = risk.latest_assessment(model)
    assert found.tier == 2
    assert "at least tier 2" in found.floor


def test_a_prohibited_practice_cannot_be_assessed(world):
    with pytest.raises(risk.NotDeployable):
        world.assessed(world.model(ai_act_class="prohibited"))


def test_the_first_line_cannot_assess(world):
    with pytest.raises(roles.NotAllowed):
        risk.assess(
            model=world.model(),
            likelihood=1,
            impact=1,
            rationale="Harmless, says its owner.",
            by=world.anna,
            at=NOW,
        )

"""The matrices of decisions.md 3.1, cell by cell, against what stands there."""

from itertools import product

import pytest
from django.utils import translation

from governance import matrices
from governance.models import RiskMatrix
from registry.digests import canonical_json, sha256_hex
from tests.world import NOW

DEFAULT = {
    1: ["low 1", "low 2", "low 3", "medium 4", "medium 5"],
    2: ["low 2", "medium 4", "medium 6", "medium 8", "high 10"],
    3: ["low 3", "medium 6", "medium 9", "high 12", "high 15"],
    4: ["medium 4", "medium 8", "high 12", "high 16", "severe 20"],
    5: ["medium 5", "high 10", "high 15", "severe 20", "severe 25"],
}
# The same bands, but the greatest impact is at least high, and 4 at least medium.
CAUTIOUS = {**DEFAULT, 1: ["low 1", "low 2", "low 3", "medium 4", "high 5"]}
TIERS = {"severe": 1, "high": 2, "medium": 3, "low": 4}
DIGESTS = {
    "default": "00b8da61f659a9894e88897f71848b2e2b47bb2e1a23e4c414cf3962e5a910cb",
    "cautious": "c194d6c333dbf7076e78c55f7cd39557bd32380ff32a7ad59e66184e2ce3e5d2",
}
LIKELIHOODS = {
    "en": ["Rare", "Unlikely", "Possible", "Likely", "Very likely"],
    "de": [
        *("Selten", "Unwahrscheinlich", "Möglich"),
        *("Wahrscheinlich", "Sehr wahrscheinlich"),
    ],
}
IMPACTS = {
    "en": ["Very low", "Low", "Moderate", "Large", "Very large"],
    "de": ["Sehr niedrig", "Niedrig", "Mittelmäßig", "Groß", "Sehr groß"],
}
BANDS = {
    "en": ["Low", "Medium", "High", "Severe"],
    "de": ["Gering", "Mittel", "Hoch", "Schwerwiegend"],
}


@pytest.mark.parametrize(
    ("slug", "expected"), [("default", DEFAULT), ("cautious", CAUTIOUS)]
)
def test_all_25_cells_with_score_band_and_tier(db, slug, expected):
    table = matrices.of(matrices.current(slug, at=NOW))
    assert set(table.cells) == set(product(range(1, 6), repeat=2))
    for likelihood, impact in table.cells:
        cell = table.look_up(likelihood, impact)
        said = expected[likelihood][impact - 1]
        assert f"{cell.band} {cell.score}" == said, (likelihood, impact)
        assert cell.tier == TIERS[said.split()[0]]


def test_every_score_is_in_the_band_that_is_written(db):
    table = matrices.of(matrices.current(at=NOW))
    bands = {cell.score: cell.band for cell in table.cells.values()}
    assert bands == {
        **dict.fromkeys((1, 2, 3), "low"),
        **dict.fromkeys((4, 5, 6, 8, 9), "medium"),
        **dict.fromkeys((10, 12, 15, 16), "high"),
        **dict.fromkeys((20, 25), "severe"),
    }


@pytest.mark.parametrize("slug", DIGESTS)
def test_a_built_in_matrix_keeps_the_digest_of_landed_databases(db, slug):
    row = RiskMatrix.objects.get(slug=slug, version=1)
    assert row.sha256 == DIGESTS[slug] == sha256_hex(row.document.encode())
    assert row.document.encode() == canonical_json(matrices.document_of(slug))


@pytest.mark.parametrize("slug", DIGESTS)
@pytest.mark.parametrize("language", ["en", "de"])
def test_the_names_in_both_languages(db, slug, language):
    table = matrices.of(matrices.current(slug, at=NOW))
    with translation.override(language):
        assert [str(name) for name in table.likelihoods] == LIKELIHOODS[language]
        assert [str(name) for name in table.impacts] == IMPACTS[language]
        assert [str(band.name) for band in table.bands] == BANDS[language]
    assert [band.tier for band in table.bands] == [4, 3, 2, 1]


@pytest.mark.parametrize("slug", DIGESTS)
def test_more_risk_never_gives_a_milder_tier(db, slug):
    cells = matrices.of(matrices.current(slug, at=NOW)).cells
    for (lik, imp), cell in cells.items():
        for more, worse in product(range(lik, 6), range(imp, 6)):
            assert cells[more, worse].tier <= cell.tier


@pytest.mark.parametrize("place", [(0, 3), (6, 3), (3, 0), (3, 6), (-1, 1)])
def test_a_place_outside_the_matrix_is_refused(db, place):
    with pytest.raises(matrices.OutsideMatrix):
        matrices.of(matrices.current(at=NOW)).look_up(*place)


def test_a_matrix_that_nobody_published_is_not_found(db):
    with pytest.raises(RiskMatrix.DoesNotExist):
        matrices.current("homemade", at=NOW)

"""Reason codes name at most N factors, only harmful ones, the worst first."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from audits.evaluators.reasons import reasons

FEATURES = ("income", "debt", "age", "rate", "flag", "same")
VALUES = ("23000", "0.6", None, "4", "1", "x")
PHI = np.array([0.2, -1.0, -0.5, 0.0, 1.5, -0.1])


def names(found: object) -> list[str]:
    return [reason.feature for reason in found]  # type: ignore[attr-defined]


def test_a_denial_is_explained_by_what_lowered_the_score() -> None:
    found = reasons(PHI, features=FEATURES, values=VALUES, favourable=1)
    assert names(found) == ["debt", "age", "same"]
    assert [one.harm for one in found] == [1.0, 0.5, 0.1]


def test_where_outcome_one_is_bad_what_raised_the_score_counts() -> None:
    found = reasons(PHI, features=FEATURES, values=VALUES, favourable=0)
    assert names(found) == ["flag", "income"]


def test_words_in_both_languages_use_the_labels() -> None:
    labels = {"debt": {"en": "Debt to income", "de": "Schuldenquote"}}
    found = reasons(
        PHI, features=FEATURES, values=VALUES, favourable=1, labels=labels, at_most=2
    )
    debt, age = found
    assert debt.text_en == (
        "Debt to income (0.6) counted against a favourable outcome."
    )
    assert debt.text_de == "Schuldenquote (0.6) sprach gegen ein günstiges Ergebnis."
    # A missing value is said to be missing; a feature without a label has its name.
    assert age.value is None
    assert age.text_en.startswith("age was not given")
    assert age.text_de.startswith("age war nicht angegeben")


def test_a_case_that_only_helped_has_no_reason() -> None:
    helped = np.abs(PHI)
    assert not reasons(helped, features=FEATURES, values=VALUES, favourable=1)
    assert not reasons(PHI * 0, features=FEATURES, values=VALUES, favourable=0)


@given(
    phi=st.lists(st.floats(-1e3, 1e3, allow_nan=False), min_size=6, max_size=6).map(
        np.array
    ),
    most=st.integers(1, 10),
    favourable=st.sampled_from([0, 1]),
)
def test_laws_of_reasons(phi: np.ndarray, most: int, favourable: int) -> None:
    found = reasons(
        phi, features=FEATURES, values=VALUES, favourable=favourable, at_most=most
    )
    harms = [one.harm for one in found]
    assert len(found) <= most
    assert len(set(names(found))) == len(found)
    assert harms == sorted(harms, reverse=True)
    assert all(harm > 0 for harm in harms)
    side = -1 if favourable == 1 else 1
    for one in found:
        assert side * phi[FEATURES.index(one.feature)] == one.harm
    # Nobody left out harmed more than somebody named.
    if found:
        left = [side * phi[i] for i, n in enumerate(FEATURES) if n not in names(found)]
        assert max(left, default=0) <= max(harms[-1], 1e-6 * np.abs(phi).max())

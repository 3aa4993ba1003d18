"""Data quality: counts by hand, leaks found, odd data that pass nothing."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.evaluators import data_quality, leakage, representativeness
from audits.evaluators.base import UnusableEvidence
from audits.evaluators.columns import Categories, Numbers
from audits.evaluators.data_quality import column_quality, row_quality
from audits.evaluators.profiles import CategoryProfile
from audits.evaluators.row_hashes import row_hashes
from tests.audits.zoo import SHARED

CELL = st.sampled_from([0.0, -0.0, 1.0, 2.5, math.nan, math.inf])


def hashed(*columns) -> np.ndarray:
    first = columns[0]
    rows = len(first.codes if isinstance(first, Categories) else first.values)
    return row_hashes(columns, rows=rows)


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=40))
def test_rows_hash_alike_exactly_when_they_are_equal(rows) -> None:
    table = np.array(rows, float)
    found = hashed(Numbers("a", table[:, 0]), Numbers("b", table[:, 1]))
    for i, one in enumerate(rows):
        for j, other in enumerate(rows):
            same = all(
                x == y or (math.isnan(x) and math.isnan(y))
                for x, y in zip(one, other, strict=True)
            )
            assert (found[i] == found[j]) == same


def test_words_hash_by_their_letters_in_any_file() -> None:
    one = Categories("w", np.array([0, 1, -1]), ("a", "b"))
    other = Categories("w", np.array([2, 0, -1]), ("b", "c", "a"))
    assert list(hashed(one)) == list(hashed(other))
    swapped = hashed(
        Numbers("a", np.array([1.0, 2.0])), Numbers("b", np.array([2.0, 1.0]))
    )
    assert swapped[0] != swapped[1]
    floats = np.array([0.1, 1 / 3])
    short = floats.astype(np.float32).astype(float)
    assert list(hashed(Numbers("a", floats))) == list(hashed(Numbers("a", short)))


def quality(**columns):
    found = [column_quality(Numbers(n, np.array(v, float))) for n, v in columns.items()]
    hashes = hashed(*(Numbers(n, np.array(v, float)) for n, v in columns.items()))
    return data_quality.evaluate(columns=found, rows=row_quality(hashes, None))


def test_counts_by_hand() -> None:
    nan, inf = math.nan, math.inf
    found = quality(
        a=[1, 2, nan, 1, inf], b=[3, 3, 3, 3, 3], c=[nan, nan, nan, nan, nan]
    )
    assert found.get("missing_share[feature=a]").value == 0.2
    assert found.get("missing_share[feature=c]").value == 1
    assert found.get("missing_share_overall").value == pytest.approx(6 / 15)
    assert found.get("infinite_share").value == pytest.approx(1 / 15)
    assert found.get("constant_columns").value == 2
    assert found.summary["constant"] == ["c", "b"]
    assert found.get("duplicate_share").value == 0.2  # the fourth repeats the first
    assert found.get("conflicting_label_share").value is None
    assert found.get("out_of_range_share").value is None
    assert found.get("incomplete_row_share").value is None


def test_conflicting_labels_and_repeated_rows_by_hand() -> None:
    features = hashed(Numbers("a", np.array([1.0, 1, 1, 2, 2, 3, 4, 4])))
    target = hashed(Numbers("t", np.array([0.0, 1, 1, 0, 0, 1, 0, 1])))
    found = row_quality(features, target)
    assert found.duplicates == 2  # the third and the fifth
    assert found.conflicts == 5  # all rows of 1, and of 4


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1)), min_size=1, max_size=40)
)
def test_repeated_and_conflicting_rows_are_those_of_pandas(rows) -> None:
    frame = pd.DataFrame(rows, columns=["a", "t"]).astype(float)
    found = row_quality(
        hashed(Numbers("a", frame["a"].to_numpy())),
        hashed(Numbers("t", frame["t"].to_numpy())),
    )
    assert found.duplicates == frame.duplicated().sum()
    labels = frame.groupby("a")["t"].transform("nunique")
    assert found.conflicts == (labels > 1).sum()


def test_what_training_does_not_hold_is_outside() -> None:
    known = Numbers("a", np.array([0.0, 10, np.nan, np.inf]))
    seen = column_quality(Numbers("a", np.array([-1.0, 5, 11, np.nan])), known=known)
    assert seen.outside == 2
    towns = Categories("t", np.array([0, 1, -1]), ("A", "B"))
    new = column_quality(Categories("t", np.array([0, 1, -1]), ("A", "C")), known=towns)
    assert new.outside == 1
    changed = column_quality(Numbers("t", np.array([1.0, np.nan])), known=towns)
    assert changed.outside == 1
    empty = Numbers("a", np.full(3, np.nan))
    assert column_quality(Numbers("a", np.array([1.0])), known=empty).outside == 1


def test_many_columns_are_told_in_full_and_measured_in_part() -> None:
    columns = {f"c{i}": [1.0, 2.0] for i in range(300)}
    found = quality(**columns)
    assert len(found.summary["columns"]) == 300
    assert sum(one.name == "missing_share" for one in found.measurements) == 100
    with pytest.raises(UnusableEvidence, match="no rows"):
        data_quality.evaluate(
            columns=[], rows=row_quality(np.zeros(0, np.uint64), None)
        )


def test_training_rows_in_the_test_are_counted() -> None:
    test = hashed(Numbers("a", np.arange(100.0)))
    training = hashed(Numbers("a", np.arange(75.0, 500)))
    found = leakage.overlap(test, training)
    assert found.get("train_test_overlap").value == 0.25
    assert found.warnings
    assert leakage.overlap(test, training, same_file=True).measurements[0].value == 1
    unknown = leakage.overlap(test, None).get("train_test_overlap")
    assert unknown.value is None
    clean = leakage.overlap(test, hashed(Numbers("a", np.arange(200.0, 300))))
    assert clean.get("train_test_overlap").value == 0
    assert clean.get("train_test_overlap").upper > 0


def leaks(column, target) -> float:
    found = leakage.single_features([column], target=target)
    return found.get("leaking_features").value


def test_a_feature_that_is_the_answer_is_found() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 2000)
    target = Numbers("t", truth.astype(float))
    words = Categories("t", truth, ("no", "yes"))
    for told in (target, words):
        assert leaks(Numbers("copy", truth.astype(float)), told) == 1
        assert leaks(Numbers("opposite", 1.0 - truth), told) == 1
        assert leaks(Numbers("near", truth + random.normal(0, 0.1, 2000)), told) == 1
        assert leaks(Categories("code", truth * 2, ("x", "y", "z")), told) == 1
        # Neither large nor small values tell it, single ones do.
        odd = np.where(truth == 1, 5.0, random.integers(0, 2, 2000) * 10.0)
        assert leaks(Numbers("odd", odd), told) == 1
        assert leaks(Numbers("noise", random.normal(size=2000)), told) == 0
        assert leaks(Numbers("weak", truth + random.normal(size=2000)), told) == 0


@pytest.mark.parametrize("count", [2, 50, 2000])
def test_many_categories_do_not_look_like_knowledge(count: int) -> None:
    random = np.random.default_rng(1)
    column = Categories(
        "id", random.permutation(2000) % count, tuple(map(str, range(count)))
    )
    target = Numbers("t", random.integers(0, 2, 2000).astype(float))
    found = leakage.single_features([column], target=target)
    assert found.get("single_feature_auc[feature=id]").value < 0.6
    assert found.get("leaking_features").value == 0


def test_several_classes_and_numbers_as_target_leak_too() -> None:
    random = np.random.default_rng(2)
    classes = random.integers(0, 4, 1000)
    target = Categories("t", classes, ("a", "b", "c", "d"))
    assert leaks(Numbers("one", (classes == 3).astype(float)), target) == 1
    value = random.normal(size=1000)
    assert leaks(Numbers("double", 2 * value), Numbers("t", value)) == 1
    assert leaks(Numbers("noise", random.normal(size=1000)), Numbers("t", value)) == 0


@pytest.mark.parametrize(
    "column",
    [
        Numbers("x", np.full(50, np.nan)),
        Numbers("x", np.full(50, np.inf)),
        Numbers("x", np.full(50, 1.0)),
        Categories("x", np.full(50, -1), ()),
        Categories("x", np.zeros(50, int), ("ü" * 5000,)),
    ],
)
def test_features_that_say_nothing_tell_nothing(column) -> None:
    target = Numbers("t", np.arange(50.0) % 2)
    assert leaks(column, target) == 0
    for constant in (Numbers("t", np.ones(50)), Numbers("t", np.full(50, np.nan))):
        found = leakage.single_features([column], target=constant)
        assert found.get("single_feature_auc").value is None


def people(*counts: int, missing: int = 0) -> CategoryProfile:
    labels = ("black", "white", "other")
    found = {name: n for name, n in zip(labels, counts, strict=False) if n}
    return CategoryProfile("race", dict(sorted(found.items())), missing)


def test_groups_beside_the_training_data() -> None:
    found = representativeness.evaluate(
        groups={"race": people(500, 500)}, training={"race": people(200, 800)}
    )
    assert found.get("representativeness_psi[feature=race]").value == pytest.approx(
        0.3 * math.log(2.5) - 0.3 * math.log(0.625), rel=0.02
    )
    assert found.get("representativeness_p[feature=race]").value < 1e-9
    share = found.get("group_share[race=black]")
    assert share.value == 0.5
    assert share.lower < 0.5 < share.upper
    alike = representativeness.evaluate(
        groups={"race": people(205, 795)}, training={"race": people(200, 800)}
    )
    assert alike.get("representativeness_p[feature=race]").value > 0.5


def test_groups_beside_given_shares_are_tested_by_pearson() -> None:
    shares = {"race": {"black": 0.25, "white": 0.75}}
    found = representativeness.evaluate(groups={"race": people(30, 70)}, shares=shares)
    # (30 - 25)^2 / 25 + (70 - 75)^2 / 75 = 1.3333 with one degree of freedom
    assert found.get("representativeness_p[feature=race]").value == pytest.approx(
        0.24821, abs=1e-5
    )
    new = representativeness.evaluate(groups={"race": people(25, 74, 1)}, shares=shares)
    assert new.get("representativeness_p[feature=race]").value == 0
    lost = representativeness.evaluate(groups={"race": people(0, 100)}, shares=shares)
    assert lost.get("representativeness_psi[feature=race]").value > 0.25
    for wrong in ({"black": 0.5}, {"black": -1, "white": 2}, {"black": True}):
        with pytest.raises(UnusableEvidence, match="add up to 1"):
            representativeness.evaluate(
                groups={"race": people(1, 1)}, shares={"race": wrong}
            )


def test_without_a_reference_nothing_is_representative() -> None:
    found = representativeness.evaluate(groups={"race": people(30, 70, missing=5)})
    assert found.get("representativeness_p[feature=race]").value is None
    assert found.get("group_share[race: missing]").value == pytest.approx(5 / 105)
    few = representativeness.evaluate(
        groups={"race": people(1, 1)}, training={"race": people(2, 1)}
    )
    assert few.get("representativeness_p[feature=race]").value is None
    none = representativeness.evaluate(groups={"race": people()})
    assert none.get("group_share[race]").value is None


def columns_of(frame: pd.DataFrame) -> list[Numbers | Categories]:
    columns: list[Numbers | Categories] = []
    for name in frame.columns:
        if pd.api.types.is_numeric_dtype(frame[name]):
            columns.append(Numbers(str(name), frame[name].to_numpy(float)))
        else:
            codes, labels = pd.factorize(frame[name], sort=True)
            columns.append(Categories(str(name), codes, tuple(labels)))
    return columns


def read_shared(name: str, **how: object) -> pd.DataFrame:
    path = SHARED / "data" / name
    if not path.exists():
        pytest.skip("the shared data are absent")
    return pd.read_csv(path, **how)


def test_adult_has_the_published_rows_without_a_gap() -> None:
    """adult.names: 16,281 test rows, 15,060 once those with unknowns are removed."""
    frame = read_shared("adult.test", skipinitialspace=True, na_values="?")
    *features, target = columns_of(frame)
    gaps = np.logical_or.reduce([data_quality.missing(one) for one in features])
    found = data_quality.evaluate(
        columns=[column_quality(one) for one in features],
        rows=row_quality(
            hashed(*features), hashed(target), incomplete_rows=int(gaps.sum())
        ),
    )
    incomplete = found.get("incomplete_row_share")
    assert incomplete.n == 16281
    assert round(incomplete.value * incomplete.n) == 16281 - 15060
    frame["row"] = range(len(frame))
    repeated = frame.drop(columns="row").duplicated().sum()
    assert round(found.get("duplicate_share").value * 16281) == repeated


def test_german_credit_has_neither_gaps_nor_repeated_rows() -> None:
    """Its documentation: 1,000 people, no missing values, 700 good and 300 bad."""
    frame = read_shared("german.data", sep=r"\s+", header=None)
    *features, target = columns_of(frame)
    found = data_quality.evaluate(
        columns=[column_quality(one) for one in features],
        rows=row_quality(hashed(*features), hashed(target)),
    )
    assert found.summary["rows"] == 1000
    assert found.get("missing_share_overall").value == 0
    assert found.get("duplicate_share").value == 0
    assert found.get("constant_columns").value == 0
    single = leakage.single_features(features, target=target)
    assert single.get("leaking_features").value == 0
    # The checking account tells most, as in every study of these data.
    assert single.summary["single_features"][0]["feature"] == "0"
    assert list(target.values).count(2) == 300


def test_a_leak_in_many_rows_is_found_in_a_sample() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, leakage.ENOUGH + 1).astype(float)
    found = leakage.single_features(
        [Numbers("copy", truth), Numbers("noise", random.random(len(truth)))],
        target=Numbers("t", truth),
    )
    assert found.get("leaking_features").value == 1
    assert found.get("single_feature_auc[feature=noise]").n == leakage.ENOUGH

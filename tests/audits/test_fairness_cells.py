"""Rows are counted once, exactly, and tables of parts make the table of the whole."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.evaluators.base import UnusableEvidence
from audits.evaluators.fairness import cells
from audits.evaluators.fairness.cells import Cells, coded, count, numbered, placed
from audits.evaluators.fairness.groups import apart, grouping, groupings
from tests.audits.fair import words

WORDS = st.sampled_from(["a", "b", "ü", "a=b, c", "x" * 300, None])
ROWS = st.lists(st.tuples(WORDS, WORDS, st.integers(0, 2)), max_size=40)


def table(rows: list[tuple[str | None, str | None, int]]) -> Cells:
    one, two, number = [list(column) for column in zip(*rows, strict=True)] or [[]] * 3
    return count(
        [
            coded("one", words(*one)),
            coded("two", words(*two)),
            numbered("number", np.array(number, np.uint8), 3),
        ]
    )


def counted(found: Cells) -> Counter[tuple[str | None, ...]]:
    codes = [found.codes(axis.name) for axis in found.axes]
    return Counter(
        {
            tuple(
                axis.levels[place] for axis, place in zip(found.axes, at, strict=True)
            ): rows
            for *at, rows in zip(*codes, found.counts.tolist(), strict=True)
        }
    )


@given(ROWS)
def test_cells_are_what_a_counter_counts(rows):
    expected = Counter((one, two, str(number)) for one, two, number in rows)
    assert counted(table(rows)) == expected


@given(ROWS, st.integers(0, 40))
def test_any_split_merged_is_the_whole(rows, at):
    whole, merged = table(rows), table(rows[:at]).merge(table(rows[at:]))
    assert merged.axes == whole.axes
    assert merged.keys.tolist() == whole.keys.tolist()
    assert merged.counts.tolist() == whole.counts.tolist()


@given(ROWS)
def test_fewer_axes_are_the_same_rows(rows):
    expected = Counter((str(number), one) for one, _, number in rows)
    assert counted(table(rows).over(["number", "one"])) == expected


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_counting_by_sorting_is_counting_by_array(seed):
    random = np.random.default_rng(seed)
    columns = [
        numbered(f"c{i}", random.integers(0, 2, 500).astype(np.uint8), size)
        for i, size in enumerate((3, 200, 2, 200))
    ]
    wide = [*columns, numbered("last", np.zeros(500, np.uint8), 100)]
    assert cells.DENSE < 3 * 200 * 2 * 200 * 100
    by_sorting = count(wide).over([c.axis.name for c in columns])
    by_array = count(columns)
    assert by_sorting.keys.tolist() == by_array.keys.tolist()
    assert by_sorting.counts.tolist() == by_array.counts.tolist()


def test_a_chunk_more_or_less_loses_no_row():
    for rows in (cells.CHUNK - 1, cells.CHUNK, cells.CHUNK + 1, 3 * cells.CHUNK + 7):
        codes = (np.arange(rows) % 5).astype(np.uint8)
        found = count([numbered("c", codes, 5)])
        assert found.rows == rows
        assert found.counts.tolist() == np.bincount(codes).tolist()


def test_more_combinations_than_numbers_are_refused():
    columns = [numbered(f"c{i}", np.zeros(1, np.uint8), 200) for i in range(9)]
    with pytest.raises(UnusableEvidence, match="too many combinations"):
        count(columns)


def test_places_and_words_make_the_same_cells():
    said = words("b", None, "a", "b")
    one = count([coded("g", said)])
    two = count([placed("g", np.array([1, -1, 0, 1]), ("a", "b"))])
    assert counted(one) == counted(two)


def test_tables_of_other_columns_do_not_merge():
    with pytest.raises(ValueError, match="different columns"):
        count([coded("g", words("a"))]).merge(count([coded("h", words("b"))]))


def test_unknown_in_one_feature_is_unknown_in_both():
    found = count(
        [coded("g", words("a", None, "b")), coded("h", words("x", "x", None))]
    )
    both = grouping(found, ["g", "h"])
    assert both.words == ("g=a, h=x",)
    assert both.unknown == 2
    assert grouping(found, ["g"]).unknown == 1


def test_rows_find_their_group():
    columns = [
        coded("g", words("a", None, "b", "b")),
        coded("h", words("x", "x", "y", "x")),
    ]
    both = grouping(count(columns), ["g", "h"])
    found = both.of_rows(columns)
    assert [both.words[at] if at >= 0 else None for at in found] == [
        "g=a, h=x",
        None,
        "g=b, h=y",
        "g=b, h=x",
    ]


def test_no_two_groups_of_a_report_have_one_name():
    long = "x" * 5000
    columns = [
        coded("a", words("x, b=y", "x", long + "1", long + "2")),
        coded("b", words("y", "y", "y", "y")),
        coded("a,b", words("1", "2", "3", "4")),
    ]
    found = groupings(count(columns), ["a", "b", "a,b"])
    names = [one.name for one in found] + [n for one in found for n in one.labels]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 200


def test_names_that_are_cut_keep_a_digest():
    one, two, three = apart(["y" * 5000, "y" * 4999 + "z", "short"])
    assert one != two
    assert one[:100] == two[:100] == "y" * 100
    assert three == "short"

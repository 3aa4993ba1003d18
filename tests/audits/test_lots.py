"""Drawing lots: reproducible, without repetition, every stratum served."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits import lots

COUNTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 40), min_size=1)


@given(st.text("0123456789abcdef", min_size=4), st.integers(1, 300), st.integers(1, 99))
def test_positions_are_different_within_range_and_extend_each_other(
    seed, count, wanted
):
    drawn = lots.positions(seed, "all", count=count, wanted=wanted)
    assert len(drawn) == len(set(drawn)) == min(count, wanted)
    assert all(0 <= place < count for place in drawn)
    assert (
        lots.positions(seed, "all", count=count, wanted=wanted + 1)[: len(drawn)]
        == drawn
    )


def test_the_positions_of_a_seed_are_these_for_ever():
    # Computed by hand: int(sha256(b"00,all,1").hexdigest(), 16) % 1000, and so on.
    assert lots.positions("00", "all", count=1000, wanted=3) == [823, 707, 325]


@given(COUNTS, st.integers(1, 120))
def test_shares_fill_the_sample_in_proportion(counts, wanted):
    shares = lots.shares(counts, wanted)
    there = {name: count for name, count in counts.items() if count}
    total = sum(there.values())
    assert sum(shares.values()) == min(wanted, total)
    assert all(shares[name] <= count for name, count in there.items())
    if wanted >= len(there):
        assert all(shares[name] >= 1 for name in there)


def test_the_draw_is_fair_enough():
    hits = [0] * 10
    for number in range(2000):
        (place,) = lots.positions(f"seed {number}", "all", count=10, wanted=1)
        hits[place] += 1
    # 99.99 % of fair draws have a chi-squared with 9 degrees of freedom below 33.7.
    assert sum((hit - 200) ** 2 / 200 for hit in hits) < 33.7


@pytest.mark.parametrize("text", ["a b", "a b c d", "a"])
def test_another_line_than_three_words_is_refused(text):
    with pytest.raises(ValueError, match="unpack"):
        lots.items(text)

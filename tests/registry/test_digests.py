"""Canonical JSON against vectors that nobody here wrote, and its refusals."""

import json
import math
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.digests import (
    NotCanonical,
    canonical_json,
    sha256_hex,
    sha256_of_chunks,
    sha256_of_json,
)

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "jcs"
needs_vectors = pytest.mark.skipif(
    not VECTORS.is_dir(), reason="../shared/vectors/jcs is not there"
)
NUMBERS = [  # RFC 8785, appendix B
    (0.0, "0"),
    (-0.0, "0"),
    (5e-324, "5e-324"),
    (-5e-324, "-5e-324"),
    (1.7976931348623157e308, "1.7976931348623157e+308"),
    (9007199254740992.0, "9007199254740992"),
    (295147905179352830000.0, "295147905179352830000"),
    (9.999999999999997e22, "9.999999999999997e+22"),
    (1e23, "1e+23"),
    (1.0000000000000001e23, "1.0000000000000001e+23"),
    (999999999999999700000.0, "999999999999999700000"),
    (1e21, "1e+21"),
    (9.999999999999997e-7, "9.999999999999997e-7"),
    (0.000001, "0.000001"),
    (333333333.33333325, "333333333.33333325"),
    (-0.0000033333333333333333, "-0.0000033333333333333333"),
    (1424953923781206.2, "1424953923781206.2"),
    (100.0, "100"),
]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


@needs_vectors
@pytest.mark.parametrize(
    "name", ["arrays", "french", "structures", "unicode", "values", "weird"]
)
def test_published_vectors(name):
    value = json.loads((VECTORS / "testdata/input" / f"{name}.json").read_bytes())
    expected = (VECTORS / "testdata/output" / f"{name}.json").read_bytes()
    spelled = (VECTORS / "testdata/outhex" / f"{name}.txt").read_text()
    assert canonical_json(value) == expected == bytes.fromhex(spelled)


@pytest.mark.parametrize(("number", "text"), NUMBERS)
def test_numbers_are_written_as_ecmascript_does(number, text):
    assert canonical_json(number) == text.encode()


@given(VALUES)
def test_canonical_json_reads_back_and_is_stable(value):
    text = canonical_json(value)
    # Whole doubles beyond 2^53 look like integers: read all numbers as doubles.
    again = json.loads(text, parse_int=float)
    assert again == value
    assert canonical_json(again) == text


@given(VALUES)
def test_the_quick_way_writes_what_the_careful_one_writes(value):
    # A mapping of another type than dict is left to the careful one at once.
    careful = canonical_json(MappingProxyType({"it": value}))
    assert canonical_json({"it": value}) == careful


@given(st.dictionaries(st.text(max_size=4), st.integers(0, 9), max_size=6))
def test_the_order_of_keys_does_not_matter(value):
    backwards = dict(reversed(value.items()))
    assert canonical_json(value) == canonical_json(backwards)


def test_keys_are_ordered_by_utf16_units():
    text = canonical_json({"\ufb33": 1, "\U0001f602": 2}).decode()
    assert text == '{"\U0001f602":2,"\ufb33":1}'


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"a": [1, math.nan]}, r"\$\.a\[1\]"),
        (math.inf, r"\$"),
        ({"n": 2**53}, r"\$\.n"),
        (-(2**53), r"\$"),
        ({1: "x"}, "not text"),
        ({"a": "\ud800"}, "lone surrogate"),
        ({"\udc00": 1}, "lone surrogate"),
        (b"bytes", "bytes"),
        ({"s": {1, 2}}, "set"),
    ],
)
def test_what_has_no_canonical_form_is_refused_by_place(value, place):
    with pytest.raises(NotCanonical, match=place):
        canonical_json(value)


def test_digests_of_bytes_streams_and_documents():
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert sha256_hex(b"") == empty
    assert sha256_of_chunks([]) == (empty, 0)
    assert sha256_of_chunks([b"ab", b"", b"c"]) == (sha256_hex(b"abc"), 3)
    assert sha256_of_json({"b": 1, "a": 2.0}) == sha256_hex(b'{"a":2,"b":1}')

"""Conditions in CEL: what they may say, and that nothing unknown ever holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.expressions import (
    LONGEST,
    Unevaluable,
    UnusableExpression,
    compiled,
    holds,
)


@pytest.mark.parametrize(
    ("text", "values", "answer"),
    [
        ("always", {}, True),
        ("'US' in jurisdictions", {"jurisdictions": ["US", "DE"]}, True),
        ("'US' in jurisdictions", {"jurisdictions": ["DE"]}, False),
        ("inventory.vendor != null", {"inventory.vendor": None}, False),
        ("inventory.vendor != null", {"inventory.vendor": "ACME"}, True),
        ("jurisdictions.exists(j, j.startsWith('US'))", {"jurisdictions": ["US"]}, 1),
        # What does not matter need not be known.
        ("'US' in jurisdictions && a.b", {"jurisdictions": ["DE"]}, False),
    ],
)
def test_a_condition_holds_or_not(text, values, answer):
    assert holds(text, values) is bool(answer)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a.b", {}),
        ("!a.b", {}),
        ("a.b != 'x'", {}),
        ("a.b ? true : true", {}),
        ("['x'].all(v, a.b)", {}),
        ("a.b", {"a.b": "yes"}),
        ("a.b", {"a.b": 1}),
        ("a.b > 1", {"a.b": None}),
        ("a.b / 0 == 1", {"a.b": 1}),
        ("a.b.startsWith('x')", {"a.b": 7}),
        ("size(a.b) > 0", {"a.b": ["x" * 30_000]}),
        ("a.b.__class__ == 1", {"a.b": {}}),
    ],
)
def test_what_has_no_answer_is_never_taken_for_one(text, values):
    with pytest.raises(Unevaluable):
        holds(text, values)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not a",
        "jurisdictions contains 'US'",
        "always (default pack)",
        "has(a.b)",
        "a['b'] == 1",
        "a.matches('x*')",
        "type(a) == int",
        "x.all(y, x.all(z, z == y))",
        "('x' + 'y').z",
        "M{a: 1} == 1",
        "(" * 300 + "true" + ")" * 300,
        "'" + "x" * LONGEST + "' == a",
    ],
)
def test_what_is_no_condition_is_refused(text):
    with pytest.raises(UnusableExpression):
        compiled(text)


def test_a_condition_names_the_variables_that_it_reads():
    text = "a.b == 'x' && ['p'].exists(q, q in jurisdictions) && c.d.e"
    assert compiled(text).variables == {"a.b", "jurisdictions", "c.d.e"}


_LEAVES = st.sampled_from(["a.b", "!a.b", "a.b == 'x'", "a.b in ['x']", "a.b != null"])


@given(first=_LEAVES, second=_LEAVES, operator=st.sampled_from(["&&", "||"]))
def test_conditions_on_the_unknown_alone_have_no_answer(first, second, operator):
    with pytest.raises(Unevaluable):
        holds(f"({first}) {operator} ({second})", {})


@given(st.text(max_size=80))
def test_any_text_is_compiled_or_refused(text):
    try:
        compiled(text)
    except UnusableExpression as refusal:
        assert str(refusal)

"""Conditions of policy packs in CEL: what may stand in them, and what they answer.

Only a part of the language is let in, so that no condition can take long: a short text,
no nested loops, no regular expressions. `has()` is left out on purpose: what is unknown
must fail a rule, and never be a reason to skip it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import celpy
from celpy.adapter import json_to_cel
from celpy.celparser import CELParseError
from celpy.celtypes import BoolType
from celpy.evaluation import CELEvalError
from django.utils.translation import gettext as _
from lark import Token, Tree

LONGEST = 600
DEEPEST = 160
LONGEST_VALUE = 20_000
LOOPS = frozenset({"all", "exists", "exists_one"})
FUNCTIONS = frozenset({"size", "startsWith", "endsWith", "contains"}) | LOOPS
_ALWAYS = "always"
_ENVIRONMENT = celpy.Environment()


class UnusableExpression(Exception):
    """The text is no condition that Freigabe evaluates."""


class Unevaluable(Exception):
    """The condition has no answer here: something is unknown or of the wrong type."""


@dataclass(frozen=True)
class Expression:
    """A compiled condition, and the variables that it reads by their dotted names."""

    text: str
    variables: frozenset[str]
    program: celpy.Runner = field(compare=False, repr=False)


@lru_cache(maxsize=2048)
def compiled(text: str) -> Expression:
    """Compile a condition. Raises `UnusableExpression`.

    The word `always` alone stands for `true`.
    """
    if len(text) > LONGEST:
        raise UnusableExpression(
            _("The condition is longer than %(most)s characters.") % {"most": LONGEST}
        )
    source = "true" if text.strip() == _ALWAYS else text
    try:
        tree = _ENVIRONMENT.compile(source)
    except (CELParseError, RecursionError, ValueError) as error:
        raise UnusableExpression(
            _("“%(text)s” is not a condition in CEL.") % {"text": text}
        ) from error
    names = frozenset(_read(tree, bound=frozenset(), depth=0))
    return Expression(text, names, _ENVIRONMENT.program(tree))


def _read(tree: Tree[Token], bound: frozenset[str], depth: int) -> Iterator[str]:
    """The variables that a part of the tree reads; refuses what is not let in."""
    if depth > DEEPEST:
        raise UnusableExpression(_("The condition is nested too deeply."))
    if tree.data in ("member_dot", "ident"):
        yield from _variable(tree, bound)
        return
    if tree.data in _REFUSED:
        raise UnusableExpression(
            _("Indexes and messages are not part of the conditions of a pack.")
        )
    if tree.data in ("member_dot_arg", "ident_arg", "dot_ident_arg"):
        bound = _with_loop(tree, bound)
    for child in tree.children:
        if isinstance(child, Tree):
            yield from _read(child, bound, depth + 1)


_REFUSED = frozenset({"member_index", "member_object", "map_lit", "dot_ident"})


def _variable(tree: Tree[Token], bound: frozenset[str]) -> Iterator[str]:
    """The dotted name that a chain of members spells."""
    names: list[str] = []
    while tree.data != "ident":
        if tree.data == "member_dot":
            names.append(str(tree.children[1]))
        below = tree.children[0]
        if not isinstance(below, Tree) or tree.data not in _CHAIN:
            raise UnusableExpression(_("Only variables have members."))
        tree = below
    first = str(tree.children[0])
    if first not in bound:
        yield ".".join([first, *reversed(names)])


_CHAIN = frozenset({"member_dot", "member", "primary"})


def _with_loop(tree: Tree[Token], bound: frozenset[str]) -> frozenset[str]:
    """The names bound inside a call; refuses unknown functions and loops in loops."""
    name = next(str(part) for part in tree.children if isinstance(part, Token))
    if name not in FUNCTIONS:
        raise UnusableExpression(
            _("%(name)s() is not known here; known are %(known)s.")
            % {"name": name, "known": ", ".join(sorted(FUNCTIONS))}
        )
    if name not in LOOPS:
        return bound
    if bound:
        raise UnusableExpression(_("A loop cannot stand inside a loop."))
    arguments = tree.children[-1]
    tokens = arguments.children[0] if isinstance(arguments, Tree) else None
    found = (
        list(tokens.scan_values(lambda _t: True)) if isinstance(tokens, Tree) else []
    )
    return frozenset(str(token) for token in found)


def holds(text: str, values: Mapping[str, Any]) -> bool:
    """Whether a condition holds for values by their dotted names; absent is unknown.

    `values` are plain data: nothing of Python can be reached from them. Raises
    `Unevaluable`, also for an answer that is not true or false, and
    `UnusableExpression`.
    """
    expression = compiled(text)
    read = {n: values[n] for n in sorted(expression.variables) if n in values}
    plain = json.dumps(read, sort_keys=True)
    if len(plain) > LONGEST_VALUE:
        raise Unevaluable(_("The values are too large for a condition."))
    answer = _answer(text, plain)
    if isinstance(answer, str):
        raise Unevaluable(
            _("“%(text)s” has no answer here; unknown: %(names)s.")
            % {"text": text, "names": answer or "–"}
        )
    return answer


@lru_cache(maxsize=65536)
def _answer(text: str, plain: str) -> bool | str:
    """True, false, or what is unknown. The same values give the same answer."""
    expression = compiled(text)
    read = json.loads(plain)
    unknown = ", ".join(sorted(expression.variables - read.keys()))
    try:
        known = {name: json_to_cel(value) for name, value in _nested(read).items()}
        found = expression.program.evaluate(known)
    except (CELEvalError, RecursionError, TypeError, ValueError):
        found = None
    if not isinstance(found, BoolType | bool):
        return unknown
    return bool(found)


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """`{"a.b": 1}` as `{"a": {"b": 1}}`."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        place = found
        *above, last = name.split(".")
        for part in above:
            place = place.setdefault(part, {})
        place[last] = value
    return found

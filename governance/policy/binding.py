"""Which packs apply to a case, which of their rules bind, and how strictly."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from django.utils.translation import get_language

from governance import expressions
from governance.policy.force import InForce
from governance.policy.law import effective_severity
from governance.policy.pack import Citation, Pack, Rule
from governance.policy.parsing import parse

Reader = Callable[[frozenset[str]], Mapping[str, Any]]


@dataclass(frozen=True)
class Applying:
    """A pack that applies to a case. `unknown` says why its condition has no answer:
    then it applies, and nothing passes."""

    in_force: InForce
    unknown: str = ""

    @property
    def pack(self) -> Pack:
        """The pack, parsed."""
        return self.in_force.pack


class Bound(NamedTuple):
    """A rule that binds a case, with its effective severity.

    `unknown` says why its own condition has no answer: then it fails. A tuple, as a
    simulation makes a million of them.
    """

    applying: Applying
    rule: Rule
    severity: str
    unknown: str = ""

    @property
    def pack(self) -> Pack:
        """The pack that states it."""
        return self.applying.pack


def applying(packs: Iterable[InForce], read: Reader) -> tuple[Applying, ...]:
    """The packs whose `applies_when` holds, or cannot be evaluated."""
    found = []
    for item in packs:
        holds, unknown = _holds(item.pack.applies_when, read)
        if holds or unknown:
            found.append(Applying(item, unknown))
    return tuple(found)


def bound(
    packs: Iterable[Applying], *, tier: int, on: date, read: Reader
) -> tuple[Bound, ...]:
    """The rules of a tier (1 to 4) whose `when` holds, or cannot be evaluated."""
    return tuple(
        Bound(item, *binding)
        for item in packs
        for binding in _of_pack(item.in_force, tier, on, read)
    )


def _of_pack(
    item: InForce, tier: int, on: date, read: Reader
) -> tuple[tuple[Rule, str, str], ...]:
    document = item.row.document
    values = read(_variables(document, tier))
    plain = json.dumps(values, sort_keys=True)
    return _binding(document, tier, on, item.early_adoption, plain, get_language())


@lru_cache(maxsize=512)
def _variables(document: str, tier: int) -> frozenset[str]:
    """All that the conditions of a pack's rules of a tier read."""
    rules = parse(document).for_tier(tier)
    texts = {rule.when for rule in rules}
    texts |= {c.later_when for rule in rules for c in rule.citations}
    known = (expressions.compiled(text).variables for text in texts - {""})
    return frozenset().union(*known)


@lru_cache(maxsize=4096)
def _binding(
    document: str, tier: int, on: date, early: bool, plain: str, _language: str | None
) -> tuple[tuple[Rule, str, str], ...]:
    """The rules of one pack that bind, how strictly, and why nobody knows whether.

    Models whose variables say the same are bound by the same rules: of ten thousand a
    few hundred differ. The reasons are in the language of the reader.
    """
    values: dict[str, Any] = json.loads(plain)

    def read(_names: frozenset[str]) -> Mapping[str, Any]:
        return values

    found = []
    for rule in parse(document).for_tier(tier):
        holds, unknown = _holds(rule.when, read) if rule.when else (True, "")
        if holds or unknown:
            dated = replace(
                rule, citations=tuple(_dated(c, read) for c in rule.citations)
            )
            severity = effective_severity(dated, on=on, early_adoption=early)
            found.append((rule, severity, unknown))
    return tuple(found)


def _dated(citation: Citation, read: Reader) -> Citation:
    """The citation with the day from which it applies here.

    Where nobody can say whether the later day holds, the earlier one does.
    """
    if citation.later_when and _holds(citation.later_when, read)[0]:
        return replace(citation, applies_from=citation.later_from)
    return citation


def _holds(text: str, read: Reader) -> tuple[bool, str]:
    """Whether a condition holds, or why nobody can say."""
    try:
        return expressions.holds(text, read(expressions.compiled(text).variables)), ""
    except (expressions.Unevaluable, expressions.UnusableExpression) as error:
        return False, str(error)

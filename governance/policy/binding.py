"""Which packs apply to a case, which of their rules bind, and how strictly."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from governance import expressions
from governance.policy.force import InForce
from governance.policy.law import effective_severity
from governance.policy.pack import Citation, Pack, Rule

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


@dataclass(frozen=True)
class Bound:
    """A rule that binds a case, with its effective severity.

    `unknown` says why its own condition has no answer: then it fails.
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
    found = []
    for item in packs:
        early = item.in_force.early_adoption
        for rule in item.pack.for_tier(tier):
            holds, unknown = _holds(rule.when, read) if rule.when else (True, "")
            if holds or unknown:
                dated = replace(
                    rule, citations=tuple(_dated(c, read) for c in rule.citations)
                )
                severity = effective_severity(dated, on=on, early_adoption=early)
                found.append(Bound(item, rule, severity, unknown))
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

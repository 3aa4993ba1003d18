"""What one version of a pack asks that another does not, field by field."""

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from governance.models import PackDraft, PolicyPack
from governance.policy.pack import Citation, Pack, Rule

_HEAD = (
    "titles",
    "applies_when",
    "legal_basis",
    "applicability",
    "notes",
    "grace_days",
    "effective_from",
    "effective_to",
    "approvals",
)
_RULE = (
    "titles",
    "texts",
    "severity",
    "tiers",
    "gate",
    "waivable",
    "when",
    "always",
    "evidence",
    "citations",
)


@dataclass(frozen=True)
class Change:
    """A field before and after, as lines of text."""

    field: str
    old: str
    new: str

    @property
    def before(self) -> list[tuple[str, bool]]:
        """The lines before, each with whether it stayed."""
        return _lines(self.old, self.new)

    @property
    def after(self) -> list[tuple[str, bool]]:
        """The lines after, each with whether it was there."""
        return _lines(self.new, self.old)


def _lines(shown: str, other: str) -> list[tuple[str, bool]]:
    known = set(other.splitlines())
    return [(line, line in known) for line in shown.splitlines()]


@dataclass(frozen=True)
class RuleChange:
    """A rule that both have, with what differs."""

    old: Rule
    new: Rule
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Comparison:
    """Two versions of a pack; `text` is the unified difference of their documents."""

    head: tuple[Change, ...]
    added: tuple[Rule, ...]
    removed: tuple[Rule, ...]
    changed: tuple[RuleChange, ...]
    text: str

    @property
    def same(self) -> bool:
        """Whether both ask the same."""
        return not (self.head or self.added or self.removed or self.changed)


def others(subject: PolicyPack | PackDraft) -> list[PolicyPack]:
    """The published versions that one can be compared with, the newest first."""
    rows = PolicyPack.objects.filter(slug=subject.slug).exclude(pk=subject.pk)
    return list(rows.order_by("-effective_from", "-version"))


def former_of(
    subject: PolicyPack | PackDraft, rows: Sequence[PolicyPack], asked: str
) -> PolicyPack | None:
    """The version that was asked for; else the one before a published one, and for a
    draft the newest. None where there is no such version."""
    if asked:
        return next((row for row in rows if row.version == asked), None)
    if isinstance(subject, PackDraft):
        return rows[0] if rows else None
    earlier = (r for r in rows if r.effective_from <= subject.effective_from)
    return next(earlier, None)


def compare(old: Pack, new: Pack, old_text: str, new_text: str) -> Comparison:
    """Everything that differs; a rule is the same rule by its id."""
    before = {rule.id: rule for rule in old.rules}
    after = {rule.id: rule for rule in new.rules}
    both = [(before[key], rule) for key, rule in after.items() if key in before]
    changed = (
        RuleChange(one, other, _changes(one, other, _RULE)) for one, other in both
    )
    return Comparison(
        head=_changes(old, new, _HEAD),
        added=tuple(rule for key, rule in after.items() if key not in before),
        removed=tuple(rule for key, rule in before.items() if key not in after),
        changed=tuple(change for change in changed if change.changes),
        text="\n".join(
            difflib.unified_diff(
                old_text.splitlines(),
                new_text.splitlines(),
                old.name,
                new.name,
                lineterm="",
            )
        ),
    )


def _changes(old: object, new: object, names: tuple[str, ...]) -> tuple[Change, ...]:
    found = (
        Change(name, _said(getattr(old, name)), _said(getattr(new, name)))
        for name in names
    )
    return tuple(change for change in found if change.old != change.new)


def _said(value: Any) -> str:
    """A field as lines: a list has one line for each item, nothing is empty."""
    match value:
        case None | "":
            return ""
        case bool():
            return "true" if value else "false"
        case frozenset():
            return ", ".join(str(item) for item in sorted(value))
        case tuple() | list():
            return "\n".join(_said(item) for item in value)
        case Citation():
            parts = {part.name: getattr(value, part.name) for part in fields(value)}
            told = (f"{name}: {_said(part)}" for name, part in parts.items() if part)
            return "; ".join(told)
        case Mapping():
            return "\n".join(f"{key}: {_plain(value[key])}" for key in sorted(value))
    return str(value)


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)

"""The parts of a policy pack: citations, rules, seats."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from django.utils.translation import get_language

CITATION_GROWS_OLD = timedelta(days=180)
# Nobody waives these, whatever a pack says (decisions.md 3.7): Art. 5, the binding to
# the digest, signatures.
NEVER_WAIVED = frozenset(
    {"prohibited_practice_screening", "artifact_digest", "signature_event"}
)


def key_of(item: Mapping[str, Any]) -> str:
    """Equal for equal evidence: its type and everything that is asked of it."""
    return json.dumps(item, sort_keys=True)


@dataclass(frozen=True)
class Citation:
    """A source of a rule as data: which text, where in it, and since when it is law.

    Where `later_when` holds, it applies from `later_from` instead of `applies_from`.
    """

    ref: str
    status: str
    instrument: str = ""
    locator: str = ""
    version: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    applies_from: date | None = None
    checked_on: date | None = None
    checked_by: str = ""
    later_when: str = ""
    later_from: date | None = None

    def needs_checking(self, on: date) -> bool:
        """Whether nobody has compared it with the source for 180 days, or ever."""
        return self.checked_on is None or on - self.checked_on > CITATION_GROWS_OLD


@dataclass(frozen=True)
class Rule:
    """One rule of a pack. `when` empty means always; `always` that the law's date of
    application does not soften it (decisions.md 3.3)."""

    id: str
    titles: Mapping[str, str]
    texts: Mapping[str, str]
    citations: tuple[Citation, ...]
    evidence: tuple[Mapping[str, Any], ...]
    severity: str
    tiers: frozenset[int]
    gate: str
    waivable: bool = False
    when: str = ""
    always: bool = False

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """`key_of` each piece of evidence."""
        return tuple(key_of(item) for item in self.evidence)

    def key(self, item: Mapping[str, Any]) -> str:
        """`key_of` one piece of evidence, known already when it is one of its own."""
        own = zip(self.evidence, self.keys, strict=True)
        return next((key for one, key in own if one is item), "") or key_of(item)

    @cached_property
    def seats_keys(self) -> tuple[str, ...]:
        """The keys of its evidence that names seats to be filled by signatures."""
        return tuple(
            key
            for item, key in zip(self.evidence, self.keys, strict=True)
            if item["type"] == "signature_event"
            and ("quorum" in item or "stages" in item)
        )

    @property
    def may_be_waived(self) -> bool:
        """The pack's word, except for what nobody waives."""
        return self.waivable and not any(
            item["type"] in NEVER_WAIVED for item in self.evidence
        )

    @property
    def title(self) -> str:
        """The title in the language of the reader, else in English."""
        return said(self.titles)

    @property
    def text(self) -> str:
        """The text in the language of the reader, else in English."""
        return said(self.texts)


@dataclass(frozen=True)
class Pack:
    """A parsed pack. `sha256` is that of its canonical JSON (decisions.md 3.2, 5)."""

    slug: str
    version: str
    titles: Mapping[str, str]
    rules: tuple[Rule, ...]
    sha256: str
    applies_when: str = "always"
    legal_basis: tuple[str, ...] = ()
    applicability: Mapping[str, str] = field(default_factory=dict)
    notes: str = ""
    grace_days: int = 0
    effective_from: date | None = None
    effective_to: date | None = None
    approvals: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def name(self) -> str:
        """Slug and version, as decisions and permits name it."""
        return f"{self.slug} {self.version}"

    @property
    def title(self) -> str:
        """The title in the language of the reader, else in English."""
        return said(self.titles)

    @property
    def conditions(self) -> frozenset[str]:
        """Every condition (CEL) that says whether or how strictly it binds."""
        found = {self.applies_when}
        for rule in self.rules:
            found |= {rule.when, *(c.later_when for c in rule.citations)}
        return frozenset(found - {""})

    @cached_property
    def approvals_keys(self) -> Mapping[str, str]:
        """`key_of` what each tier (`T1` to `T4`) asks of approvals."""
        return {tier: key_of(asked) for tier, asked in self.approvals.items()}

    def for_tier(self, tier: int) -> tuple[Rule, ...]:
        """The rules that bind a tier (1 to 4)."""
        return tuple(rule for rule in self.rules if tier in rule.tiers)


def said(texts: Mapping[str, str]) -> str:
    """A text in the language of the reader, else in English."""
    return texts.get((get_language() or "en")[:2], texts["en"])

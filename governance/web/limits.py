"""The limits of a policy in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.formats import number_format


def _two(value: float) -> str:
    # number_format cuts digits off instead of rounding: round before.
    return number_format(Decimal(f"{value:.2f}"), 2)


@dataclass(frozen=True)
class Limit:
    """What a measurement is held against: at least `low`, or at most `high` in size."""

    low: float | None = None
    high: float | None = None

    @staticmethod
    def of(item: Mapping[str, Any]) -> "Limit":
        """Read it from a piece of evidence of a rule."""
        if "at_least" in item:
            return Limit(low=float(item["at_least"]))
        return Limit(high=float(item["at_most"]) if "at_most" in item else None)

    def stricter(self, other: "Limit") -> "Limit":
        """The harder of two to keep; of limits that do not compare, this one."""
        if self.low is not None and other.low is not None:
            return max(self, other, key=lambda one: one.low or 0.0)
        if self.high is not None and other.high is not None:
            return min(self, other, key=lambda one: one.high or 0.0)
        return other if not self.text else self

    @property
    def text(self) -> str:
        """The limit with its sign; empty without one."""
        if self.low is not None:
            return f"≥ {_two(self.low)}"
        return f"≤ {_two(self.high)}" if self.high is not None else ""

    def holds(self, value: float) -> bool:
        """Whether a value keeps to it, as `governance.requirements` judges."""
        if self.low is not None:
            return value >= self.low
        return self.high is not None and abs(value) <= self.high

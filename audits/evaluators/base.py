"""What every evaluator answers: measurements with intervals, and words for charts."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any

# All settings of all evaluators: one configuration serves every kind of run.
SETTINGS = frozenset(
    {
        "background",
        "background_rows",
        "bootstrap_rounds",
        "control",
        "cost_false_negative",
        "cost_false_positive",
        "cross_check",
        "favourable",
        "minimum_group_size",
        "minimum_segment_rows",
        "monotonic",
        "noise",
        "positive",
        "reasons",
        "reference_dataset",
        "reference_shares",
        "repetitions",
        "response_rows",
        "rows",
        "seed",
        "small_groups",
        "threshold",
        "time_column",
    }
)


class UnusableEvidence(Exception):
    """The evidence cannot be computed or believed; the text is a full sentence."""


@dataclass(frozen=True)
class Measurement:
    """One number with its interval, group and method; None means not estimable.

    `because` says why there is no value. A gate treats None as not passed.
    """

    name: str
    value: float | None
    lower: float | None = None
    upper: float | None = None
    n: int = 0
    group: str = ""
    method: str = ""
    unit: str = ""
    because: str = ""

    def __post_init__(self) -> None:
        """Refuse what no JSON reader could read, and silence about a missing value."""
        for number in (self.value, self.lower, self.upper):
            if number is not None and not math.isfinite(number):
                raise UnusableEvidence(f"{self.key} is not a finite number.")
        if self.value is None and not self.because:
            raise UnusableEvidence(f"{self.key} has no value and no reason.")

    @property
    def key(self) -> str:
        """Name and group as one word, for example `selection_rate[sex=female]`."""
        return f"{self.name}[{self.group}]" if self.group else self.name


@dataclass(frozen=True)
class Evaluation:
    """All measurements of one run; `summary` is plain JSON for charts and tables."""

    measurements: tuple[Measurement, ...]
    summary: Mapping[str, Any]
    warnings: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()  # what the method cannot say, as full sentences
    versions: Mapping[str, str] = field(default_factory=dict)

    def get(self, key: str) -> Measurement:
        """Answer the measurement of that key. Raises KeyError."""
        for measurement in self.measurements:
            if measurement.key == key:
                return measurement
        raise KeyError(key)

    def as_json(self) -> dict[str, Any]:
        """Answer plain lists, dictionaries, text and numbers."""
        return {
            "measurements": [asdict(one) for one in self.measurements],
            "summary": dict(self.summary),
            "warnings": list(self.warnings),
            "limits": list(self.limits),
            "versions": dict(self.versions),
        }


def together(*parts: Evaluation) -> Evaluation:
    """Join evaluations of one run; the last one has the last word."""
    return Evaluation(
        measurements=tuple(one for part in parts for one in part.measurements),
        summary={key: value for part in parts for key, value in part.summary.items()},
        warnings=tuple(dict.fromkeys(one for part in parts for one in part.warnings)),
        limits=tuple(dict.fromkeys(one for part in parts for one in part.limits)),
        versions={key: value for part in parts for key, value in part.versions.items()},
    )


def not_estimable(name: str, *, group: str = "", n: int = 0, why: str) -> Measurement:
    """Answer a measurement without a value, with the reason."""
    return Measurement(name=name, value=None, n=n, group=group, because=why)


def versions_of(*packages: str) -> dict[str, str]:
    """Answer the installed versions of packages."""
    return {package: version(package) for package in packages}


def setting(
    config: Mapping[str, Any], name: str, default: float, *, low: float, high: float
) -> float:
    """Answer a number of a configuration. Raises UnusableEvidence naming the field."""
    value = config.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UnusableEvidence(f"The setting {name!r} must be a number, not {value!r}.")
    if not low <= value <= high:
        raise UnusableEvidence(
            f"The setting {name!r} must lie between {low:g} and {high:g}, not {value}."
        )
    return float(value)


def known_settings(config: Mapping[str, Any]) -> None:
    """Refuse settings that no evaluator reads. Raises UnusableEvidence naming them."""
    unknown = sorted(set(config) - SETTINGS)
    if unknown:
        raise UnusableEvidence(
            f"Unknown setting {', '.join(map(repr, unknown))}; known are "
            f"{', '.join(sorted(SETTINGS))}."
        )

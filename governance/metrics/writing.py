"""Prometheus' text format 0.0.4: a line for a number, words only of our own.

Labels hold fixed words of this code, none of which has anything to escape: no name of a
model, a person or an environment ever becomes a label.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class Sample:
    """One number; `suffix` follows the name of its family, such as `_bucket`."""

    value: float
    labels: Mapping[str, str]
    suffix: str = ""


@dataclass(frozen=True)
class Family:
    """Numbers of one name; `kind` is counter, gauge or histogram."""

    name: str
    kind: str
    about: str
    samples: tuple[Sample, ...]


def gauge(name: str, about: str, value: float) -> Family:
    """One number that rises and falls."""
    return Family(name, "gauge", about, (Sample(value, {}),))


def each(
    name: str, about: str, label: str, values: Mapping[str, float], kind: str = "gauge"
) -> Family:
    """A number for each word."""
    samples = tuple(Sample(value, {label: word}) for word, value in values.items())
    return Family(name, kind, about, samples)


def text(families: Iterable[Family]) -> str:
    """The lines of all families, in their order."""
    lines: list[str] = []
    for one in families:
        lines += [f"# HELP {one.name} {one.about}", f"# TYPE {one.name} {one.kind}"]
        lines += [f"{one.name}{_line(sample)}" for sample in one.samples]
    return "\n".join(lines) + "\n"


def _line(sample: Sample) -> str:
    words = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
    return (
        f"{sample.suffix}{{{words}}} {sample.value}"
        if words
        else (f"{sample.suffix} {sample.value}")
    )

"""What every chart is: a Vega-Lite specification, words for it, and its data."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
LONGEST = 28  # characters of a name inside a chart; the table has the whole name

# Control characters that XML forbids (vl-convert ends the whole process on them), and
# those that turn lines around (Trojan Source, CVE-2021-42574).
_UNSEEN = dict.fromkeys(
    [*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0)]
    + [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]
    + [*range(0xD800, 0xE000), 0xFFFE, 0xFFFF],
    "\ufffd",
)

Cell = str | float | int | None
Row = tuple[Cell, ...]


@dataclass(frozen=True)
class Chart:
    """A chart for screen and paper.

    Colours come from the configuration that the reader of the specification adds: its
    styles are `reference`, `limit`, `interval`, `node`, `edge` and `quiet`.
    """

    key: str
    title: str
    alt: str
    spec: dict[str, Any]
    head: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()


def legible(value: Any) -> Any:
    """The value with a visible sign for each control character in its texts.

    Takes what JSON can hold. Every text of a stranger passes here before it is drawn.
    """
    if isinstance(value, str):
        return value.translate(_UNSEEN)
    if isinstance(value, Mapping):
        return {legible(key): legible(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [legible(item) for item in value]
    return value


def short(text: str) -> str:
    """A name that fits into a chart."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def distinct(names: Iterable[str]) -> dict[str, str]:
    """For each name a short one, numbered where two long names begin alike."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(names):
        label, number = short(name), 1
        while label in found.values():
            number += 1
            label = f"{short(name)} ({number})"
        found[name] = label
    return found


def thinned(points: Sequence[Any], count: int) -> list[Any]:
    """At most `count` of the points, evenly spread, with both ends."""
    if len(points) <= count:
        return list(points)
    return [points[round(i * (len(points) - 1) / (count - 1))] for i in range(count)]


def axis(
    field: str,
    title: str | None,
    *,
    domain: list[float] | None = None,
    zero: bool = True,
) -> dict[str, Any]:
    """A quantitative axis."""
    scale: dict[str, Any] = {"domain": domain} if domain else {"zero": zero}
    return {"field": field, "type": "quantitative", "title": title, "scale": scale}


def layer(*layers: dict[str, Any], encoding: dict[str, Any]) -> dict[str, Any]:
    """Layers over one encoding."""
    return {"layer": list(layers), "encoding": encoding}


def sheet(
    spec: dict[str, Any],
    *,
    values: list[dict[str, Any]] | None = None,
    width: int = 420,
    height: int | dict[str, int] = 240,
) -> dict[str, Any]:
    """A whole specification; pages may replace its width by "container"."""
    sheet = {"$schema": SCHEMA, "width": width, "height": height, **spec}
    return sheet if values is None else {**sheet, "data": {"values": values}}

"""Small drawings of the threshold explorer: a number along all thresholds, and the
numbers of groups at one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from audits.evaluators.base import Measurement
from audits.evaluators.estimates import Estimate
from audits.labels import measurement_label
from governance.templatetags.freigabe import number
from governance.web.limits import Limit

Floats = NDArray[np.float64]
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 300, 132, 34, 10, 12, 22
ROW = 34
MOST_GROUPS = 12


def along(threshold: float) -> int:
    """Where a threshold stands in the drawing: whole, as templates write decimals in
    the reader's language."""
    return round(_along(threshold))


def _along(threshold: float) -> float:
    return LEFT + threshold * (WIDTH - LEFT - RIGHT)


@dataclass(frozen=True)
class Curve:
    """One number along all thresholds, with its limit and the threshold looked at."""

    name: str
    feature: str
    limit: Limit
    now: Estimate | Measurement
    before: Estimate | Measurement
    top: float
    path: str
    x: int
    y: int | None
    in_force_x: int
    limit_y: int | None
    bad: tuple[int, int] | None
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def title(self) -> str:
        """The number, and of which feature."""
        label = measurement_label(self.name)
        return f"{label}: {self.feature}" if self.feature else label

    @property
    def keeps(self) -> bool | None:
        """Whether the limit holds here; None without one."""
        if not self.limit.text:
            return None
        return self.now.value is not None and self.limit.holds(self.now.value)

    @property
    def ticks(self) -> list[tuple[int, str]]:
        """Heights with their values."""
        heights = (0.0, self.top / 2, self.top)
        return [(_height(v, self.top), tick(v)) for v in heights]

    @property
    def feet(self) -> list[tuple[int, str]]:
        """Places below with their thresholds."""
        return [(along(v), tick(v)) for v in (0.0, 0.5, 1.0)]

    @property
    def words(self) -> str:
        """The value here, in force, and whether the limit holds."""
        if self.now.value is None:
            said = [_("Not estimable: %(why)s.") % {"why": self.now.because}]
        else:
            said = [_valued(self.now)]
        if self.before.value is not None:
            said.append(
                _("In force: %(value)s.") % {"value": number(self.before.value)}
            )
        if self.keeps is not None:
            keeps, breaks = _("The limit %(limit)s holds."), _("It breaks %(limit)s.")
            text = keeps if self.keeps else breaks
            said.append(text % {"limit": self.limit.text})
        return " ".join(said)


def _valued(now: Estimate | Measurement) -> str:
    given = {"value": number(now.value)}
    if now.lower is None or now.upper is None:
        return _("Here: %(value)s.") % given
    given |= {"lower": number(now.lower), "upper": number(now.upper)}
    text = _("Here: %(value)s (95 %% interval %(lower)s to %(upper)s).")
    return text % given


def tick(value: float) -> str:
    """A number of a scale, without needless zeros."""
    return number_format(f"{value:.2g}")


def _height(value: float, top: float) -> int:
    return round(_high(value, top))


def _high(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)


def curve(
    name: str,
    values: Floats,
    thresholds: Floats,
    *,
    feature: str,
    limit: Limit,
    now: Estimate | Measurement,
    before: Estimate | Measurement,
    at: float,
    in_force: float,
) -> Curve:
    """Draw a number; differences on a scale of their own, shares and ratios to 1."""
    bound = limit.low if limit.low is not None else limit.high
    top = 1.0
    if name.endswith("_difference"):
        seen = [float(v) for v in values if np.isfinite(v)] + [bound or 0.0, 0.1]
        top = min(1.0, np.ceil(max(seen) * 10) / 10)
    limit_y = None if bound is None else _height(min(bound, top), top)
    bad = None
    if limit_y is not None:
        bad = (TOP, limit_y - TOP) if limit.high is not None else _below(limit_y)
    return Curve(
        name=name,
        feature=feature,
        limit=limit,
        now=now,
        before=before,
        top=float(top),
        path=" ".join(_strokes(values, thresholds, float(top))),
        x=along(at),
        y=None if now.value is None else _height(now.value, top),
        in_force_x=along(in_force),
        limit_y=limit_y,
        bad=bad,
    )


def _below(limit_y: int) -> tuple[int, int]:
    return limit_y, HEIGHT - BOTTOM - limit_y


def _strokes(values: Floats, thresholds: Floats, top: float) -> Iterator[str]:
    """The line, with gaps where there is no value."""
    drawn = False
    for value, threshold in zip(values, thresholds, strict=True):
        if np.isfinite(value):
            x, y = _along(float(threshold)), _high(float(value), top)
            yield f"{'L' if drawn else 'M'}{x:.1f},{y:.1f}"
        drawn = bool(np.isfinite(value))


@dataclass(frozen=True)
class Row:
    """A group: its rate here with its interval, and the one in force."""

    now: Estimate
    before: Estimate
    y: int

    @property
    def x(self) -> int | None:
        """The place of the rate here."""
        return None if self.now.value is None else along(self.now.value)

    @property
    def ends(self) -> tuple[int, int] | None:
        """Both ends of the interval."""
        if self.now.limits is None:
            return None
        low, high = self.now.limits
        return along(low), along(high)

    @property
    def before_x(self) -> int | None:
        """The place of the rate in force."""
        return None if self.before.value is None else along(self.before.value)

    @property
    def line(self) -> int:
        """The height of its line, below its name."""
        return self.y + 12


@dataclass(frozen=True)
class Groups:
    """One rate of all groups at one threshold; the table has groups left out here."""

    name: str
    rows: tuple[Row, ...]
    every: tuple[tuple[Estimate, Estimate], ...]
    width: int = WIDTH

    @property
    def title(self) -> str:
        """The rate."""
        return measurement_label(self.name)

    @property
    def height(self) -> int:
        """As high as its rows and the scale."""
        return ROW * len(self.rows) + BOTTOM + 4

    @property
    def foot(self) -> int:
        """Where the scale stands."""
        return self.height - BOTTOM + 4

    @property
    def feet(self) -> list[tuple[int, str]]:
        """Places below with their values."""
        return [(along(v), tick(v)) for v in (0.0, 0.5, 1.0)]

    @property
    def words(self) -> str:
        """Every group with its rate."""
        return "; ".join(
            f"{row.now.group}: {number(row.now.value)}"
            if row.now.value is not None
            else f"{row.now.group}: {row.now.because}"
            for row in self.rows
        )


def groups(
    name: str,
    both: tuple[Sequence[Estimate], Sequence[Estimate]],
    rows: Sequence[int],
) -> Groups:
    """Draw one rate of the largest groups, here and in force."""
    now, before = both
    every = tuple(zip(now, before, strict=True))
    largest = sorted(range(len(rows)), key=lambda at: -rows[at])[:MOST_GROUPS]
    shown = [every[at] for at in sorted(largest)]
    return Groups(
        name=name,
        rows=tuple(
            Row(here, there, 14 + ROW * at) for at, (here, there) in enumerate(shown)
        ),
        every=every,
    )

"""Evidence over versions: one small drawing per measurement, with table and words."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from audits.labels import measurement_label
from governance.templatetags.freigabe import number
from governance.web.limits import Limit
from governance.web.links import version_url
from governance.web.readings import Counting, Reading, difference, holds, read, read_of
from registry.models import ModelVersion

VERSIONS = 12
DRAWN, NAMED = 8, 5
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 260, 96, 8, 46, 12, 18
# What is drawn where no rule states a limit.
HEADLINES = (
    "roc_auc",
    "rmse",
    "macro_f1",
    "brier",
    "demographic_parity_difference",
    "equal_opportunity_difference",
    "importance_stability",
)


@dataclass(frozen=True)
class Point:
    """The value of one version at its place in the drawing."""

    version: ModelVersion
    reading: Reading
    keeps: bool | None
    other_data: bool
    x: int
    y: int
    low: int | None
    high: int | None
    named: bool = True

    @property
    def href(self) -> str:
        """The page of the version."""
        return version_url(self.version)


@dataclass(frozen=True)
class Trend:
    """One measurement over the versions, the newest last."""

    name: str
    title: str
    limit: Limit
    points: tuple[Point, ...]
    limit_y: int | None
    words: str
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def last(self) -> Point:
        """The newest version that was measured."""
        return self.points[-1]

    @property
    def line(self) -> str:
        """The line through the points, in SVG's words."""
        places = (f"{p.x},{p.y}" for p in self.points if p.reading.value is not None)
        return "M" + " L".join(places)

    @property
    def broken(self) -> bool:
        """Whether the newest value breaks its limit."""
        return self.last.keeps is False


def of_versions(
    versions: Iterable[ModelVersion],
    limits: Mapping[str, Limit],
    counting: Counting | None = None,
) -> list[Trend]:
    """The trends of these versions: what has a limit first, at most eight.

    `counting` is what counts for each of them, where it was read already.

    Of groups, such as sensitive columns, the worst is drawn, as the gate judges.
    """
    rows = sorted(versions, key=lambda v: (v.registered_at, v.version))
    names = tuple(dict.fromkeys((*limits, *HEADLINES)))
    found = read(rows, names) if counting is None else read_of(counting, names)
    trends = []
    for name in names:
        limit = limits.get(name, Limit())
        worst = [(v, _worst(found[v.pk], name, limit)) for v in rows]
        known = [(v, reading) for v, reading in worst if reading is not None]
        if any(reading.value is not None for _v, reading in known):
            trends.append(_trend(name, limit, known, rows))
    return trends[:DRAWN]


def _worst(readings: Iterable[Reading], name: str, limit: Limit) -> Reading | None:
    named = [one for one in readings if one.name == name]
    return max(named, key=lambda one: one.badness(limit), default=None)


def _trend(
    name: str,
    limit: Limit,
    known: Sequence[tuple[ModelVersion, Reading]],
    versions: Sequence[ModelVersion],
) -> Trend:
    scale = _Scale.over([reading for _v, reading in known], limit)
    bound = limit.low if limit.low is not None else limit.high
    step = (WIDTH - LEFT - RIGHT) / max(1, len(versions) - 1)
    column = {v.pk: LEFT + round(step * at) for at, v in enumerate(versions)}
    return Trend(
        name=name,
        title=measurement_label(name),
        limit=limit,
        points=tuple(_points(known, limit, scale, column)),
        limit_y=scale.y(bound),
        words=_words(known, limit, versions[-1]),
    )


def _points(
    known: Sequence[tuple[ModelVersion, Reading]],
    limit: Limit,
    scale: "_Scale",
    column: Mapping[UUID, int],
) -> Iterator[Point]:
    newest = known[-1][1]
    for at, (version, reading) in enumerate(known):
        yield Point(
            version=version,
            reading=reading,
            keeps=holds(reading, limit),
            other_data=reading.data != newest.data,
            x=column[version.pk],
            y=scale.y(reading.value) or HEIGHT - BOTTOM,
            low=scale.y(reading.lower),
            high=scale.y(reading.upper),
            # More names than these would run into each other.
            named=len(known) <= NAMED or at in (0, len(known) - 1),
        )


@dataclass(frozen=True)
class _Scale:
    """From values to heights in the drawing."""

    low: float
    high: float

    @staticmethod
    def over(readings: Iterable[Reading], limit: Limit) -> "_Scale":
        seen = [
            value
            for one in readings
            for value in (one.value, one.lower, one.upper)
            if value is not None
        ]
        seen += [bound for bound in (limit.low, limit.high) if bound is not None]
        low, high = min(seen), max(seen)
        room = (high - low) * 0.08 or max(abs(high) * 0.1, 0.01)
        return _Scale(low - room, high + room)

    def y(self, value: float | None) -> int | None:
        if value is None:
            return None
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM))


def _words(
    known: Sequence[tuple[ModelVersion, Reading]], limit: Limit, newest: ModelVersion
) -> str:
    version, now = known[-1]
    said = [_now(version, now)]
    if version != newest:
        text = _("Version %(version)s was not measured.")
        said.insert(0, text % {"version": newest.version})
    keeps = holds(now, limit)
    if keeps is not None:
        text = _("The limit %(limit)s holds.") if keeps else _("It breaks %(limit)s.")
        said.append(text % {"limit": limit.text})
    if len(known) > 1:
        before, then = known[-2]
        said.append(
            _("Against version %(version)s: %(difference)s.")
            % {"version": before.version, "difference": difference(then, now)}
        )
    return " ".join(said)


def _now(version: ModelVersion, now: Reading) -> str:
    given = {"version": version.version, "value": number(now.value)}
    if now.value is None:
        return _("Version %(version)s: not estimable.") % given
    if now.lower is None or now.upper is None:
        said = _("Version %(version)s: %(value)s.") % given
    else:
        given |= {"lower": number(now.lower), "upper": number(now.upper)}
        said = (
            _("Version %(version)s: %(value)s (95 %% interval %(lower)s to %(upper)s).")
            % given
        )
    if not now.group:
        return said
    return said + " " + _("Worst of the groups: %(group)s.") % {"group": now.group}

"""Drift over time: what the drift runs of a version said, one after the other."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from audits.charts.drift import BANDS
from audits.labels import measurement_label
from audits.models import EvidenceReport, EvidenceRun, Measurement
from governance import roles
from governance.case import Case
from governance.templatetags.freigabe import number, short
from governance.web.frame import PersonRequest, may, page, show
from governance.web.limits import Limit
from governance.web.panels import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, tick
from governance.web.readings import limits_of
from governance.web.versions import find_version
from registry.models import Environment, ModelVersion

RUNS = 12
FEATURES = 6
NAMED = 4  # runs of which each has its day below
OVERALL = ("psi_largest", "drifted_features", "score_psi", "target_psi")
EACH = "psi"
# By rule of thumb: worth a look, and large.
MODERATE, LARGE = 0.1, 0.25


@dataclass(frozen=True)
class Point:
    """What one run measured, at its place in the drawing."""

    report: EvidenceReport
    row: Measurement
    x: int
    y: int | None
    low: int | None
    high: int | None
    named: bool

    @property
    def run(self) -> UUID:
        """The run that its page is of."""
        return self.report.run_id

    @property
    def at(self) -> datetime:
        """When it was measured."""
        return self.report.reported_at

    @property
    def day(self) -> str:
        """The day of it, in the reader's zone."""
        return short(self.at)


@dataclass(frozen=True)
class Series:
    """One number over the runs, the newest on the right."""

    name: str
    feature: str
    limit: Limit
    points: tuple[Point, ...]
    ticks: tuple[tuple[int, str], ...]
    bands: tuple[int, ...]
    limit_y: int | None
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def title(self) -> str:
        """The number, and of which feature."""
        label = measurement_label(self.name)
        return f"{label}: {self.feature}" if self.feature else label

    @property
    def last(self) -> Measurement:
        """The newest value."""
        return self.points[-1].row

    @property
    def keeps(self) -> bool | None:
        """Whether the limit holds now; None without one."""
        if not self.limit.text:
            return None
        return self.last.value is not None and self.limit.holds(self.last.value)

    @property
    def path(self) -> str:
        """The line through the points that have a value."""
        places = [f"{p.x},{p.y}" for p in self.points if p.y is not None]
        return "M" + " L".join(places) if places else ""

    @property
    def words(self) -> str:
        """The newest value, what it means, and how it moved."""
        return " ".join(self._sentences())

    def _sentences(self) -> Iterator[str]:
        now, day = self.last, self.points[-1].day
        if now.value is None:
            yield _("%(day)s: not estimable.") % {"day": day}
        elif now.lower is None or now.upper is None:
            yield _("%(day)s: %(value)s.") % {"day": day, "value": number(now.value)}
        else:
            yield _("%(day)s: %(value)s (95 %% interval %(lower)s to %(upper)s).") % {
                "day": day,
                "value": number(now.value),
                "lower": number(now.lower),
                "upper": number(now.upper),
            }
        if self.bands and now.value is not None:
            yield _("By rule of thumb: %(band)s.") % {
                "band": _(BANDS[_band(now.value)])
            }
        if self.keeps is not None:
            holds, breaks = _("The limit %(limit)s holds."), _("It breaks %(limit)s.")
            yield (holds if self.keeps else breaks) % {"limit": self.limit.text}
        before = self.points[-2].row.value if len(self.points) > 1 else None
        if before is not None and now.value is not None:
            yield _("Before: %(value)s.") % {"value": number(before)}


def _band(value: float) -> str:
    if value < MODERATE:
        return "stable"
    return "moderate" if value < LARGE else "large"


@page
def drift_page(request: PersonRequest, slug: str, version: str) -> HttpResponse:
    """The newest twelve drift runs of a version, one drawing for each number."""
    row = find_version(slug, version)
    roles.require(request.user, "read", model=row.model)
    limits = limits_of(Case(row, Environment(), timezone.now()))
    reports = _reports(row)
    context = {
        "version": row,
        "model": row.model,
        "series": list(_series(reports, limits)),
        "reports": reports,
        "most": RUNS,
        "may_measure": may(request, "request evidence"),
    }
    return show(request, "evidence/drift.html", context, section="models")


def _reports(version: ModelVersion) -> list[EvidenceReport]:
    """The newest reports, the oldest of them first."""
    rows = EvidenceReport.objects.filter(
        run__version=version, run__kind=EvidenceRun.Kind.DRIFT
    )
    newest = rows.select_related("run__dataset_version__dataset").defer("document")
    return list(newest.order_by("-reported_at", "pk")[:RUNS])[::-1]


def _series(
    reports: Sequence[EvidenceReport], limits: Mapping[str, Limit]
) -> Iterator[Series]:
    by_key: dict[tuple[str, str], dict[UUID, Measurement]] = {}
    rows = Measurement.objects.filter(report__in=reports, name__in=(*OVERALL, EACH))
    for row in rows:
        by_key.setdefault((row.name, row.group), {})[row.report_id] = row
    for name in OVERALL:
        if (name, "") in by_key:
            yield _drawn(name, "", by_key[name, ""], reports, limits)
    for group in _most_moved(by_key, reports):
        yield _drawn(EACH, group, by_key[EACH, group], reports, limits)


def _most_moved(
    by_key: Mapping[tuple[str, str], Mapping[UUID, Measurement]],
    reports: Sequence[EvidenceReport],
) -> list[str]:
    """The features that have moved most in the newest run that names them."""

    def newest(group: str) -> float:
        found = by_key[EACH, group]
        values = [found[r.pk].value for r in reports if r.pk in found]
        return next((v for v in reversed(values) if v is not None), -1.0)

    groups = [group for name, group in by_key if name == EACH]
    return sorted(groups, key=lambda group: (-newest(group), group))[:FEATURES]


def _drawn(
    name: str,
    group: str,
    found: Mapping[UUID, Measurement],
    reports: Sequence[EvidenceReport],
    limits: Mapping[str, Limit],
) -> Series:
    limit = limits.get(name, Limit())
    is_index = name != "drifted_features"
    marks = (MODERATE, LARGE) if is_index else ()
    top = _top(found.values(), [*marks, limit.high or 0.0], 0.1 if is_index else 2.0)
    bound = limit.low if limit.low is not None else limit.high
    step = (WIDTH - LEFT - RIGHT) / max(1, len(reports) - 1)
    known = [(at, report) for at, report in enumerate(reports) if report.pk in found]
    ends = {known[0][0], known[-1][0]}
    ticks = tuple((_high(v, top) or 0, tick(v)) for v in (0.0, top / 2, top))
    return Series(
        name=name,
        feature=group.removeprefix("feature="),
        limit=limit,
        points=tuple(
            _point(
                report,
                found[report.pk],
                x=round(LEFT + step * at) if len(reports) > 1 else (LEFT + WIDTH) // 2,
                top=top,
                named=len(known) <= NAMED or at in ends,
            )
            for at, report in known
        ),
        ticks=ticks,
        bands=tuple(_high(v, top) or 0 for v in marks),
        limit_y=_high(bound, top),
    )


def _top(rows: Iterable[Measurement], marks: Sequence[float], step: float) -> float:
    """The top of the scale: a round number, at least one step."""
    seen = [v for row in rows for v in (row.value, row.upper) if v is not None]
    return max(1, ceil(max((*seen, *marks)) / step - 1e-9)) * step


def _point(
    report: EvidenceReport, row: Measurement, *, x: int, top: float, named: bool
) -> Point:
    low, high = _high(row.lower, top), _high(row.upper, top)
    return Point(report, row, x, _high(row.value, top), low, high, named)


def _high(value: float | None, top: float) -> int | None:
    if value is None:
        return None
    return round(HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM))

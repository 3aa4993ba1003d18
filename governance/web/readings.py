"""Measured values of several versions side by side, and what differs, in words."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from uuid import UUID

from django.utils.translation import gettext as _

from audits.evidence import counting_runs_by
from audits.models import EvidenceReport, EvidenceRun, Measurement
from governance.case import Case
from governance.policy import NoPolicy
from governance.templatetags.freigabe import number
from governance.web.limits import Limit
from registry.models import ModelVersion

_NUMBERS = ("name", "group", "value", "lower", "upper", "n", "because")


@dataclass(frozen=True)
class Reading:
    """One measured value that counts for a version, and where it was read."""

    kind: str
    name: str
    group: str
    value: float | None
    lower: float | None
    upper: float | None
    n: int | None
    because: str
    run: UUID
    data: UUID
    data_name: str

    def badness(self, limit: Limit) -> float:
        """The larger, the nearer to a broken limit; not estimable is the worst."""
        if self.value is None:
            return float("inf")
        return -self.value if limit.low is not None else abs(self.value)


Counting = Mapping[UUID, Mapping[str, EvidenceRun]]


def counting_of(versions: Iterable[ModelVersion]) -> Counting:
    """By version and kind, the run with the report that counts, in four queries."""
    chosen = counting_runs_by(versions)
    wanted = {run for kinds in chosen.values() for run in kinds.values()}
    reports = EvidenceReport.objects.filter(run__in=wanted)
    rows = EvidenceRun.objects.filter(report__in=reports)
    runs = rows.select_related("dataset_version__dataset").in_bulk()
    return {
        version: {kind: runs[key] for kind, key in sorted(kinds.items()) if key in runs}
        for version, kinds in chosen.items()
    }


def read(
    versions: Iterable[ModelVersion], names: Collection[str] | None = None
) -> dict[UUID, list[Reading]]:
    """What counts for each version, by kind, name and group, in a few queries.

    With `names`, only of these measurements.
    """
    return read_of(counting_of(versions), names)


def read_of(
    counting: Counting, names: Collection[str] | None = None
) -> dict[UUID, list[Reading]]:
    """The same, where it is known what counts."""
    runs = {run.pk: run for kinds in counting.values() for run in kinds.values()}
    rows = Measurement.objects.filter(report__run__in=list(runs))
    if names is not None:
        rows = rows.filter(name__in=names)
    measured: dict[UUID, list[Reading]] = {key: [] for key in runs}
    for key, *values in rows.order_by("name", "group").values_list(
        "report__run_id", *_NUMBERS
    ):
        measured[key].append(_reading(runs[key], values))
    return {
        version: [reading for run in kinds.values() for reading in measured[run.pk]]
        for version, kinds in counting.items()
    }


def _reading(run: EvidenceRun, values: list[object]) -> Reading:
    # What is no finite number is drawn and compared nowhere.
    finite = (
        None if isinstance(value, float) and not isfinite(value) else value
        for value in values
    )
    given = dict(zip(_NUMBERS, finite, strict=True))
    return Reading(
        kind=run.kind,
        run=run.pk,
        data=run.dataset_version_id,
        data_name=str(run.dataset_version),
        **given,  # type: ignore[arg-type]
    )


def limits_of(case: Case | None) -> Mapping[str, Limit]:
    """What the rules that bind ask of measurements, by name: the strictest of each."""
    if case is None:
        return {}
    try:
        rules = case.rules
    except NoPolicy:
        return {}
    found: dict[str, Limit] = {}
    for bound in rules:
        for item in bound.rule.evidence:
            if "measurement" in item:
                name, limit = item["measurement"], Limit.of(item)
                found[name] = limit.stricter(found.get(name, limit))
    return found


def signed(value: float) -> str:
    """A difference with its sign; zero has none."""
    text = number(abs(value))
    if value == 0:
        return text
    return f"+{text}" if value > 0 else f"−{text}"


def holds(reading: Reading | None, limit: Limit) -> bool | None:
    """Whether a value keeps its limit; None where there is no limit."""
    if not limit.text:
        return None
    return (
        reading is not None and reading.value is not None and limit.holds(reading.value)
    )


def difference(before: Reading | None, after: Reading | None) -> str:
    """How a value moved between two versions, and whether that says anything."""
    if before is None or after is None:
        return _("measured for one version only") if before or after else ""
    if before.value is None or after.value is None:
        return _("not estimable, so not comparable")
    if before.data != after.data:
        return _("measured on other data, so not comparable")
    change = after.value - before.value
    if change == 0:
        return _("the same")
    said = _("higher by %(by)s") if change > 0 else _("lower by %(by)s")
    said = said % {"by": number(abs(change))}
    apart = _apart(before, after)
    if apart is None:
        return said
    return (
        _("%(change)s; the 95 %% intervals do not meet") % {"change": said}
        if apart
        else _("%(change)s; the 95 %% intervals overlap, it may be chance")
        % {"change": said}
    )


def _apart(before: Reading, after: Reading) -> bool | None:
    """Whether the intervals have nothing in common; None without intervals."""
    if None in (before.lower, before.upper, after.lower, after.upper):
        return None
    return bool(before.upper < after.lower or after.upper < before.lower)  # type: ignore[operator]

"""A report's counts looked at from one threshold: curves, groups, table and words."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from audits.evaluators.base import Measurement
from audits.evaluators.estimates import Estimate
from audits.labels import measurement_label
from governance.templatetags.freigabe import number
from governance.web import panels
from governance.web.exploring import (
    GAPS,
    OF_GROUPS,
    OVERALL,
    Explored,
    Feature,
    spans,
)
from governance.web.limits import Limit

Floats = NDArray[np.float64]
T = TypeVar("T")
EVERY = 5  # hundredths between two rows of the table


@dataclass(frozen=True)
class Look:
    """A report's counts, looked at from one threshold and one feature."""

    kept: Explored
    limits: Mapping[str, Limit]
    place: int
    feature: Feature | None

    @property
    def threshold(self) -> float:
        """The threshold looked at."""
        return float(self.kept.thresholds[self.place])

    @property
    def columns(self) -> list[str]:
        """The numbers that are drawn, and tabled, along all thresholds."""
        return [curve.title for curve in self.curves]

    @property
    def curves(self) -> list[panels.Curve]:
        """What is drawn along all thresholds: of all rows, then the gaps of groups."""
        return [*self._overall(), *self._gaps()]

    def _of_all(self) -> tuple[str, ...]:
        """The rates of all people: those with limits, if these are of all, first."""
        bound = [] if self.kept.features else self.kept.bound(self.limits)
        return tuple(dict.fromkeys((*bound, *OVERALL)))

    def _names(self) -> tuple[str, ...]:
        """The gaps of groups, those with limits first."""
        if self.feature is None:
            return ()
        return tuple(dict.fromkeys((*self.kept.bound(self.limits), *GAPS)))

    def _overall(self) -> Iterator[panels.Curve]:
        limits = {} if self.kept.features else self.limits
        for name in self._of_all():
            yield self._curve(
                name,
                self.kept.curve(name),
                limits.get(name, Limit()),
                self._both(partial(self.kept.overall, name)),
            )

    def _gaps(self) -> Iterator[panels.Curve]:
        if self.feature is None:
            return
        for name in self._names():
            yield self._curve(
                name,
                self.kept.gaps(self.feature, name),
                self.limits.get(name, Limit()),
                self._both(partial(self.kept.gap, self.feature, name)),
                feature=self.feature.name,
            )

    def _both(self, of: Callable[[int], T]) -> tuple[T, T]:
        """A number here and in force."""
        return of(self.place), of(self.kept.place(self.kept.in_force))

    def _curve(
        self,
        name: str,
        values: Floats,
        limit: Limit,
        both: tuple[Estimate, Estimate] | tuple[Measurement, Measurement],
        feature: str = "",
    ) -> panels.Curve:
        now, before = both
        return panels.curve(
            name,
            values,
            self.kept.thresholds,
            feature=feature,
            limit=limit,
            now=now,
            before=before,
            at=self.threshold,
            in_force=self.kept.in_force,
        )

    @property
    def groups(self) -> list[panels.Groups]:
        """The rates of the groups here and in force."""
        if self.feature is None:
            return []
        return [
            panels.groups(
                name,
                self._both(partial(self.kept.of_groups, self.feature, name)),
                self.feature.rows,
            )
            for name in OF_GROUPS
        ]

    @property
    def table(self) -> list[tuple[float, list[float | None]]]:
        """All drawn numbers at every twentieth, here and in force."""
        wanted = {*self._both(lambda at: at)}
        for hundredth in range(0, 101, EVERY):
            wanted.add(self.kept.place(hundredth / 100))
        lines = [self.kept.curve(name) for name in self._of_all()]
        if self.feature is not None:
            lines += [self.kept.gaps(self.feature, name) for name in self._names()]
        return [
            (
                float(self.kept.thresholds[at]),
                [None if line[at] != line[at] else float(line[at]) for line in lines],
            )
            for at in sorted(wanted)
        ]

    @property
    def broken(self) -> list[str]:
        """The limits that do not hold here, of any feature, with their values."""
        found = []
        for name in self.kept.bound(self.limits):
            limit = self.limits[name]
            for label, value in self._valued(name):
                if value.value is None or not limit.holds(value.value):
                    found.append((name, label, limit.text, value.value))
        return [_told(*one) for one in found]

    def _valued(self, name: str) -> Iterator[tuple[str, Estimate | Measurement]]:
        if not self.kept.features:
            yield "", self.kept.overall(name, self.place)
        for feature in self.kept.features:
            yield feature.name, self.kept.gap(feature, name, self.place)

    @property
    def summary(self) -> str:
        """What a screen reader hears when the threshold moves."""
        here, there = self._both(partial(self.kept.overall, "accuracy"))
        chosen, before = self._both(partial(self.kept.overall, "selection_rate"))
        said = _(
            "Threshold %(threshold)s, in force %(in_force)s: accuracy %(here)s instead "
            "of %(there)s, %(chosen)s of %(rows)s people selected instead of "
            "%(before)s."
        ) % {
            "threshold": number(self.threshold),
            "in_force": number(self.kept.in_force),
            "here": number(here.value),
            "there": number(there.value),
            "chosen": chosen.hits,
            "rows": chosen.n,
            "before": before.hits,
        }
        if not self.kept.bound(self.limits):
            return said
        return said + " " + (" ".join(self.broken) or _("All limits hold here."))

    @property
    def where(self) -> str:
        """Between which thresholds all limits hold."""
        if not self.kept.bound(self.limits):
            return _("No rule in force sets a limit that a threshold can move.")
        kept = self.kept.keeps(self.limits)
        found = spans(kept.tolist(), self.kept.thresholds.tolist())
        if not found:
            return _("At no threshold do all limits hold on these data.")
        told = "; ".join(
            number(low)
            if low == high
            else _("%(low)s to %(high)s") % {"low": number(low), "high": number(high)}
            for low, high in found
        )
        return _("On these data all limits hold at thresholds of %(told)s.") % {
            "told": told
        }


def _told(name: str, feature: str, limit: str, value: float | None) -> str:
    label = measurement_label(name)
    given = {"what": f"{label} ({feature})" if feature else label, "limit": limit}
    if value is None:
        return _("%(what)s cannot be estimated, so %(limit)s does not hold.") % given
    return _("%(what)s is %(value)s and breaks %(limit)s.") % {
        **given,
        "value": number(value),
    }

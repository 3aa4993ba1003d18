"""What runs, a page at a time: the database counts and orders what is surely permitted.

What could be unauthorised is judged one by one, as is each row that is shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)

from governance.models import Sighting
from governance.reconciliation import doubtful, standing
from governance.reconciliation.permitted import State
from governance.reconciliation.standing import GRACE, ORDER, Running, SourceState
from registry.models import Deployment

Rows = QuerySet[Any]


@dataclass(frozen=True)
class Fleet:
    """Everything that runs: how many of each state, and any stretch of it."""

    counts: Mapping[State, int]
    sources: Sequence[SourceState]
    _at: datetime
    _judged: Sequence[Running]
    _sure: Mapping[State, Sequence[tuple[Rows, int]]]

    def rows(self, states: Sequence[State], start: int, size: int) -> list[Running]:
        """A stretch of what has one of the states, the worst first.

        Within a state first what was judged one by one, then sightings, clusters'
        words and reports, each by environment and place.
        """
        found: list[Any] = []
        for one in (state for state in ORDER if state in states):
            mine = [row for row in self._judged if row.state == one]
            parts: list[tuple[Any, int]] = [(mine, len(mine)), *self._sure.get(one, ())]
            for part, count in parts:
                if start < count and len(found) < size:
                    found += part[start : start + size - len(found)]
                start = max(0, start - count)
        return self._told(found)

    def _told(self, found: Sequence[Any]) -> list[Running]:
        """What the database was sure of is judged like everything that is shown."""
        raw = [row for row in found if not isinstance(row, Running)]
        told = {
            one.row.pk: one for one in standing.judge(raw, self.sources, at=self._at)
        }
        rows = [one if isinstance(one, Running) else told.get(one.pk) for one in found]
        return [one for one in rows if one is not None]


def fleet(*, at: datetime) -> Fleet:
    """What `standing.running` says, without reading what is surely permitted."""
    sources = standing.source_states()
    judged = standing.uncertain(sources, at=at)
    sure: dict[State, list[tuple[Rows, int]]] = {}
    for rows in _sure(sources, at):
        counted = dict(rows.order_by().values_list("is_now").annotate(n=Count("pk")))
        for value, count in counted.items():
            ordered = rows.filter(is_now=value).order_by(*_by(rows))
            sure.setdefault(State(value), []).append((ordered, count))
    counts = {
        state: sum(one.state == state for one in judged)
        + sum(count for _rows, count in sure.get(state, ()))
        for state in State
    }
    return Fleet(counts, sources, at, judged, sure)


def _by(rows: Rows) -> tuple[str, str, str]:
    place = "source" if rows.model is Deployment else "place"
    return "environment__slug", place, "pk"


def _sure(sources: Sequence[SourceState], at: datetime) -> list[Rows]:
    """What is surely permitted, each row with its state as `is_now`."""
    keys = [one.source.pk for one in sources]
    looked = standing.open_sightings(keys)
    clusters = _newest_of(standing.open_cluster_sightings()).exclude(
        Exists(_same(looked, place="place", sha256="sha256"))
    )
    reports = Deployment.objects.filter(pk__in=standing.reports().values("pk"))
    reports = reports.exclude(Exists(_same(looked, sha256="artifact_sha256")))
    silent = [one.source.pk for one in sources if one.is_silent(at)]
    looks = standing.looks(sources, at)
    lost: Rows = doubtful.sightings(standing.gone(keys, at), at=at, sure=True)
    return [
        _with(
            doubtful.sightings(looked, at=at, sure=True),
            {State.STALE: [_silent(silent)]},
        ),
        _with(
            doubtful.sightings(clusters, at=at, sure=True), _aged("seen_at", looks, at)
        ),
        _with(
            doubtful.reports(reports, at=at, sure=True), _aged("reported_at", looks, at)
        ),
        lost.filter(fresh=True).annotate(is_now=Value(State.VANISHED.value)),
    ]


def _silent(keys: Iterable[UUID]) -> Q:
    return Q(source__in=list(keys))


def _with(rows: Rows, states: Mapping[State, Sequence[Q]]) -> Rows:
    """A permit that only lapsed is stale; a valid one has the first state that fits."""
    whens = [
        When(condition, then=Value(state.value))
        for state, conditions in states.items()
        for condition in conditions
    ]
    found: Rows = rows.annotate(
        is_now=Case(
            When(fresh=False, then=Value(State.STALE.value)),
            *whens,
            default=Value(State.PERMITTED.value),
            output_field=CharField(),
        )
    )
    return found


def _aged(
    field: str, looks: Mapping[UUID, datetime], at: datetime
) -> dict[State, list[Q]]:
    """What was only told once: gone unseen, or too old a word."""
    gone = [
        Q(environment=key, **{f"{field}__lt": look - GRACE})
        for key, look in looks.items()
    ]
    oldest = at - timedelta(days=settings.FREIGABE_STALE_DAYS)
    return {State.VANISHED: gone, State.STALE: [Q(**{f"{field}__lt": oldest})]}


def _same(looked: QuerySet[Sighting], **fields: str) -> QuerySet[Sighting]:
    """What a source sees of it in the same environment."""
    same = {name: OuterRef(outer) for name, outer in fields.items()}
    return looked.filter(environment=OuterRef("environment"), **same)


def _newest_of(rows: QuerySet[Sighting]) -> QuerySet[Sighting]:
    """The last sighting of the same by the same cluster."""
    key = ("reported_by_id", "environment_id", "place", "sha256")
    newest = rows.order_by(*key, "-seen_at").distinct(*key)
    return Sighting.objects.filter(pk__in=newest.values("pk"))

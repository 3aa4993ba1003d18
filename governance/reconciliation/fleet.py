"""What runs, told by one statement: the database says what is surely permitted.

What could be unauthorised is judged one by one, as is each row that is shown.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Case, CharField, F, QuerySet, Value, When
from django.db.models.expressions import RawSQL

from governance.reconciliation import doubtful, standing
from governance.reconciliation.permitted import State
from governance.reconciliation.standing import (
    GRACE,
    ORDER,
    Rank,
    Running,
    SourceState,
)
from registry.models import Deployment

Rows = QuerySet[Any, Any]
DOUBTFUL = ""  # what must be judged
OVER = "over"  # what vanished after its permit had: nobody needs to know
_JUDGED_AT_ONCE = 50
Found = tuple[int, Sequence[UUID]]
_NONE: Found = (0, ())
# Where everything stands among the rest.
_RANKED = """
SELECT is_now, slug, name, id::text FROM found WHERE is_now = ANY(%s) OR is_now = ''
"""
# To find the first takes less time than to order all. Of the doubtful all are needed.
_FLEET = """
SELECT is_now, number, ARRAY(
  SELECT id FROM found WHERE found.is_now = state.is_now
  ORDER BY slug COLLATE "C", name COLLATE "C", id
  LIMIT CASE WHEN state.is_now = '' THEN NULL ELSE %s::int END)
FROM (SELECT is_now, count(*) AS number FROM found WHERE {where} GROUP BY 1) AS state
"""


@dataclass(frozen=True)
class Fleet:
    """Everything that runs: how many of each state, and stretches of the first."""

    sources: Sequence[SourceState]
    counts: Mapping[State, int]
    _at: datetime
    _judged: Mapping[State, Sequence[Running]]
    _sure: Mapping[State, Sequence[UUID]]

    def rows(self, states: Sequence[State], start: int, size: int) -> list[Running]:
        """A stretch of what has one of the states, the worst first.

        Within a state first what was judged one by one, then the rest, each by
        environment and place. What the database was sure of is judged like everything
        that is shown.
        """
        everything: list[Running | UUID] = []
        for one in (state for state in ORDER if state in states):
            everything += [*self._judged[one], *self._sure[one]]
        found = everything[start : start + size]
        keys = [one for one in found if isinstance(one, UUID)]
        judged = standing.judge(keys, self.sources, at=self._at)
        told = {one.row.pk: one for one in judged}
        rows = [one if isinstance(one, Running) else told.get(one) for one in found]
        return [one for one in rows if one is not None]


def fleet(*, at: datetime, most: int | None = None) -> Fleet:
    """Everything that runs, without reading what is surely permitted.

    Stretches can be read of the first `most`, or of all.
    """
    sources = standing.source_states()
    found = _found(sources, at, most=most)
    judged: dict[State, list[Running]] = {state: [] for state in State}
    _number, doubted = found.pop(DOUBTFUL, _NONE)
    for one in standing.judge(doubted, sources, at=at):
        judged[one.state].append(one)
    sure = {state: found.get(state.value, _NONE) for state in State}
    return Fleet(
        sources,
        {state: len(judged[state]) + sure[state][0] for state in State},
        at,
        judged,
        {state: keys for state, (_number, keys) in sure.items()},
    )


def unauthorised(*, at: datetime) -> list[Running]:
    """What runs unauthorised, the worst first; what surely may run is not read."""
    sources = standing.source_states()
    _number, found = _found(sources, at, "is_now = ''").get(DOUBTFUL, _NONE)
    judged = standing.judge(found, sources, at=at)
    return [one for one in judged if one.state == State.UNAUTHORISED]


def worst_first(
    states: Collection[State],
    *,
    after: Rank | None,
    at: datetime,
    environment: str = "",
) -> Iterator[Running]:
    """What runs in one of these states, in the order of `rank`, after a place in it.

    Of all environments, or of the one by that slug.
    What surely has a state is judged when it is reached.
    """
    sources = standing.source_states()
    ranked = _ranked(states, sources, at)
    left = sorted(
        rank
        for rank in ranked
        if (after is None or rank > after) and environment in ("", rank[1])
    )
    for start in range(0, len(left), _JUDGED_AT_ONCE):
        part = left[start : start + _JUDGED_AT_ONCE]
        sure = [UUID(rank[-1]) for rank in part if ranked[rank] is None]
        found = {str(o.row.pk): o for o in standing.judge(sure, sources, at=at)}
        told = (ranked[rank] or found.get(rank[-1]) for rank in part)
        yield from (one for one in told if one is not None)


def _ranked(
    states: Collection[State], sources: Sequence[SourceState], at: datetime
) -> dict[Rank, Running | None]:
    """The places of all that has one of the states, with what had to be judged."""
    tables, values = _union(sources, at)
    with connection.cursor() as cursor:
        cursor.execute(f"{tables} {_RANKED}", (*values, [str(one) for one in states]))
        rows = cursor.fetchall()
    doubted = [UUID(key) for state, *_place, key in rows if state == DOUBTFUL]
    found: dict[Rank, Running | None] = {
        (ORDER.index(State(state)), slug, name, key): None
        for state, slug, name, key in rows
        if state != DOUBTFUL
    }
    judged = standing.judge(doubted, sources, at=at)
    return found | {standing.rank(one): one for one in judged if one.state in states}


def _found(
    sources: Sequence[SourceState],
    at: datetime,
    where: str = "true",
    *,
    most: int | None = None,
) -> dict[str, Found]:
    """What runs by state: how much, and the keys of the first by their place."""
    tables, values = _union(sources, at)
    with connection.cursor() as cursor:
        cursor.execute(f"{tables} {_FLEET.format(where=where)}", [*values, most])
        return {state: (number, keys) for state, number, keys in cursor}


def _union(sources: Sequence[SourceState], at: datetime) -> tuple[str, list[Any]]:
    """The tables of a statement, the last of which is `found`: all that runs."""
    first, *rest = _parts(sources, at)
    union, values = first.union(*rest, all=True).query.sql_with_params()
    tables, before = doubtful.tables([one.source.pk for one in sources], at)
    return f"{tables}, found AS ({union})", [*before, *values]


def _parts(sources: Sequence[SourceState], at: datetime) -> list[Rows]:
    """What runs, by each kind of witness."""
    keys = [one.source.pk for one in sources]
    silent = [one.source.pk for one in sources if one.is_silent(at)]
    looks = standing.looks(sources, at)
    clusters = standing.newest(standing.open_cluster_sightings())
    file, report = doubtful.sighting_is_known, doubtful.report_is_known
    return [
        _stated(
            standing.open_sightings(keys),
            "place",
            _whens(file, [When(source__in=silent, then=Value(str(State.STALE)))]),
        ),
        _stated(
            clusters.filter(~doubtful.sighting_is_seen()),
            "place",
            _whens(file, _aged("seen_at", looks, at)),
        ),
        _stated(
            _reports(),
            "source",
            [
                When(decision_id=None, then=Value(DOUBTFUL)),
                *_whens(report, _aged("reported_at", looks, at)),
            ],
        ),
        _stated(
            standing.gone(keys, at),
            "place",
            _whens(file, [], lapsed=OVER, otherwise=State.VANISHED),
        ),
    ]


def _reports() -> QuerySet[Deployment]:
    """The newest reports but for what a source sees and rightly was reported."""
    rows = Deployment.objects.filter(pk__in=standing.reports().values("pk"))
    return rows.exclude(doubtful.report_is_seen(), decision_id__isnull=False)


def _whens(
    is_known: Callable[[str], RawSQL],
    aged: Sequence[When],
    *,
    lapsed: str = State.STALE,
    otherwise: str = State.PERMITTED,
) -> list[When]:
    """The states of what is granted; `aged` say of what has a permit that still holds
    why it is not believed. Most rows are looked up once."""
    holds = Case(*aged, default=Value(str(otherwise)))
    return [
        When(is_known("fresh"), then=holds),
        When(is_known("true"), then=Value(str(lapsed))),
    ]


def _stated(rows: Rows, place: str, whens: Sequence[When]) -> Rows:
    """Each key with what it is ordered by, and `is_now`: the first state that fits."""
    return rows.order_by().values(
        "id",
        slug=F("environment__slug"),
        name=F(place),
        is_now=Case(*whens, default=Value(DOUBTFUL), output_field=CharField()),
    )


def _aged(field: str, looks: Mapping[UUID, datetime], at: datetime) -> list[When]:
    """What was only told once: gone unseen, or too old a word."""
    gone = [
        When(
            environment=key,
            **{f"{field}__lt": look - GRACE},
            then=Value(str(State.VANISHED)),
        )
        for key, look in looks.items()
    ]
    oldest = at - timedelta(days=settings.FREIGABE_STALE_DAYS)
    return [*gone, When(**{f"{field}__lt": oldest}, then=Value(str(State.STALE)))]

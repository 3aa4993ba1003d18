"""What runs out and what is open on a day: permits, waivers, findings."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Count,
    DateField,
    Exists,
    Manager,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.lookups import GreaterThan

from governance.models import (
    ApprovalRequest,
    Authorisation,
    AuthorisationChange,
    Finding,
    FindingChange,
    Severity,
    Status,
    StatusChange,
)
from governance.models.waivers import MOST_DAYS
from governance.portfolio.asking import Moment
from governance.portfolio.judging import ask, tables, values_at
from governance.portfolio.listing import SOON
from governance.portfolio.remembering import again
from registry.models import RegisteredModel

_Standing = AuthorisationChange.State
_State = FindingChange.State
# The ages of findings, in days since they were raised: from, up to and including.
AGES: dict[str, tuple[int, int | None]] = {
    "30": (0, 30),
    "90": (31, 90),
    "180": (91, 180),
    "older": (181, None),
}
# Waivers and their ends, behind `judging.tables`.
_ACTIVE = (
    "active AS (SELECT w.id, w.model_id, ends_at FROM governance_waiver w"
    " JOIN governance_waiverdecision d ON d.waiver_id = w.id AND d.granted"
    " AND d.decided_at <= %(at)s JOIN judged j ON j.id = w.model_id"
    " CROSS JOIN LATERAL (SELECT LEAST(w.valid_until, w.valid_from"
    " + (%(most)s::jsonb ->> LEAST(w.tier, j.tier)::text)::int * interval '1 day')"
    " AS ends_at) AS ending"
    " WHERE w.valid_from <= %(at)s AND ends_at > %(at)s"
    " AND NOT EXISTS (SELECT FROM governance_waiverrevocation r"
    " WHERE r.waiver_id = w.id AND r.revoked_at <= %(at)s))"
)
# The others have none that could be active.
_WAIVED = (
    "SELECT model_id FROM governance_waiver"
    " WHERE valid_from <= %(at)s AND valid_until > %(at)s"
)
_ENDING = (
    "SELECT id, ends_at, count(*) OVER () AS total FROM active"
    " WHERE ends_at <= %(ending)s ORDER BY ends_at, id LIMIT %(limit)s"
)
_UNITS = (
    "SELECT u.unit, count(*) AS n,"
    " count(*) FILTER (WHERE ends_at <= %(ending)s) AS soon"
    " FROM active JOIN registry_registeredmodel m ON m.id = active.model_id"
    " JOIN registry_user u ON u.id = m.owner_id GROUP BY u.unit ORDER BY u.unit"
)


@dataclass(frozen=True)
class EndingWaiver:
    """A waiver by its id, and when it ends at the tier that binds."""

    waiver_id: Any
    ends_at: datetime


def names_then(moment: Moment, models: Iterable[RegisteredModel]) -> dict[Any, str]:
    """What models were called at a past moment, by their ids. Raises `NotTold`."""
    ids = [model.pk for model in models]
    query = "SELECT id, name FROM record WHERE id = ANY(%(ids)s)"
    rows = ask(f"{tables(moment)}\n{query}", values_at(moment) | {"ids": ids})
    return {row["id"]: row["name"] for row in rows}


def permits_in_force(moment: Moment) -> QuerySet[Authorisation]:
    """Those for which `lifecycle.stands` says yes at that moment."""
    at = moment.at
    # Requests are looked up only where there is another authorisation.
    newer = Authorisation.objects.filter(
        ~Q(pk=OuterRef("pk")),
        GreaterThan(_asked(OuterRef("request")), _asked(OuterRef(OuterRef("request")))),
        version=OuterRef("version"),
        environment=OuterRef("environment"),
        **_by(moment, "valid_from"),
    )
    stopped = _last(AuthorisationChange.objects, "authorisation", moment, "changed_at")
    moved = _last(StatusChange.objects, "version", moment, "moved_at")
    return Authorisation.objects.filter(
        ~Exists(newer),
        ~Exists(
            stopped.exclude(state=_Standing.ACTIVE).filter(authorisation=OuterRef("pk"))
        ),
        ~Exists(moved.filter(status=Status.RETIRED, version=OuterRef("version"))),
        valid_from__lte=at,
        valid_until__gt=at,
    )


def _asked(request: OuterRef) -> Subquery:
    """The number of a request among those of its version and environment."""
    return Subquery(ApprovalRequest.objects.filter(pk=request).values("sequence")[:1])


def _last(
    rows: Manager[Any], whole: str, moment: Moment, told: str
) -> QuerySet[Any, Any]:
    """Those that no later one of the same `whole` follows.

    In these words the database compares sets; it would look up each latest row alone.
    """
    by_then = _by(moment, told)
    later = rows.filter(
        **{whole: OuterRef(whole)}, sequence__gt=OuterRef("sequence"), **by_then
    )
    return rows.filter(~Exists(later), **by_then)


def expiring(moment: Moment) -> QuerySet[Authorisation]:
    """Permits in force that end within 30 days, the next first."""
    rows = permits_in_force(moment).filter(valid_until__lte=moment.at + SOON)
    return rows.order_by("valid_until", "pk")


def ending_waivers(
    moment: Moment, *, most: int, within: timedelta = SOON
) -> tuple[int, list[EndingWaiver]]:
    """How many active waivers end within that time, and the first of them.

    A tier that rose ends them sooner. Raises `judging.NotTold`.
    """
    rows = _of_active(_ENDING, moment, within, limit=most)
    found = [EndingWaiver(row["id"], row["ends_at"]) for row in rows]
    return (rows[0]["total"] if rows else 0), found


def waivers_by_unit(moment: Moment, *, within: timedelta) -> tuple[dict[str, int], int]:
    """How many active waivers each unit lives with, and how many end soon.

    The unit is that of the model's owner. Raises `judging.NotTold`.
    """
    rows = _of_active(_UNITS, moment, within)
    units = {row["unit"]: row["n"] for row in rows}
    return units, sum(row["soon"] for row in rows)


def _of_active(
    query: str, moment: Moment, within: timedelta, **more: int
) -> list[dict[str, Any]]:
    most = {str(tier): days for tier, days in MOST_DAYS.items()}
    values = {**values_at(moment), "most": json.dumps(most), **more}
    values["ending"] = moment.at + within
    statement = f"{tables(moment, wanted=_WAIVED)},\n{_ACTIVE}\n{query}"
    # Now they end from one instant to the next; a day that is over stays as it was.
    if moment.past:
        asked = ("waivers", query, within, *more.values())
        return again(asked, partial(ask, statement, values), moment)
    return ask(statement, values)


def open_findings(moment: Moment, *, age: str = "") -> QuerySet[Any]:
    """What `findings.Standing.is_open` says yes of, the oldest first.

    Each is one of `all_findings`. `age` is one of `AGES`.
    """
    covered = Q(state=_State.ACCEPTED, accepted_until__gt=moment.at)
    rows = all_findings(moment).exclude(state=_State.CLOSED).exclude(covered)
    if age:
        rows = rows.filter(_aged(age, moment))
    return rows.order_by("raised_at", "pk")


def all_findings(moment: Moment) -> QuerySet[Any]:
    """Each `Finding` with `state`, `severity` and `due_on` as they stood."""
    latest = FindingChange.objects.filter(
        finding=OuterRef("pk"), **_by(moment, "changed_at")
    ).order_by("-sequence")
    return Finding.objects.filter(**_by(moment, "raised_at")).annotate(
        state=Subquery(latest.values("state")[:1], output_field=CharField()),
        severity=Subquery(latest.values("severity")[:1], output_field=CharField()),
        due_on=Subquery(latest.values("due_on")[:1], output_field=DateField()),
        accepted_until=Subquery(latest.values("accepted_until")[:1]),
    )


def findings_by_age(moment: Moment) -> dict[tuple[str, str], int]:
    """How many findings of an age and a severity are open."""
    aged = Case(
        *(When(_aged(age, moment), then=Value(age)) for age in AGES),
        output_field=CharField(),
    )
    rows = open_findings(moment).order_by().annotate(age=aged)
    counted = rows.values_list("age", "severity").annotate(n=Count("pk"))
    return {(age, severity): n for age, severity, n in counted}


def worst_first(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Findings by severity, then by due date."""
    rank = Case(*(When(severity=one.value, then=n) for n, one in enumerate(Severity)))
    return rows.order_by(rank, "due_on", "pk")


def overdue_findings(moment: Moment) -> QuerySet[Any]:
    """Those that are open after the day on which they were due (in UTC)."""
    return open_findings(moment).filter(due_on__lt=moment.day)


def _aged(age: str, moment: Moment) -> Q:
    least, most = AGES[age]
    found = Q()
    if least:
        found &= Q(raised_at__lte=moment.at - timedelta(days=least))
    if most is not None:
        found &= Q(raised_at__gt=moment.at - timedelta(days=most + 1))
    return found


def _by(moment: Moment, name: str) -> dict[str, datetime]:
    """Of a past day nothing counts that came later."""
    return {f"{name}__lte": moment.at} if moment.past else {}

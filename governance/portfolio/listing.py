"""The models that somebody asked for: a page, all of them, or a filter of a query."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from governance import matrices
from governance.models import Status
from governance.portfolio.asking import Moment, Wish
from governance.portfolio.judging import (
    ask,
    ask_slowly,
    comparable,
    positional,
    tables,
    values_at,
)
from governance.portfolio.standing import MOVED_ON
from registry.models import RegisteredModel

# The statements below are put together from words of this package alone; whatever
# somebody sent goes to the database beside them, as a value.
SOON = timedelta(days=30)
# What an order looks at, with what stands for nothing, upwards and downwards: last.
_KEYS = {
    "name": ("r.name", "", ""),
    "risk": ("coalesce(a.score, {})", "1000", "-1"),
    "tier": ("CASE WHEN a.id IS NULL THEN {} ELSE a.tier END", "9", "0"),
    "owner": ("concat_ws(' ', u.last_name, u.first_name)", "", ""),
    "review": (
        "coalesce(a.review_due_on, {})",
        "DATE '9999-12-31'",
        "DATE '0001-01-01'",
    ),
    "registered": ("r.registered_at", "", ""),
}
# What an order or a filter looks at. What is shown is read of few models, in the end.
_LISTED = """
listed AS (
  SELECT r.id, r.slug, r.name, r.purpose, r.ai_system, u.username, u.last_name,
    a.id AS assessment_id, a.matrix_id, a.likelihood, a.impact, a.band, a.tier,
    a.residual_likelihood, a.residual_impact, a.review_due_on, {key} AS sort_key
  FROM record r JOIN registry_user u ON u.id = r.owner_id
  LEFT JOIN ({assessed}) AS a ON a.model_id = r.id
),
found AS MATERIALIZED (SELECT id, name, slug, sort_key FROM listed WHERE {where}),
shown AS MATERIALIZED ({shown})
"""
_PLACE = (
    "matrix_id, likelihood, impact, score, band,"
    " residual_likelihood, residual_impact, review_due_on"
)
# The tier of an assessment is not the one that binds: that is judged.
_ASSESSED = (
    f"SELECT DISTINCT ON (model_id) model_id, id, {_PLACE}, NULL::int AS tier"  # noqa: S608
    " FROM governance_riskassessment"
    " WHERE assessed_at <= %(known_until)s::timestamptz"
    " ORDER BY model_id, sequence DESC"
)
_BY_TIER = f"SELECT id AS model_id, assessment_id AS id, {_PLACE}, tier FROM judged"  # noqa: S608
_JUDGED = """
SELECT shown.*, j.assessment_id, j.matrix_id, j.likelihood, j.impact, j.score, j.band,
  j.residual_likelihood, j.residual_impact, j.residual_score, j.residual_band,
  j.review_due_on, j.tier, j.computed_tier, j.floor_tier, r.purpose, r.ai_system,
  r.ai_act_class, r.jurisdictions, r.vendor, r.owner_id, r.registered_at, r.untold,
  u.username, u.first_name, u.last_name, u.unit
FROM shown JOIN judged j ON j.id = shown.id JOIN record r ON r.id = shown.id
  JOIN registry_user u ON u.id = r.owner_id
"""
# Where a version stands: its latest move by then. Those that never moved on from their
# registration are in development.
_STATUS = (
    "id IN (SELECT v.model_id FROM registry_modelversion v JOIN ("  # noqa: S608
    "SELECT DISTINCT ON (version_id) version_id, status FROM governance_statuschange"
    f" WHERE {MOVED_ON} AND moved_at <= %(known_until)s::timestamptz"
    " ORDER BY version_id, sequence DESC) s ON s.version_id = v.id"
    " WHERE s.status = %(status)s)"
)
_UNMOVED = (
    "id IN (SELECT v.model_id FROM registry_modelversion v"  # noqa: S608
    " WHERE v.registered_at <= %(known_until)s::timestamptz"
    " AND NOT EXISTS (SELECT FROM governance_statuschange s"
    f" WHERE s.version_id = v.id AND {MOVED_ON}"
    " AND s.moved_at <= %(known_until)s::timestamptz))"
)


@dataclass(frozen=True)
class Stretch:
    """A page of rows: how many fit in all, and the slugs from which to go on."""

    rows: tuple[dict[str, Any], ...]
    total: int
    before: str = ""
    after: str = ""


def stretch(
    wish: Wish, moment: Moment, *, size: int, after: str = "", before: str = ""
) -> Stretch:
    """A page of what is asked for, behind or before a model named by its slug.

    From the start where no such model is there. Raises `judging.NotTold`.
    """
    backwards = bool(before) and not after
    values = _values(wish, moment) | {"cursor": after or before, "limit": size + 1}
    rows = ask(_paged(wish, moment, backwards, bool(after or before)), values)
    if not rows and (after or before):
        return stretch(wish, moment, size=size)
    more = len(rows) > size
    rows = rows[:size]
    if backwards:
        rows.reverse()
    if not rows:
        return Stretch((), 0)
    return Stretch(
        tuple(rows),
        rows[0]["total"],
        before=rows[0]["slug"] if (more if backwards else bool(after)) else "",
        after=rows[-1]["slug"] if (backwards or more) else "",
    )


def every(wish: Wish, moment: Moment) -> Iterator[dict[str, Any]]:
    """All rows that are asked for, one after the other. Raises `judging.NotTold`."""
    order = f"ORDER BY sort_key {_way(wish)}, name, slug"
    statement = f"{_found(wish, moment)} {_JUDGED} {order}"
    return ask_slowly(statement, _values(wish, moment))


def within(
    rows: QuerySet[RegisteredModel], wish: Wish, moment: Moment
) -> QuerySet[RegisteredModel]:
    """Those of a query that fit the wish, whose order is left alone."""
    if replace(wish, sort="name") == Wish():
        return rows
    statement = f"{_found(wish, moment)} SELECT id FROM found"  # noqa: S608
    sql, values = positional(statement, _values(wish, moment))
    # What was sent stands in the values alone.
    return rows.filter(pk__in=RawSQL(sql, values))  # noqa: S611


def _found(wish: Wish, moment: Moment, shown: str = "SELECT * FROM found") -> str:
    """The query up to `shown`: of everything that fits, `found`, what is judged.

    All models are judged only where their tiers choose or order them.
    """
    text, low, high = _KEYS[wish.sort.removeprefix("-")]
    by_tier = wish.tier is not None or wish.sort.endswith("tier")
    listed = _LISTED.format(
        key=text.format(high if wish.sort.startswith("-") else low),
        assessed=_BY_TIER if by_tier else _ASSESSED,
        where=" AND ".join(_conditions(wish, moment)) or "true",
        shown=shown,
    )
    wanted = "" if by_tier else "SELECT id FROM shown"
    return f"{tables(moment, wanted=wanted)},{listed}"


def _paged(wish: Wish, moment: Moment, backwards: bool, begun: bool) -> str:
    """One page. The direction is that of the first key; names go from A to Z."""
    down = wish.sort.startswith("-") != backwards
    far, near = "<" if down else ">", "<" if backwards else ">"
    there = (
        "FROM found, (SELECT sort_key AS k, name AS n, slug AS s FROM listed"  # noqa: S608
        " WHERE slug = %(cursor)s) AS here"
        f" WHERE sort_key {far} k OR (sort_key = k AND (name, slug) {near} (n, s))"
    )
    way, rest = ("DESC" if down else "ASC"), ("DESC" if backwards else "ASC")
    order = f"ORDER BY sort_key {way}, name {rest}, slug {rest}"
    shown = (
        "SELECT found.*, (SELECT count(*) FROM found) AS total"  # noqa: S608
        f" {there if begun else 'FROM found'} {order} LIMIT %(limit)s"
    )
    return f"{_found(wish, moment, shown)} {_JUDGED} {order}"


def _way(wish: Wish) -> str:
    return "DESC" if wish.sort.startswith("-") else "ASC"


def _conditions(wish: Wish, moment: Moment) -> Iterator[str]:
    for number, _word in enumerate(wish.text.split()):
        yield (
            "strpos(lower(concat_ws(chr(10), name, slug, purpose, ai_system,"
            f" last_name)), lower(%(word{number})s)) > 0"
        )
    if wish.slug:
        yield "slug = %(slug)s"
    if wish.assessed is not None:
        yield f"assessment_id IS {'NOT ' if wish.assessed else ''}NULL"
    yield from _of_risk(wish)
    if wish.status:
        unmoved = wish.status == Status.DEVELOPMENT
        yield f"({_STATUS} OR {_UNMOVED})" if unmoved else _STATUS
    if wish.owner:
        yield "username = %(owner)s"
    if wish.review == "overdue":
        yield "review_due_on < %(day)s"
    elif wish.review:
        yield "review_due_on BETWEEN %(day)s AND %(soon)s"


def _of_risk(wish: Wish) -> Iterator[str]:
    if wish.tier is not None:
        # Without statistics PostgreSQL takes `=` to be true of one row in 200.
        yield "CASE WHEN tier = %(tier)s THEN assessment_id IS NOT NULL ELSE false END"
    if wish.band:
        yield "band = %(band)s"
    if wish.cell or wish.residual:
        yield "matrix_id::text = ANY(%(comparable)s::text[])"
    if wish.elsewhere:
        yield "matrix_id::text <> ALL(%(comparable)s::text[])"
    if wish.cell:
        yield "likelihood = %(likelihood)s AND impact = %(impact)s"
    if wish.residual:
        yield "residual_likelihood = %(left)s AND residual_impact = %(below)s"


def _values(wish: Wish, moment: Moment) -> dict[str, Any]:
    words = {f"word{n}": word for n, word in enumerate(wish.text.split())}
    values: dict[str, Any] = {
        **values_at(moment),
        **words,
        "slug": wish.slug,
        "tier": wish.tier,
        "band": wish.band,
        "status": wish.status,
        "owner": wish.owner,
        "soon": moment.day + SOON,
    }
    values["likelihood"], values["impact"] = wish.cell or (None, None)
    values["left"], values["below"] = wish.residual or (None, None)
    if wish.cell or wish.residual or wish.elsewhere:
        values["comparable"] = comparable(matrices.current(at=moment.at))
    return values

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
from registry.models import RegisteredModel

# The statements below are put together from words of this package alone; whatever
# somebody sent goes to the database beside them, as a value.
SOON = timedelta(days=30)
# What an order looks at, with what stands for nothing, upwards and downwards: last.
_KEYS = {
    "name": ("r.name", "", ""),
    "risk": ("coalesce(j.score, {})", "1000", "-1"),
    "tier": ("CASE WHEN j.assessment_id IS NULL THEN {} ELSE j.tier END", "9", "0"),
    "owner": ("concat_ws(' ', u.last_name, u.first_name)", "", ""),
    "review": (
        "coalesce(j.review_due_on, {})",
        "DATE '9999-12-31'",
        "DATE '0001-01-01'",
    ),
    "registered": ("r.registered_at", "", ""),
}
_SHOWN = (
    "SELECT j.id, j.assessment_id, j.matrix_id, j.tier, j.computed_tier, j.floor_tier,"
    " j.likelihood, j.impact, j.score, j.band, j.residual_likelihood,"
    " j.residual_impact, j.residual_score, j.residual_band, j.review_due_on,"
    " r.slug, r.name, r.purpose, r.ai_system, r.ai_act_class, r.jurisdictions,"
    " r.vendor, r.owner_id, r.registered_at, r.untold, u.username, u.first_name,"
    " u.last_name, u.unit, {key} AS sort_key"
    " FROM judged j JOIN record r ON r.id = j.id JOIN registry_user u"
    " ON u.id = r.owner_id"
)
# Where a version stands: its latest move by then, without moves in development.
# Versions that never moved are in development.
_STATUS = (
    "id IN (SELECT v.model_id FROM registry_modelversion v JOIN ("
    "SELECT DISTINCT ON (version_id) version_id, status FROM governance_statuschange"
    " WHERE moved_at <= %(known_until)s::timestamptz"
    " ORDER BY version_id, sequence DESC) s ON s.version_id = v.id"
    " WHERE s.status = %(status)s"
    " AND v.registered_at <= %(known_until)s::timestamptz)"
)
_UNMOVED = (
    "id IN (SELECT v.model_id FROM registry_modelversion v"
    " WHERE v.registered_at <= %(known_until)s::timestamptz"
    " AND NOT EXISTS (SELECT FROM governance_statuschange s"
    " WHERE s.version_id = v.id AND s.moved_at <= %(known_until)s::timestamptz))"
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
    statement = (
        f"{_found(wish, moment)} SELECT * FROM found"  # noqa: S608
        f" ORDER BY sort_key {_way(wish)}, name, slug"
    )
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


def _found(wish: Wish, moment: Moment) -> str:
    """The query up to `found`: everything that fits, with its key in the order."""
    text, low, high = _KEYS[wish.sort.removeprefix("-")]
    key = text.format(high if wish.sort.startswith("-") else low)
    where = " AND ".join(_conditions(wish, moment)) or "true"
    return (
        f"{tables(moment)},\nlisted AS ({_SHOWN.format(key=key)}),\n"  # noqa: S608
        f"found AS (SELECT * FROM listed WHERE {where})"
    )


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
    return (
        f"{_found(wish, moment)} SELECT found.*,"  # noqa: S608
        f" (SELECT count(*) FROM found) AS total {there if begun else 'FROM found'}"
        f" ORDER BY sort_key {way}, name {rest}, slug {rest} LIMIT %(limit)s"
    )


def _way(wish: Wish) -> str:
    return "DESC" if wish.sort.startswith("-") else "ASC"


def _conditions(wish: Wish, moment: Moment) -> Iterator[str]:
    for number, _word in enumerate(wish.text.split()):
        yield (
            "strpos(lower(concat_ws(chr(10), name, slug, purpose, ai_system,"
            f" last_name)), lower(%(word{number})s)) > 0"
        )
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
        yield "assessment_id IS NOT NULL AND tier = %(tier)s"
    if wish.band:
        yield "band = %(band)s"
    if wish.cell or wish.residual:
        yield "matrix_id::text = ANY(%(comparable)s::text[])"
    if wish.cell:
        yield "likelihood = %(likelihood)s AND impact = %(impact)s"
    if wish.residual:
        yield "residual_likelihood = %(left)s AND residual_impact = %(below)s"


def _values(wish: Wish, moment: Moment) -> dict[str, Any]:
    words = {f"word{n}": word for n, word in enumerate(wish.text.split())}
    values: dict[str, Any] = {
        **values_at(moment),
        **words,
        "tier": wish.tier,
        "band": wish.band,
        "status": wish.status,
        "owner": wish.owner,
        "soon": moment.day + SOON,
    }
    values["likelihood"], values["impact"] = wish.cell or (None, None)
    values["left"], values["below"] = wish.residual or (None, None)
    if wish.cell or wish.residual:
        values["comparable"] = comparable(matrices.current(at=moment.at))
    return values

"""Where versions stand in their life cycle: counted, and listed."""

from collections.abc import Iterator
from functools import partial
from uuid import UUID

from governance.models import Status
from governance.portfolio.asking import Moment
from governance.portfolio.judging import Rows, ask
from governance.portfolio.remembering import LONG, again

# Where versions stand that ever moved on, out of the index `later_moves` alone. All
# others are in development since they were registered.
MOVED_ON = "(sequence > 1 OR status <> 'development')"
_MOVED = (
    "SELECT DISTINCT ON (version_id) version_id AS id, status, moved_at AS since"  # noqa: S608
    f" FROM governance_statuschange WHERE {MOVED_ON} {{moved}}"
    " ORDER BY version_id, sequence DESC"
)
_ALL = (
    "SELECT v.id, coalesce(m.status, 'development') AS status,"
    " coalesce(m.since, v.registered_at) AS since"
    " FROM registry_modelversion v LEFT JOIN ({latest}) AS m ON m.id = v.id"
    " {registered}"
)
_STATUSES = (
    "WITH moved AS (SELECT status, count(*) AS versions FROM ({latest}) AS latest"
    " GROUP BY 1), told AS (SELECT * FROM moved UNION ALL SELECT 'development',"
    " (SELECT count(*) FROM registry_modelversion {registered})"
    " - (SELECT coalesce(sum(versions), 0) FROM moved))"
    " SELECT status, sum(versions)::int AS versions FROM told"
    " GROUP BY 1 HAVING sum(versions) > 0"
)


def statuses(moment: Moment) -> dict[str, int]:
    """How many versions stand where."""
    ask_now = partial(ask, _by_then(_STATUSES, moment), {"at": moment.at})
    rows = again("statuses", ask_now, moment, window=LONG)
    return {row["status"]: row["versions"] for row in rows}


def standing(
    moment: Moment, status: str, *, size: int, after: UUID | None = None
) -> Rows:
    """The versions that `statuses` counts, by id: those that stand there longest first.

    Of one status, or all; behind the version `after`, from the start where it is none
    of them. Each with `id`, `status` and `since`.
    """
    told = _MOVED if status and status != Status.DEVELOPMENT else _ALL
    where = " AND ".join(_conditions(status, after)) or "true"
    statement = (
        f"WITH told AS ({_by_then(told, moment)}) SELECT * FROM told"  # noqa: S608
        f" WHERE {where} ORDER BY since, id LIMIT %(size)s"
    )
    values = {"at": moment.at, "status": status, "size": size, "after": after}
    asked = ("standing", status, size, after)
    return again(asked, partial(ask, statement, values), moment)


def _conditions(status: str, after: UUID | None) -> Iterator[str]:
    if status:
        yield "status = %(status)s"
    if after:
        here = "SELECT since, id FROM told WHERE id = %(after)s"  # noqa: S608
        yield f"((since, id) > ({here})) IS NOT FALSE"


def _by_then(statement: str, moment: Moment) -> str:
    """Of a past day nothing counts that came later."""
    moved = "AND moved_at <= %(at)s" if moment.past else ""
    registered = "WHERE registered_at <= %(at)s" if moment.past else ""
    whole = statement.replace("{latest}", _MOVED)
    return whole.format(moved=moved, registered=registered)

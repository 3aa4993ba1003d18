"""Where versions stand in their life cycle: counted, and listed."""

from collections.abc import Iterator
from uuid import UUID

from governance.models import Status
from governance.portfolio.asking import Moment
from governance.portfolio.remembering import Rows, ask_again

# Where each version stands that ever moved, out of the index alone. All others are in
# development since they were registered.
_MOVED = (
    "SELECT DISTINCT ON (version_id) version_id AS id, status, moved_at AS since"
    " FROM governance_statuschange {moved} ORDER BY version_id, sequence DESC"
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
    rows = ask_again(_by_then(_STATUSES, moment), {"at": moment.at}, moment)
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
    return ask_again(statement, values, moment)


def _conditions(status: str, after: UUID | None) -> Iterator[str]:
    if status:
        yield "status = %(status)s"
    if after:
        here = "SELECT since, id FROM told WHERE id = %(after)s"  # noqa: S608
        yield f"((since, id) > ({here})) IS NOT FALSE"


def _by_then(statement: str, moment: Moment) -> str:
    """Of a past day nothing counts that came later."""
    moved, registered = (
        f"WHERE {column} <= %(at)s" if moment.past else ""
        for column in ("moved_at", "registered_at")
    )
    whole = statement.replace("{latest}", _MOVED)
    return whole.format(moved=moved, registered=registered)

"""Whether anything changed since a moment, by the log's own word.

Every change of a governed row writes its entry in the same transaction. What was read
from such rows therefore still holds while no entry is visible now that was not then.
Entry ids come in another order than commits: what counts is which transactions a
snapshot sees (PostgreSQL, "Transaction ID and snapshot information functions").
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

# A transaction id at or above the snapshot's end was not given out by this server: such
# entries came with a restored backup, and are older than any moment.
_STATEMENT = """SELECT pg_current_snapshot()::text, s.done_entry_id,
pg_current_xact_id_if_assigned() IS NULL,
NOT EXISTS (SELECT FROM audits_entry e WHERE e.entry_id > %s
    AND {concerns}
    AND NOT pg_visible_in_snapshot(e.xid, %s::pg_snapshot)
    AND e.xid < pg_snapshot_xmax(pg_current_snapshot())){columns}
FROM (SELECT) one LEFT JOIN audits_sequencer s ON true{joins}"""


@dataclass(frozen=True)
class Moment:
    """What the database showed at one moment.

    `snapshot` names the transactions that had ended; entries up to `done` were final.
    """

    snapshot: str
    done: int


@dataclass(frozen=True)
class Beside:
    """What is read in the same statement, hence of the same moment: SQL of ours.

    `columns` begin with a comma each; `joins` follow the sequencer, and never lose or
    double its row. Parameters of the columns come first.
    """

    columns: str = ""
    joins: str = ""
    parameters: Sequence[UUID | datetime | str | int] = ()


@dataclass(frozen=True)
class Look:
    """The present moment, and whether nothing changed since another one.

    A log that is shorter than it was, after an older backup was restored, has changed.
    `moment` is None where it vouches for nothing: this transaction has written itself,
    and its own changes are not told apart from those of before; or there is no log.
    """

    moment: Moment | None
    unchanged: bool
    beside: tuple[Any, ...]


_NOTHING = Beside()


def look(
    since: Moment | None = None,
    *,
    but_for: Collection[str] = (),
    of: Collection[str] = (),
    beside: Beside = _NOTHING,
) -> Look:
    """Look once. A moment has to be taken BEFORE reading what it is to vouch for.

    `but_for` names tables (`public.registry_user`) whose changes do not matter, or `of`
    the only ones whose changes do.
    """
    done, snapshot = (since.done, since.snapshot) if since else (None, None)
    statement = _STATEMENT.format(
        concerns="e.rel = ANY(%s)" if of else "e.rel <> ALL(%s)",
        columns=beside.columns,
        joins=beside.joins,
    )
    tables = list(of or but_for)
    with connection.cursor() as cursor:
        cursor.execute(statement, [done, tables, snapshot, *beside.parameters])
        row = cursor.fetchone()
    shown, final, unwritten, still = row[:4]
    usable = unwritten and final is not None
    held = usable and since is not None and since.done <= final
    return Look(
        moment=Moment(shown, final) if usable else None,
        unchanged=bool(held and still),
        beside=row[4:],
    )

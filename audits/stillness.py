"""Whether anything changed since a moment, by the log's own word.

Every change of a governed row writes its entry in the same transaction. What was read
from such rows therefore still holds while no entry is visible now that was not then.
Entry ids come in another order than commits: what counts is which transactions a
snapshot sees (PostgreSQL, "Transaction ID and snapshot information functions").
"""

from collections.abc import Collection
from dataclasses import dataclass

from django.db import connection


@dataclass(frozen=True)
class Moment:
    """What the database showed at one moment.

    `snapshot` names the transactions that had ended; entries up to `done` were final.
    """

    snapshot: str
    done: int


def now() -> Moment | None:
    """The present moment, to be taken BEFORE reading what it is to vouch for.

    None where it could not: this transaction has written itself, or there is no log.
    """
    return _look(None, ())


def unchanged(since: Moment, *, but_for: Collection[str] = ()) -> Moment | None:
    """The present moment, if no row was changed between then and now; else None.

    `but_for` names tables (`public.registry_user`) whose changes do not matter. Where
    this transaction has written itself, the answer is None: its own changes are not
    told apart from those of before.
    """
    return _look(since, but_for)


def _look(since: Moment | None, but_for: Collection[str]) -> Moment | None:
    """One statement, hence one snapshot.

    A transaction id at or above the snapshot's end was not given out by this server:
    such entries came with a restored backup, and are older than any moment.
    """
    done, snapshot = (since.done, since.snapshot) if since else (None, None)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_current_snapshot()::text, s.done_entry_id, "
            "pg_current_xact_id_if_assigned() IS NULL "
            "AND NOT EXISTS (SELECT FROM audits_entry e WHERE e.entry_id > %s "
            "AND e.rel <> ALL(%s) "
            "AND NOT pg_visible_in_snapshot(e.xid, %s::pg_snapshot) "
            "AND e.xid < pg_snapshot_xmax(pg_current_snapshot())) "
            "FROM audits_sequencer s",
            [done, list(but_for), snapshot],
        )
        row = cursor.fetchone()
    return Moment(row[0], row[1]) if row and row[2] else None

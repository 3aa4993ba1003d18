"""What happened to the log's surroundings: no broken promise, but worth a look."""

from django.db import connection

from audits import epochs
from audits.findings import Findings
from audits.models import CatalogState, Contradiction, SchemaChange

MOST = 50


def notice(found: Findings, *, since_entry: int = 0) -> None:
    """Collect changes of definitions, unattributed writes, and what epochs tell."""
    _notice_schema(found)
    _notice_catalog(found)
    _notice_unattributed(found, since_entry)
    for item in Contradiction.objects.order_by("-noticed_at")[:MOST]:
        found.notice(f"{item.what} ({item.noticed_at:%Y-%m-%d %H:%M:%S} UTC)")
    for stretch in epochs.history():
        if not stretch.extends_former and stretch.former is not None:
            found.notice(
                f"Epoch {stretch.number} ({stretch.because}): the former log had "
                f"signed {stretch.former.size} leaves, which are not all in this one."
            )


def _notice_schema(found: Findings) -> None:
    """Definitions changed by another role than the tables' owner, latest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relowner::regrole::text FROM pg_class "
            "WHERE oid = 'public.audits_entry'::regclass"
        )
        owner = cursor.fetchone()[0]
    foreign = SchemaChange.objects.exclude(role=owner).order_by("-id")
    for change in foreign[:MOST]:
        found.notice(
            f"{change.role} gave {change.command} on {change.kind} {change.identity} "
            f"at {change.happened_at:%Y-%m-%d %H:%M:%S} UTC."
        )
    _notice_more(found, foreign.count())


def _notice_catalog(found: Findings) -> None:
    """Guards that were switched off, as the catalogue's states tell."""
    states = CatalogState.objects.exclude(added="").order_by("-id")
    for state in states[:MOST]:
        for line in state.added.split("\n"):
            name, _, rest = line.partition(": ")
            if name.startswith("trigger ") and not rest.startswith("A "):
                found.notice(
                    f"{name} was off or weakened from "
                    f"{state.seen_at:%Y-%m-%d %H:%M:%S} UTC on."
                )


def _notice_unattributed(found: Findings, since_entry: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), max(entry_id) FROM audits_entry "
            "WHERE actor IS NULL AND entry_id > %s "
            "AND rel NOT LIKE 'public.audits\\_%%'",
            [since_entry],
        )
        count, last = cursor.fetchone()
    if count:
        found.notice(
            f"{count} changes were made outside of the application, the last one is "
            f"entry {last}."
        )


def _notice_more(found: Findings, count: int) -> None:
    if count > MOST:
        found.notice(f"{count - MOST} older changes of definitions are not listed.")

"""What earlier entries of a row say of columns that a later one leaves out.

A column comes and goes with migrations. It may also be renamed, or made secret, for the
moment in which somebody changes it: then the last entry that tells it says otherwise.
"""

from typing import Any

from django.db import connection

_FIRST = """
SELECT min(entry_id) FROM audits_entry WHERE rel = %s AND op IN ('I', 'U')
  AND jsonb_exists(body::jsonb -> 'new', %s)
"""
_LAST = """
SELECT entry_id, (body::jsonb -> 'new' -> %s)::text,
  coalesce(jsonb_exists(body::jsonb -> 'reduced' -> 'new', %s), false)
FROM audits_entry WHERE rel = %s AND pk = %s AND op IN ('I', 'U') AND entry_id < %s
  AND jsonb_exists(body::jsonb -> 'new', %s) ORDER BY entry_id DESC LIMIT 1
"""


class Told:
    """Looks up columns of one table; asks once where no entry ever told of one."""

    def __init__(self, rel: str) -> None:
        """Name the table as entries do."""
        self._rel = rel
        self._first: dict[str, int | None] = {}

    def last(
        self, pk: str, column: str, *, before: int
    ) -> tuple[int, str, bool] | None:
        """Return the last entry of the row, before that one, which tells the column.

        With the value as JSON text, and whether it is told by its digest.
        """
        if column not in self._first:
            self._first[column] = self._ask(_FIRST, [self._rel, column])[0]
        first = self._first[column]
        if first is None or first >= before:
            return None
        row = self._ask(_LAST, [column, column, self._rel, pk, before, column])
        return None if row is None else (row[0], row[1], row[2])

    @staticmethod
    def _ask(query: str, parameters: list[Any]) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(query, parameters)
            return cursor.fetchone()

"""What our commands share."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error, OperationalError, connection

from governance import gate


class DatabaseCommand(BaseCommand):
    """A command that says in a sentence why the database cannot be used."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run; missing tables and a silent database are no traceback."""
        try:
            return super().execute(*args, **options)
        except OperationalError as failure:
            raise CommandError(f"The database cannot be used: {failure}") from failure
        except Error as failure:
            if not connection.in_atomic_block:
                _require_migrated(failure)
            raise


def _require_migrated(failure: Error) -> None:
    """Tell missing migrations instead of what failed for want of them."""
    try:
        gate.require_migrated()
    except gate.NotMigrated as missing:
        raise CommandError(str(missing)) from failure

"""Whether the database is as far as this code: half a migration decides nothing."""

from functools import cache
from time import monotonic

from django.db import ProgrammingError, connection
from django.db.migrations.loader import MigrationLoader
from django.utils.translation import gettext as _

# A process that came up while migrations still ran must not wait for its next start;
# an older backup may be restored below a process that runs.
LOOK_AGAIN_SECONDS = 2.0

_seen_at: dict[str, float] = {}


class NotMigrated(Exception):
    """The database lacks migrations that this code rests on, so nothing is decided."""


def require_migrated() -> None:
    """Refuse to judge by tables, triggers and packs that may not be there yet.

    Raises `NotMigrated`; a database that was found complete is not asked again within
    `LOOK_AGAIN_SECONDS`.
    """
    name = str(connection.settings_dict["NAME"])
    seen = _seen_at.get(name)
    if seen is not None and monotonic() - seen < LOOK_AGAIN_SECONDS:
        return
    lacking = sorted(_known() - _applied())
    if lacking:
        _seen_at.pop(name, None)
        raise NotMigrated(
            _(
                "The database lacks %(count)s migrations, first %(name)s. Nothing is "
                "decided until an operator has run manage.py migrate."
            )
            % {"count": len(lacking), "name": ".".join(lacking[0])}
        )
    _seen_at[name] = monotonic()


@cache
def _known() -> frozenset[tuple[str, str]]:
    """The migrations of this code; one that replaces others counts as they do."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    return frozenset(
        key for key, found in loader.disk_migrations.items() if not found.replaces
    )


def _applied() -> set[tuple[str, str]]:
    with connection.cursor() as cursor:
        try:
            cursor.execute("SELECT app, name FROM django_migrations")
        except ProgrammingError as error:
            raise NotMigrated(
                _("The database has no tables: run manage.py migrate.")
            ) from error
        return {(app, name) for app, name in cursor.fetchall()}

"""`manage.py migrate`: Django's own, by the role that owns the tables."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.core.management.commands.migrate import Command as Migrate
from django.db import connections

from audits.capture import MIGRATION

SET_ACTOR = "SELECT set_config('freigabe.actor', %s, false)"


class Command(Migrate):
    """Migrates as the owner where the settings name one (FREIGABE_OWNER_URL)."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Change the default database only."""
        super().add_arguments(parser)
        parser.set_defaults(database=settings.FREIGABE_OWNER_ALIAS)

    def handle(self, *args: Any, **options: Any) -> None:
        """Name the migration as the author of what it changes."""
        connection = connections[options["database"]]
        with connection.cursor() as cursor:
            cursor.execute(SET_ACTOR, [MIGRATION])
        try:
            super().handle(*args, **options)
        finally:
            with connection.cursor() as cursor:
                cursor.execute(SET_ACTOR, [""])

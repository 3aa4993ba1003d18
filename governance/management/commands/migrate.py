"""`manage.py migrate`: Django's own, by the role that owns the tables."""

from django.conf import settings
from django.core.management.base import CommandParser
from django.core.management.commands.migrate import Command as Migrate


class Command(Migrate):
    """Migrates as the owner where the settings name one (FREIGABE_OWNER_URL)."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Change the default database only."""
        super().add_arguments(parser)
        parser.set_defaults(database=settings.FREIGABE_OWNER_ALIAS)

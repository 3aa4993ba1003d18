"""`manage.py prepare_database`: roles and event triggers in your own PostgreSQL."""

from argparse import ArgumentParser
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError

from governance.database_roles import (
    APPLICATION,
    AUDITOR,
    OWNER,
    make_roles,
    prepare_database,
)


class Command(BaseCommand):
    """Idempotent; needs a superuser once, before the first migration."""

    help = "Make the owner's, the application's and the auditor's role in a database."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "superuser_url",
            help="postgresql:// address of the database, as a superuser",
        )

    def handle(self, *args: Any, superuser_url: str, **options: Any) -> None:
        try:
            make_roles(superuser_url)
            prepare_database(superuser_url)
        except psycopg.Error as error:
            raise CommandError(str(error).strip()) from error
        self.stdout.write(
            f"The database belongs to {OWNER}; {APPLICATION} owns nothing, {AUDITOR} "
            "reads the log. Give them passwords (ALTER ROLE ... PASSWORD) or another "
            "way in, set FREIGABE_OWNER_URL and DATABASE_URL, then run migrate."
        )

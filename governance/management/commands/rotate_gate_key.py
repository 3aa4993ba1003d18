"""`manage.py rotate_gate_key`: a new key for permits."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from governance import access, permit
from governance.management.base import DatabaseCommand
from registry.acts import through


class Command(DatabaseCommand):
    """The former key stays published until all that it signed has expired."""

    help = "Make a new key that signs permits."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--because", required=True, help="kept in the log")

    def handle(self, *args: Any, because: str, **options: Any) -> None:
        try:
            with through("command"):
                row = permit.rotate(
                    because=because, by=access.system_user(), at=timezone.now()
                )
        except permit.NoKey as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Permits are signed with {row.key_id} ({row.place}).")

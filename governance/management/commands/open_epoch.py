"""`manage.py open_epoch`: go on under a new name after a restore or a lost key."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from audits import epochs
from audits.integration import InTransaction, Lagging
from audits.keys import KeyUnusable
from audits.selfcheck import TreeDamaged
from audits.signer import SignerRefused
from governance import access
from governance.management.base import DatabaseCommand
from registry.acts import through


class Command(DatabaseCommand):
    """Freezes the log's present name for ever."""

    help = "Freeze the log's name and sign the present tree under a new one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--because", required=True, help="kept in the log")
        parser.add_argument(
            "--former", type=Path, help="the last checkpoint that somebody kept"
        )

    def handle(self, *args: Any, because: str, **options: Any) -> None:
        former = options["former"]
        try:
            with through("command"):
                epoch = epochs.open_epoch(
                    because=because,
                    by=access.system_user(),
                    at=timezone.now(),
                    former_note=former.read_text() if former else None,
                )
        except (
            epochs.EpochRefused,
            InTransaction,
            KeyUnusable,
            Lagging,
            OSError,
            SignerRefused,
            TreeDamaged,
            UnicodeDecodeError,
        ) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Epoch {epoch.number}: the log is now {epoch.origin}.")
        if not epoch.extends_former:
            self.stdout.write(
                "The former log had signed more than this database holds: that part is "
                "lost, and the log says so. Tell those who keep checkpoints."
            )

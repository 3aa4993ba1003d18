"""`manage.py rotate_log_key`: a new key for the log's checkpoints."""

from argparse import ArgumentParser
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
    """The former key signs beside the new one for 30 days."""

    help = "Make a new signing key for the log."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--because", required=True, help="kept in the log")
        parser.add_argument(
            "--compromised",
            action="store_true",
            help="others may hold the key: end it at once and open a new epoch",
        )

    def handle(self, *args: Any, because: str, **options: Any) -> None:
        by, at = access.system_user(), timezone.now()
        try:
            with through("command"):
                if options["compromised"]:
                    epoch = epochs.replace_compromised_key(
                        because=because, by=by, at=at
                    )
                    line = (
                        f"The key is replaced; the log is {epoch.origin} from now on."
                    )
                else:
                    vkey = epochs.rotate_key(because=because, by=by, at=at)
                    line = f"The log signs with {vkey}"
        except (
            epochs.EpochRefused,
            InTransaction,
            KeyUnusable,
            Lagging,
            SignerRefused,
            TreeDamaged,
        ) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(line)

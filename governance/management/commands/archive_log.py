"""`manage.py archive_log`: take old partitions of the log out of the database."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import CommandError
from django.db import Error
from django.utils import timezone
from django.utils.translation import gettext as _

from audits import archive, keeping
from audits.export.export import ExportError
from audits.integration import InTransaction, Lagging
from audits.keys import KeyUnusable
from audits.signer import SignerRefused
from audits.verification import CannotVerify
from governance import access
from governance.management.base import DatabaseCommand

_REFUSALS = (
    archive.CannotArchive,
    keeping.UnderLegalHold,
    keeping.NoRule,
    ExportError,
    InTransaction,
    Lagging,
    KeyUnusable,
    SignerRefused,
    CannotVerify,
    Error,
)


class Command(DatabaseCommand):
    """Whole partitions only; run again after an interruption."""

    help = "Archive old partitions of the log that are exported and no longer kept."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which ones, why, and whether to delete them here."""
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument(
            "--before",
            type=date.fromisoformat,
            metavar="DATE",
            help="partitions all of whose entries are older than this day",
        )
        which.add_argument("--partition", metavar="NAME")
        parser.add_argument("--because", required=True, help="kept in the log")
        parser.add_argument("--yes", action="store_true", help="do it")
        parser.add_argument(
            "--drop", action="store_true", help="delete the detached partition as well"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Say which ones; with --yes archive them, oldest first."""
        names = [options["partition"]]
        if options["before"]:
            names = archive.older_than(options["before"])
        if not names:
            self.stdout.write(_("No partition is that old."))
        if not options["yes"]:
            for name in names:
                self.stdout.write(_("Would archive %(name)s.") % {"name": name})
            self.stdout.write(_("Nothing was done; add --yes."))
            return
        for name in names:
            try:
                archive.archive(
                    partition=name,
                    because=options["because"],
                    by=access.system_user(),
                    at=timezone.now(),
                    drop=options["drop"],
                    say=self.stdout.write,
                )
            except _REFUSALS as error:
                raise CommandError(str(error).strip()) from error

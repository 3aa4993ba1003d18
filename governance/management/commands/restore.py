"""`manage.py restore DIR`: a backup into an empty database, and is it an old one?"""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import Error
from django.utils import timezone
from django.utils.translation import gettext as _

from audits.epochs import EpochRefused
from audits.export.destination import ExportError
from audits.integration import Lagging
from audits.keys import KeyUnusable
from audits.signer import SignerRefused
from governance import access, backup, embedded, restoring
from registry.acts import through

_REFUSALS = (
    backup.BackupBroken,
    backup.BackupFailed,
    restoring.RestoreRefused,
    embedded.EmbeddedFailure,
    psycopg.Error,
    Error,
    OSError,
)
_UNANSWERED = (EpochRefused, ExportError, KeyUnusable, Lagging, SignerRefused)


class Command(BaseCommand):
    """Exit 0: nothing that anybody remembers is lost, or a new epoch was opened.

    1: nothing was restored, or the comparison failed; 3: an older state was restored.
    """

    help = "Restore a backup into an empty database; say what is lost."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="a folder made by backup")
        parser.add_argument(
            "--superuser-url",
            default="",
            help="the empty database as a superuser; not for the embedded PostgreSQL",
        )
        parser.add_argument(
            "--open-epoch",
            default="",
            metavar="TEXT",
            help="if an older state was restored: go on under a new name, because TEXT",
        )

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        superuser = options["superuser_url"]
        ours = None if settings.DATABASE_URL_GIVEN else settings.VAR_DIR / "postgres"
        if ours is None and not superuser:
            raise CommandError(
                _("Name the empty database as a superuser: --superuser-url.")
            )
        started = ours is not None and not embedded.is_running(ours)
        try:
            if ours is not None:
                embedded.start(ours)
                superuser = superuser or embedded.dsn_for(ours, user="postgres")
            self._restore(folder, superuser, options["open_epoch"])
        except _REFUSALS as error:
            raise CommandError(
                _("Not restored: %(why)s") % {"why": str(error).strip()}
            ) from error
        except _UNANSWERED as error:
            raise CommandError(
                _("The data is restored, but could not be compared: %(why)s")
                % {"why": error}
            ) from error
        finally:
            if ours is not None and started:
                embedded.stop(ours)

    def _restore(self, folder: Path, superuser: str, because: str) -> None:
        done = restoring.restore(
            folder=folder, superuser=superuser, say=self.stdout.write
        )
        for comparison in done.comparisons:
            self.stdout.write(comparison.text)
        if not done.comparisons:
            self.stdout.write(
                _(
                    "Nobody remembers the log: neither the key folder nor an export. "
                    "Whether this is its newest state cannot be told."
                )
            )
        if done.holds:
            return
        if not because:
            self.stdout.write(
                _(
                    "An older state was restored. Signing is refused until: "
                    'manage.py open_epoch --because "..."'
                )
            )
            sys.exit(3)
        with through("command"):
            epoch = restoring.open_epoch(
                restored=done,
                because=because,
                by=access.system_user(),
                at=timezone.now(),
            )
        self.stdout.write(
            _("Epoch %(number)d: the log goes on as %(origin)s.")
            % {"number": epoch.number, "origin": epoch.origin}
        )

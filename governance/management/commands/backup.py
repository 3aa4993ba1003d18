"""`manage.py backup DIR`: the database and the stored files, with their digests."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from governance import backup, embedded
from governance.management.base import DatabaseCommand


class Command(DatabaseCommand):
    """Safe beside running processes; whole as soon as `manifest.json` is there."""

    help = "Back up the database and the stored files. The keys are not included."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="a new or empty folder")
        parser.add_argument(
            "--hard-link",
            action="store_true",
            help="link the stored files: saves space, does not survive the disk",
        )

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        ours = None if settings.DATABASE_URL_GIVEN else settings.VAR_DIR / "postgres"
        started = ours is not None and not embedded.is_running(ours)
        try:
            if ours is not None:
                embedded.start(ours)
            made = backup.make(
                into=folder, at=timezone.now(), hard_link=options["hard_link"]
            )
        except (backup.BackupFailed, embedded.EmbeddedFailure, OSError) as error:
            raise CommandError(str(error)) from error
        finally:
            if ours is not None and started:
                embedded.stop(ours)
        self.stdout.write(
            _("Backed up %(leaves)d leaves of %(origin)s and %(files)d files.")
            % {
                "leaves": made.leaves,
                "origin": made.origin,
                "files": len(made.files),
            }
        )
        self.stdout.write(
            _("SHA-256 of manifest.json, to be kept elsewhere: %(digest)s")
            % {"digest": made.sha256}
        )
        for gap in made.not_included:
            self.stdout.write(_("Not included: %(gap)s") % {"gap": gap})

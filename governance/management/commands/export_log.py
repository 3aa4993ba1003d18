"""`manage.py export_log`: copy what is signed to storage that cannot be changed."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import Error
from django.utils import timezone
from django.utils.translation import gettext as _

from audits.export.destination import Contradiction, DestinationBroken
from audits.export.export import Exported, ExportError, export
from audits.integration import InTransaction
from audits.keys import KeyUnusable


class Command(BaseCommand):
    """Exit 0: all that is signed is there; 1: it contradicts; 2: it did not work."""

    help = "Export the log to write-once storage and go on where the last export ended."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--to",
            default=settings.FREIGABE_EXPORT,
            help="a directory or s3://bucket/prefix; otherwise FREIGABE_EXPORT",
        )
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        show = None if options["json"] or not sys.stderr.isatty() else self._progress
        if not options["to"]:
            self._report(_("Name a destination: --to or FREIGABE_EXPORT."), options, 2)
        try:
            done = export(to=options["to"], at=timezone.now(), progress=show)
        except (Contradiction, DestinationBroken) as error:
            self._report(str(error), options, 1)
        except (ExportError, InTransaction, KeyUnusable, Error) as error:
            self._report(str(error).strip(), options, 2)
        else:
            self._print(done, as_json=options["json"])

    def _progress(self, done: int, total: int) -> None:
        self.stderr.write(f"\r{done:,} / {total:,}", ending="")

    def _report(self, why: str, options: dict[str, Any], code: int) -> None:
        if options["json"]:
            ok = False if code == 1 else None
            self.stdout.write(json.dumps({"ok": ok, "error": why}, ensure_ascii=False))
        self.stderr.write(_("The log was not exported: %(why)s") % {"why": why})
        sys.exit(code)

    def _print(self, done: Exported, *, as_json: bool) -> None:
        if as_json:
            document = {"ok": True, **asdict(done)}
            self.stdout.write(json.dumps(document, ensure_ascii=False))
            return
        self.stdout.write(
            _(
                "%(destination)s holds %(size)d leaves; %(added)d are new. "
                "Manifest %(number)d has the SHA-256 %(digest)s."
            )
            % {
                "destination": done.destination,
                "size": done.size,
                "added": done.added,
                "number": done.number,
                "digest": done.manifest_sha256,
            }
        )
        if not done.pointer_current:
            self.stdout.write(
                _("The file `checkpoint` could not be replaced and is an older one.")
            )

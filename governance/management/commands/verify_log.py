"""`manage.py verify_log`: does the log hold, and do the tables agree with it?"""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error
from django.utils.translation import gettext as _

from audits.integration import InTransaction
from audits.models import Sequencer
from audits.verification import CannotVerify, Level, Verdict, verify


class Command(BaseCommand):
    """Exit 0: everything holds; 1: it does not; 2: it could not be checked."""

    help = "Check the log: hashes, signatures, triggers, and every row against it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--since",
            type=int,
            metavar="SIZE",
            help="trust the signed checkpoint of this size; hash only what came after",
        )
        parser.add_argument(
            "--trusted",
            type=Path,
            metavar="FILE",
            help="a checkpoint that you kept: the log must contain that tree",
        )
        parser.add_argument(
            "--level",
            choices=[*Level, "proof", "bundle"],
            default=Level.REPLAY,
            help="history, log or replay; proof and bundle need no database: "
            "python -m audits.offline",
        )
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["level"] in ("proof", "bundle"):
            raise CommandError("Use python -m audits.offline FILE for that level.")
        show = None if options["json"] or not sys.stderr.isatty() else self._progress
        kept = options["trusted"]
        try:
            verdict = verify(
                level=Level(options["level"]),
                since=options["since"],
                trusted=kept.read_text() if kept else None,
                progress=show,
            )
        except (
            CannotVerify,
            InTransaction,
            Error,
            OSError,
            UnicodeDecodeError,
            Sequencer.DoesNotExist,
        ) as error:
            self._report_unchecked(str(error).strip(), as_json=options["json"])
            sys.exit(2)
        if options["json"]:
            self.stdout.write(json.dumps(verdict.as_json(), ensure_ascii=False))
        else:
            self._print(verdict)
        sys.exit(0 if verdict.ok else 1)

    def _progress(self, done: int, total: int) -> None:
        self.stderr.write(f"\r{done:,} / {total:,}", ending="")

    def _report_unchecked(self, why: str, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"ok": None, "error": why}))
        self.stderr.write(_("The log could not be checked: %(why)s") % {"why": why})

    def _print(self, verdict: Verdict) -> None:
        for finding in verdict.findings:
            self.stdout.write(f"FAIL {finding.text}")
        self.stdout.write(
            _(
                "Checked %(leaves)d leaves, %(checkpoints)d checkpoints and "
                "%(tables)d tables."
            )
            % {
                "leaves": verdict.checked.get("leaves", 0),
                "checkpoints": verdict.checked.get("checkpoints", 0),
                "tables": verdict.checked.get("tables", 0),
            }
        )
        for text in verdict.noticed:
            self.stdout.write(_("Noticed: %(text)s") % {"text": text})
        for gap in verdict.not_covered:
            self.stdout.write(_("Not covered: %(gap)s") % {"gap": gap})
        self.stdout.write(
            _("OK: everything that was checked holds.")
            if verdict.ok
            else _("FAILED: %(count)d findings.") % {"count": len(verdict.findings)}
        )

"""`manage.py export_events`: what happened, as OCSF JSON lines for the SIEM."""

import json
import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from audits import log
from governance import siem
from governance.management.base import DatabaseCommand


class Command(DatabaseCommand):
    """Prints events; with --cursor-file it goes on where it ended."""

    help = "Print decisions, approvals, role changes and rule results as OCSF events."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to begin: --after, or what the cursor file says."""
        parser.add_argument("--after", type=int, default=None, help="a cursor")
        parser.add_argument("--cursor-file", type=Path, default=None)

    def handle(self, **options: Any) -> None:
        """Every event that the log has; the cursor moves after they were written."""
        file: Path | None = options["cursor_file"]
        after = _begin(options["after"], file)
        while True:
            try:
                page = siem.read(after=after)
            except log.NotInLog as error:
                raise CommandError(str(error)) from error
            for event in page.events:
                self.stdout.write(json.dumps(event))
            self.stdout.flush()
            after = page.after
            if file is not None:
                _keep(file, after)
            if not page.more:
                break
        if file is None:
            sys.stderr.write(f"cursor {after}\n")


def _begin(after: int | None, file: Path | None) -> int:
    """The cursor to begin at. Raises `CommandError` for one that cannot be read."""
    text = str(after) if after is not None else "0"
    if after is None and file is not None and file.exists():
        text = file.read_text().strip()
    if not text.isascii() or not text.isdigit():
        raise CommandError(f"{text!r} is no cursor: a whole number, 0 or more.")
    return int(text)


def _keep(file: Path, after: int) -> None:
    """Replace the file at once: a crash leaves the old cursor or the new one."""
    new = file.with_name(f"{file.name}.new")
    with new.open("w") as stream:
        stream.write(f"{after}\n")
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(file)

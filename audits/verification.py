"""Check the whole log: hashes, signatures, guards, and the live tables against it."""

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import DataError, transaction

from audits import log, outsidecheck
from audits.archivecheck import check_archives
from audits.findings import Finding, Findings
from audits.guardcheck import check_guards
from audits.integration import require_autocommit
from audits.keys import KeyUnusable
from audits.models import Checkpoint, Verification
from audits.note import Checkpoint as SignedTree
from audits.note import NoteMalformed, NoteUnverified, open_checkpoint
from audits.notices import notice
from audits.replay import check_rows
from audits.signer import Signer
from audits.snapshot import one_moment
from audits.treecheck import Progress, check_tail, check_tree
from registry.acts import acting

_NEVER = 2**62  # no log has so many leaves


class CannotVerify(Exception):
    """The check could not be made, so it says nothing; the text says why."""


class Level(StrEnum):
    """How deep a check goes; each contains the one before it."""

    HISTORY = "history"  # every signed root is a prefix of the one tree of leaves
    LOG = "log"  # and every leaf is the hash of its entry
    REPLAY = "replay"  # and entries, guards and live tables agree


@dataclass(frozen=True)
class Verdict:
    """The result of one verification, and what it does not speak of."""

    level: Level
    ok: bool
    size: int
    findings: tuple[Finding, ...]
    noticed: tuple[str, ...]
    not_covered: tuple[str, ...]
    checked: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """Return the verdict as JSON-ready values."""
        return asdict(self) | {"findings": [asdict(item) for item in self.findings]}


def verify(
    *,
    level: Level = Level.REPLAY,
    since: int | None = None,
    trusted: str | None = None,
    progress: Progress | None = None,
) -> Verdict:
    """Check what the log promises, on one snapshot, changing nothing.

    With `since`, the entries below that signed size are not hashed again. `trusted` is
    a checkpoint that the caller kept: the log must contain that tree. Raises
    CannotVerify without a usable key, without a checkpoint of that size, or when
    `trusted` is none of this log, and integration.InTransaction inside a transaction.
    """
    require_autocommit()
    found = Findings()
    # Read before the snapshot is taken: it can then never be ahead of the log.
    signer, outside = _signer_and_memory(found, trusted)
    exported = outsidecheck.read_export(found) if level == Level.REPLAY else None
    with one_moment():
        if since is not None:
            _require_checkpoint(found, since)
        size = check_tree(
            found,
            verifiers=signer.verifiers if signer else None,
            remembered=outside,
            since=_NEVER if level == Level.HISTORY else since or 0,
            progress=progress,
        )
        tail = 0
        if level != Level.HISTORY:
            tail = check_tail(found)
        if level == Level.REPLAY:
            check_guards(found)
            check_archives(found)
            _replay(found)
            outsidecheck.check_outside(found, exported)
            notice(found)
        _say_what_is_not_covered(found, signer, level, size, tail)
    not_covered = (*found.not_covered, *found.overflow())
    kept, noticed = tuple(found.kept), tuple(found.noticed)
    return Verdict(
        level, not kept, size, kept, noticed, not_covered, dict(found.checked)
    )


def run_and_record(*, at: datetime, since: int | None = None) -> Verification:
    """Verify and keep the result for pages and the gate. Raises what verify() does."""
    verdict = verify(since=since)
    with acting(by="audits.verification"):
        return Verification.objects.create(
            ran_at=at,
            level=verdict.level,
            ok=verdict.ok,
            size=verdict.size,
            findings=[asdict(item) for item in verdict.findings],
            noticed=list(verdict.noticed),
            not_covered=list(verdict.not_covered),
        )


def _signer_and_memory(
    found: Findings, trusted: str | None
) -> tuple[Signer | None, list[SignedTree]]:
    try:
        signer = outsidecheck.open_signer()
    except KeyUnusable as error:
        raise CannotVerify(f"Checkpoints cannot be checked: {error}") from error
    trees = outsidecheck.remembered(found, signer)
    if trusted is not None:
        trees.append(_read_trusted(trusted, signer))
    return signer, trees


def _read_trusted(note: str, signer: Signer | None) -> SignedTree:
    """Read a checkpoint that one of the log's keys signed under any of its names."""
    if signer is None:
        raise CannotVerify("This log has signed nothing yet.")
    try:
        return open_checkpoint(note, *signer.verifiers(note.partition("\n")[0]))
    except (NoteMalformed, NoteUnverified) as error:
        raise CannotVerify(
            f"The trusted checkpoint is none of this log: {error}"
        ) from error


def _require_checkpoint(found: Findings, since: int) -> None:
    if since and not Checkpoint.objects.filter(tree_size=since).exists():
        raise CannotVerify(f"There is no checkpoint of {since} leaves to start from.")
    found.not_covered.append(
        f"The bodies of the first {since} entries were not hashed again (--since)."
    )


def _replay(found: Findings) -> None:
    """Replay; an entry that the database cannot read as JSON stops it, and is said."""
    try:
        with transaction.atomic():
            check_rows(found)
    except DataError as error:
        reason = str(error).partition("\n")[0]
        found.add(
            "replay",
            f"the tables could not be replayed: {reason}",
            "every body is the JSON text that the database wrote",
        )


def _say_what_is_not_covered(
    found: Findings, signer: Signer | None, level: Level, size: int, tail: int
) -> None:
    if level == Level.HISTORY:
        found.not_covered.append("Entries were not hashed (level history).")
    if level != Level.REPLAY:
        found.not_covered.append(
            f"The live tables and the guards were not compared (level {level})."
        )
    if tail:
        found.not_covered.append(
            f"{tail} entries have no leaf yet: they were replayed, but not hashed."
        )
    if found.checked["archived"]:
        found.not_covered.append(
            f"{found.checked['archived']} entries are archived: their leaves are in "
            "the tree, their text is in the export (python -m audits.offline)."
        )
    last = log.latest_checkpoint()
    unsigned = size - (last.tree_size if last else 0)
    if signer is None or last is None:
        found.not_covered.append("No checkpoint has been signed yet.")
    elif unsigned > 0:
        found.not_covered.append(
            f"{unsigned} leaves are not yet in a signed checkpoint."
        )

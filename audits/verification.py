"""Check the whole log: hashes, signatures, triggers, and the live tables against it."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import DataError, connection, transaction

from audits import capture, log
from audits.findings import Finding, Findings
from audits.integration import require_autocommit
from audits.keys import KeyUnusable
from audits.models import Checkpoint, Verification
from audits.note import Checkpoint as SignedTree
from audits.replay import check_rows
from audits.signer import Signer, SignerRefused
from audits.treecheck import Progress, check_tail, check_tree
from registry.acts import acting

# Comparing rows needs the settings under which the capture function wrote them.
_SETTINGS = """
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD';
SET LOCAL intervalstyle = 'postgres'; SET LOCAL bytea_output = 'hex';
SET LOCAL extra_float_digits = 1
"""
NO_WITNESS = (
    "No witness or time stamp outside this installation is configured: whoever holds "
    "both the database and the signing key could rewrite the log unnoticed."
)


class CannotVerify(Exception):
    """The check could not be made, so it says nothing; the text says why."""


@dataclass(frozen=True)
class Verdict:
    """The result of one verification, and what it does not speak of."""

    ok: bool
    size: int
    findings: tuple[Finding, ...]
    not_covered: tuple[str, ...]
    checked: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """Return the verdict as JSON-ready values."""
        return asdict(self) | {"findings": [asdict(item) for item in self.findings]}


def verify(*, since: int | None = None, progress: Progress | None = None) -> Verdict:
    """Check everything that the log promises, on one snapshot, changing nothing.

    With `since`, the entries below that signed size are not hashed again. Raises
    CannotVerify without a usable key or without a checkpoint of that size, and
    integration.InTransaction inside a transaction.
    """
    require_autocommit()
    found = Findings()
    signer = _signer()
    # Read before the snapshot is taken: it can then never be ahead of the log.
    remembered = _remembered(found, signer)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_SETTINGS)
        if since is not None:
            _require_checkpoint(found, since)
        verifiers = signer.verifiers if signer else None
        size = check_tree(
            found,
            verifiers=verifiers,
            remembered=remembered,
            since=since or 0,
            progress=progress,
        )
        tail = check_tail(found)
        _check_capture(found)
        _replay(found)
        _say_what_is_not_covered(found, signer, size, tail)
    not_covered = (*found.not_covered, *found.overflow())
    kept = tuple(found.kept)
    return Verdict(not kept, size, kept, not_covered, dict(found.checked))


def run_and_record(*, at: datetime, since: int | None = None) -> Verification:
    """Verify and keep the result for pages and the gate. Raises what verify() does."""
    verdict = verify(since=since)
    with acting(by="audits.verification"):
        return Verification.objects.create(
            ran_at=at,
            ok=verdict.ok,
            size=verdict.size,
            findings=[asdict(item) for item in verdict.findings],
            not_covered=list(verdict.not_covered),
        )


def _signer() -> Signer | None:
    """Return the signer, or None where nothing has been signed yet."""
    try:
        return log.signer(create=False)
    except KeyUnusable as error:
        if Checkpoint.objects.exists():
            raise CannotVerify(f"Checkpoints cannot be checked: {error}") from error
        return None


def _remembered(found: Findings, signer: Signer | None) -> SignedTree | None:
    if signer is None:
        return None
    try:
        return signer.remembered()
    except SignerRefused as error:
        found.add("signer", str(error), "the signer remembers what it signed")
        return None


def _check_capture(found: Findings) -> None:
    """Compare triggers, functions and rules with what capture.sql installs."""
    with connection.cursor() as cursor:
        tables = capture.present_tables(cursor)
        cursor.execute(
            "SELECT tablename, rulename FROM pg_rules WHERE schemaname = 'public'"
        )
        for table, rule in cursor.fetchall():
            what = f"rule {rule} rewrites statements"
            _capture(found, what, "no rule may hide a change", table)
    present = capture.present_triggers()
    by_name = {(trigger.table, trigger.name): trigger for trigger in present}
    expected = capture.expected_triggers(tables)
    for trigger in expected:
        seen = by_name.pop((trigger.table, trigger.name), None)
        if seen is None:
            what = f"trigger {trigger.name} is missing"
        elif not seen.always:
            what = f"trigger {trigger.name} is disabled or not ENABLE ALWAYS"
        elif seen != trigger:
            what = f"trigger {trigger.name} is another one: {seen}"
        else:
            continue
        _capture(found, what, "every table is captured, always", trigger.table)
    guarded = {trigger.table for trigger in expected}
    for table, name in sorted(by_name):
        if table in guarded:
            what = f"trigger {name} does not belong here"
            _capture(found, what, "nothing may alter rows on their way", table)
    functions = {function.name: function for function in capture.present_functions()}
    for function in capture.expected_functions():
        if functions.get(function.name) != function:
            what = f"function {function.name} is not the one of capture.sql"
            _capture(found, what, "the capture functions are those of the release", "")


def _capture(found: Findings, what: str, because: str, table: str) -> None:
    found.add("capture", what, because, table=f"public.{table}" if table else "")


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
    found: Findings, signer: Signer | None, size: int, tail: int
) -> None:
    if tail:
        found.not_covered.append(
            f"{tail} entries have no leaf yet: they were replayed, but not hashed."
        )
    last = log.latest_checkpoint()
    unsigned = size - (last.tree_size if last else 0)
    if signer is None or last is None:
        found.not_covered.append("No checkpoint has been signed yet.")
    elif unsigned > 0:
        found.not_covered.append(
            f"{unsigned} leaves are not yet in a signed checkpoint."
        )
    found.not_covered.append(NO_WITNESS)

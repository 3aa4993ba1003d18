"""`python -m audits.offline FILE`: check a permit, proof, extract, export or dossier.

Plain Python and `cryptography`: no database, no settings, no network.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from audits.bundles import KEYS
from audits.cosignature import Cosigner, parse_cosigner
from audits.lots import FORMAT as SAMPLE
from audits.note import Checkpoint, NoteMalformed
from audits.offline.bundle import check_bundle
from audits.offline.decision import FORMAT as DECISION
from audits.offline.decision import check_decision
from audits.offline.disclosure import FORMAT as DISCLOSURE
from audits.offline.disclosure import check_disclosure
from audits.offline.dossier import check_dossier
from audits.offline.extract import check_extract, check_proof, open_signed
from audits.offline.packed import read_bundle
from audits.offline.permit import Expected, Permit, check_permit, read_json
from audits.offline.report import DoesNotHold, Report
from audits.offline.revoked import check_revoked
from audits.offline.sample import check_sample
from audits.offline.source import Files, open_export
from audits.proof_files import HEADER
from audits.trusted import CannotCheck, TrustedKeys, read_keys

LARGEST_FILE = 256 * 1024**2


def main(arguments: Sequence[str] | None = None) -> int:
    """Check one file or export; 0: it holds, 1: it does not, 2: not checkable."""
    given = _parser().parse_args(arguments)
    report = Report()
    try:
        members = read_bundle(given.file)
        keys = read_keys(given.key, given.file, (members or {}).get(KEYS))
        _check(given, members, keys, report)
        holds = not report.found.kept
        code = 0 if holds else 1
        last = "HOLDS: everything that was checked is right."
        if not holds:
            last = f"DOES NOT HOLD: {len(report.found.kept)} findings."
    except DoesNotHold as error:
        code, last = 1, f"DOES NOT HOLD: {error}"
    except CannotCheck as error:
        code, last = 2, f"COULD NOT BE CHECKED: {error}"
    if given.json:
        verdict = report.as_json({0: True, 1: False}.get(code), last)
        sys.stdout.write(json.dumps(verdict, ensure_ascii=False) + "\n")
    else:
        _print(report, last)
    return code


def check(
    text: str,
    keys: TrustedKeys,
    at: datetime,
    report: Report,
    entry: bytes | None = None,
    expected: Expected | None = None,
) -> Permit | None:
    """Recognise a single file and check it; `entry` goes with a proof without one.

    Answers the permit, if it is one. Raises DoesNotHold or CannotCheck.
    """
    if text.startswith(HEADER + "\n"):
        check_proof(text, keys, report, entry)
        return None
    if entry is not None:
        raise CannotCheck("--entry goes with a tlog-proof only.")
    document = read_json(text)
    if not isinstance(document, dict):
        raise CannotCheck("The file is neither a permit nor a log extract.")
    if document.get("format") == DECISION:
        return check_decision(document, keys, at, report, expected)
    if document.get("format") in (DISCLOSURE, SAMPLE):
        _check_named(document, keys, report)
        return None
    if "permit" in document and "payloadType" not in document:
        document = document["permit"]
        if not isinstance(document, dict):
            raise CannotCheck("This answer of the gate carries no permit.")
    if "payloadType" in document:
        return check_permit(document, keys, at, report, expected)
    if "checkpoint" not in document or "entries" not in document:
        raise CannotCheck("The file is neither a permit nor a log extract.")
    check_extract(document, keys, report)
    return None


def _check_named(document: dict[str, Any], keys: TrustedKeys, report: Report) -> None:
    """Check what says by its format what it is, and is no permit."""
    if document["format"] == SAMPLE:
        check_sample(document, keys, report)
    else:
        check_disclosure(document, report)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m audits.offline", description=__doc__
    )
    parser.add_argument(
        "file",
        type=Path,
        help="a permit, tlog-proof, log extract, sample, export (folder or zip), or "
        "the bundle of a dossier",
    )
    parser.add_argument(
        "--key", help="keys.json, a PEM public key, or NAME+HASH+KEY; as file or text"
    )
    parser.add_argument(
        "--at", type=_moment, default=None, help="judge expiry at this time (ISO 8601)"
    )
    parser.add_argument(
        "--entry", type=Path, help="the entry that a tlog-proof without one is about"
    )
    parser.add_argument(
        "--since",
        type=Path,
        metavar="CHECKPOINT_FILE",
        help="a checkpoint that you kept: the export must begin with its leaves",
    )
    parser.add_argument(
        "--witness",
        action="append",
        default=[],
        help="a witness's key (NAME+HASH+KEY), or a file with one on each line",
    )
    parser.add_argument(
        "--artifact", type=Path, help="the model file that the permit must be for"
    )
    parser.add_argument(
        "--environment", type=_word, help="where the permit must be for"
    )
    parser.add_argument(
        "--revoked", type=Path, help="the signed list of the revoked that is at hand"
    )
    parser.add_argument(
        "--seen",
        type=Path,
        help="a file that keeps the highest number of a list: older ones are refused",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _check(
    given: argparse.Namespace,
    members: dict[str, bytes] | None,
    keys: TrustedKeys,
    report: Report,
) -> None:
    report.not_checked += keys.warnings
    if members is not None:
        check_dossier(members, keys, report)
        return
    files = open_export(given.file)
    if files:
        with closing(files):
            _check_export(files, keys, report, given)
        return
    if given.since or given.witness:
        raise CannotCheck(
            "--since and --witness go with an export (folder or zip) only."
        )
    entry = _read(given.entry).encode() if given.entry else None
    at = given.at or datetime.now(UTC)
    sha256 = _digest(given.artifact) if given.artifact else ""
    expected = Expected(sha256, given.environment or "")
    permit = check(_read(given.file), keys, at, report, entry, expected)
    _check_revoked(permit, given, keys, at, report)


def _check_revoked(
    permit: Permit | None,
    given: argparse.Namespace,
    keys: TrustedKeys,
    at: datetime,
    report: Report,
) -> None:
    if permit is None:
        if given.revoked or given.artifact or given.environment:
            raise CannotCheck(
                "--revoked, --artifact and --environment go with a permit only."
            )
        return
    if given.revoked is None:
        report.not_checked.append(
            "whether the permit was revoked since (GET permits/revoked, --revoked)."
        )
        return
    document = read_json(_read(given.revoked))
    check_revoked(permit, document, keys, at, report, seen=given.seen)


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CannotCheck(f"{path} cannot be read: {error.strerror}.") from error


def _check_export(
    files: Files,
    keys: TrustedKeys,
    report: Report,
    given: argparse.Namespace,
) -> None:
    show = None if given.json or not sys.stderr.isatty() else _progress
    check_bundle(
        files,
        keys,
        report,
        since=_trusted(given.since, keys) if given.since else None,
        witnesses=[key for text in given.witness for key in _witnesses(text)],
        progress=show,
    )
    if show:
        sys.stderr.write("\n")


def _progress(done: int, total: int) -> None:
    sys.stderr.write(f"\r{done:,} / {total:,} leaves")


def _trusted(path: Path, keys: TrustedKeys) -> Checkpoint:
    """Read the checkpoint that the auditor kept; it must be signed as well."""
    try:
        return open_signed(_read(path), keys)
    except DoesNotHold as error:
        raise CannotCheck(f"{path} is no checkpoint to start from: {error}") from error


def _witnesses(text: str) -> list[Cosigner]:
    """Read keys of witnesses; in a file, the last word of each line that has words."""
    try:
        if len(text) < 4096 and Path(text).is_file():
            lines = [line.split() for line in _read(Path(text)).splitlines()]
            words = [line[-1] for line in lines if line and line[0][0] != "#"]
        else:
            words = [text]
        return [parse_cosigner(word) for word in words]
    except (NoteMalformed, OSError, ValueError) as error:
        raise CannotCheck(f"The witness's key cannot be used: {error}") from error


def _print(report: Report, last: str) -> None:
    say = sys.stdout.write
    for finding in report.found.kept:
        say(f"FAIL {finding.text}\n")
    for line in report.checked:
        say(f"Checked: {line}\n")
    for line in [*report.not_checked, *report.found.overflow()]:
        say(f"Not checked: {line}\n")
    say(f"{last}\n")


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise CannotCheck(f"{path} is larger than {LARGEST_FILE} bytes.")
        return path.read_bytes().decode()
    except OSError as error:
        raise CannotCheck(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CannotCheck(f"{path} is neither text nor an export.") from error


def _word(text: str) -> str:
    """Not nothing: of a variable that was never set, nothing would be compared."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty")
    return text


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

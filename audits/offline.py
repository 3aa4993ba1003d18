"""`python -m audits.offline FILE`: check a permit or a log extract without Freigabe.

Plain Python and `cryptography`: no database, no settings, no network.
"""

import argparse
import base64
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from audits import dsse, merkle, note
from audits.trusted import CannotCheck, TrustedKeys, read_keys

LARGEST_FILE = 256 * 1024**2
STATEMENT = "https://in-toto.io/Statement/v1"
PROOF_HEADER = "c2sp.org/tlog-proof@v1"


class DoesNotHold(Exception):
    """Something in the file is wrong; the text says what."""


@dataclass
class Report:
    """What was checked and what was not, in plain words."""

    checked: list[str] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Check one file; 0: it holds, 1: it does not, 2: it could not be checked."""
    parser = argparse.ArgumentParser(
        prog="python -m audits.offline", description=__doc__
    )
    parser.add_argument(
        "file", type=Path, help="a permit, a tlog-proof or a log extract"
    )
    parser.add_argument(
        "--key", help="keys.json, a PEM public key, or NAME+HASH+KEY; as file or text"
    )
    parser.add_argument(
        "--at", type=_moment, default=None, help="judge expiry at this time (ISO 8601)"
    )
    given = parser.parse_args(arguments)
    report, say = Report(), sys.stdout.write
    try:
        keys = read_keys(given.key, given.file)
        check(_read(given.file), keys, given.at or datetime.now(UTC), report)
        code, last = 0, "HOLDS: everything that was checked is right."
    except DoesNotHold as error:
        code, last = 1, f"DOES NOT HOLD: {error}"
    except CannotCheck as error:
        code, last = 2, f"COULD NOT BE CHECKED: {error}"
    for line in report.checked:
        say(f"Checked: {line}\n")
    for line in report.not_checked:
        say(f"Not checked: {line}\n")
    say(f"{last}\n")
    return code


def check(text: str, keys: TrustedKeys, at: datetime, report: Report) -> None:
    """Recognise the file and check it. Raises DoesNotHold or CannotCheck."""
    if keys.warning:
        report.not_checked.append(keys.warning)
    if text.startswith(PROOF_HEADER + "\n"):
        _check_extract(_parse_proof(text), keys, report)
        return
    document = _json(text)
    if not isinstance(document, dict):
        raise CannotCheck("The file is neither a permit nor a log extract.")
    if "permit" in document and "payloadType" not in document:
        document = document["permit"]
        if not isinstance(document, dict):
            raise CannotCheck("This answer of the gate carries no permit.")
    if "payloadType" in document:
        _check_permit(document, keys, at, report)
    elif "checkpoint" in document and "entries" in document:
        _check_extract(document, keys, report)
    else:
        raise CannotCheck("The file is neither a permit nor a log extract.")


def _check_permit(
    envelope: dict[str, Any], keys: TrustedKeys, at: datetime, report: Report
) -> None:
    """Check signature, then form, then validity (DSSE: never parse before)."""
    if not keys.permit:
        raise CannotCheck("No public key for permits was given.")
    try:
        payload = dsse.verify(envelope, keys.permit)
    except (dsse.EnvelopeMalformed, dsse.EnvelopeUnverified) as error:
        raise DoesNotHold(str(error)) from error
    report.checked.append("the envelope's signature, with a key that you trust.")
    statement = _json(payload.decode(errors="replace"))
    subject, predicate = _parts_of(statement)
    for name, digest in subject:
        report.checked.append(f"it speaks of {name} with SHA-256 {digest}.")
    start, end = (_time_in(predicate, name) for name in ("valid_from", "valid_until"))
    decision, place = predicate.get("decision"), predicate.get("environment")
    if decision != "allow":
        raise DoesNotHold(f"The statement's decision is {decision!r}, not 'allow'.")
    if not isinstance(place, str) or not place:
        raise DoesNotHold("The statement names no environment.")
    if not start <= at < end:
        raise DoesNotHold(f"The permit is valid from {start} until {end}, not at {at}.")
    report.checked.append(f"it allows the environment {place} from {start} to {end}.")
    report.not_checked += [
        "whether the permit was revoked since (GET permits/revoked).",
        "whether the artifact at hand has the digest above: compute it and compare.",
    ]


def _parts_of(statement: Any) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    try:
        if statement["_type"] != STATEMENT:
            raise DoesNotHold(f"The statement is of type {statement['_type']!r}.")
        subject = [
            (str(item["name"]), str(item["digest"]["sha256"]))
            for item in statement["subject"]
        ]
        predicate = statement["predicate"]
    except (KeyError, TypeError) as error:
        raise DoesNotHold(f"The statement lacks a part: {error}.") from error
    if not subject or not isinstance(predicate, dict):
        raise DoesNotHold("The statement has no subject or no predicate.")
    return subject, predicate


def _check_extract(document: dict[str, Any], keys: TrustedKeys, report: Report) -> None:
    """Check a checkpoint's signature and that each entry is under its root."""
    if not keys.logs:
        raise CannotCheck("No public key for checkpoints was given.")
    signed = _open(document["checkpoint"], keys)
    report.checked.append(
        f"the checkpoint of {signed.origin}: {signed.size} leaves, "
        f"root {signed.root.hex()}, signed with a key that you trust."
    )
    entries = document["entries"]
    if not isinstance(entries, list) or not entries:
        raise CannotCheck("The extract carries no entries.")
    for item in entries:
        _check_entry(item, signed)
    report.checked.append(f"{len(entries)} entries are in that tree, byte for byte.")
    report.not_checked += [
        "whether entries are missing from this extract.",
        "whether this log shows others another history: compare checkpoints.",
    ]


def _check_entry(item: Any, signed: note.Checkpoint) -> None:
    try:
        index, body, proof = item["index"], item["body"], item["proof"]
        if type(index) is not int or not isinstance(body, str):
            raise TypeError("index or body of the wrong type")
        hashes = [note.decode_base64(value, "a proof") for value in proof]
        merkle.verify_inclusion(
            leaf=merkle.leaf_hash(body.encode()),
            index=index,
            size=signed.size,
            proof=hashes,
            root=signed.root,
        )
    except (KeyError, TypeError, UnicodeEncodeError) as error:
        raise DoesNotHold(f"An entry of the extract is malformed: {error}.") from error
    except (merkle.ProofError, note.NoteMalformed) as error:
        raise DoesNotHold(f"Entry at leaf {index}: {error}") from error


def _open(text: Any, keys: TrustedKeys) -> note.Checkpoint:
    if not isinstance(text, str):
        raise DoesNotHold("The checkpoint is not text.")
    origin = text.partition("\n")[0]
    known = [verifier for verifier in keys.logs if verifier.name == origin]
    if not known:
        raise DoesNotHold(
            f"The checkpoint is of {origin!r}, a log that you do not trust."
        )
    try:
        return note.open_checkpoint(text, known[0])
    except (note.NoteMalformed, note.NoteUnverified) as error:
        raise DoesNotHold(str(error)) from error


def _parse_proof(text: str) -> dict[str, Any]:
    """Read a C2SP tlog-proof; its `extra` must be the entry's body, as we write it."""
    head, _, checkpoint = text.partition("\n\n")
    lines = head.split("\n")[1:]
    if not lines or not lines[0].startswith("extra "):
        raise CannotCheck(
            "The proof does not carry the entry, so nothing can be hashed."
        )
    if len(lines) < 2 or not lines[1].startswith("index ") or not checkpoint:
        raise DoesNotHold("The proof is malformed: no index or no checkpoint.")
    digits = lines[1].removeprefix("index ")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 19:
        raise DoesNotHold(f"The proof's index {digits[:40]!r} is not a number.")
    try:
        body = base64.b64decode(lines[0].removeprefix("extra "), validate=True).decode()
    except ValueError as error:
        raise DoesNotHold("The proof's extra line is not base64 text.") from error
    entry = {"index": int(digits), "body": body, "proof": lines[2:]}
    return {"checkpoint": checkpoint, "entries": [entry]}


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise CannotCheck(f"{path} is larger than {LARGEST_FILE} bytes.")
        return path.read_bytes().decode()
    except OSError as error:
        raise CannotCheck(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CannotCheck(
            f"{path} is not text; this version does not read bundles (zip) yet."
        ) from error


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CannotCheck(f"The file is not readable JSON: {error}.") from error


def _time_in(predicate: dict[str, Any], name: str) -> datetime:
    value = predicate.get(name)
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError as error:
        raise DoesNotHold(f"The statement's {name} is not a time.") from error
    if moment.tzinfo is None:
        raise DoesNotHold(f"The statement's {name} names no time zone.")
    return moment


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())

"""Check a permit: its signature, its form, its validity."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from audits import dsse, in_toto
from audits.offline.extract import open_signed
from audits.offline.report import DoesNotHold, Report
from audits.trusted import CannotCheck, TrustedKeys

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:freigabe:attestation:approval:v1"
# Two machines with NTP differ by less.
LEEWAY = timedelta(minutes=1)


@dataclass(frozen=True)
class Permit:
    """A permit whose signature, form and validity hold."""

    id: str
    issuer: str
    sha256: frozenset[str]
    predicate: dict[str, Any]


@dataclass(frozen=True)
class Expected:
    """What the verifier has at hand: the file's digest, the place; empty: unknown."""

    sha256: str = ""
    environment: str = ""


def check_permit(
    envelope: dict[str, Any],
    keys: TrustedKeys,
    at: datetime,
    report: Report,
    expected: Expected | None = None,
) -> Permit:
    """Check signature, then form, then validity (DSSE: never parse before).

    Raises DoesNotHold or CannotCheck.
    """
    report.level = "permit"
    payload, names = open_envelope(envelope, keys)
    statement = read_statement(payload)
    subject, predicate = _parts_of(statement)
    if statement.get("predicateType") != PREDICATE:
        raise DoesNotHold(
            f"The statement is a {statement.get('predicateType')!r}, not a permit."
        )
    report.checked.append("the envelope's signature, with a key that you trust.")
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
    require_window(names, keys, predicate, at)
    report.checked.append(f"it allows the environment {place} from {start} to {end}.")
    if "break_glass" in predicate:
        report.checked.append("BREAK-GLASS: it runs without approval, in an emergency.")
    _check_log(predicate, keys, report)
    digests = frozenset(digest for _name, digest in subject)
    _compare(expected or Expected(), digests, place, report)
    named = (predicate.get(name) for name in ("decision_id", "issuer"))
    name, issuer = (one if isinstance(one, str) else "" for one in named)
    return Permit(name, issuer, digests, predicate)


def open_envelope(
    envelope: object, keys: TrustedKeys, payload_type: str = dsse.IN_TOTO
) -> tuple[bytes, frozenset[str]]:
    """The payload that a trusted key of the gate signed, and the names of those keys.

    Raises DoesNotHold or CannotCheck.
    """
    if not keys.permit:
        raise CannotCheck("No public key for permits was given.")
    try:
        return dsse.signers(envelope, keys.permit, payload_type=payload_type)
    except (dsse.EnvelopeMalformed, dsse.EnvelopeUnverified) as error:
        hint = " A key named in it is reported as compromised."
        named = keys.compromised & _hints(envelope)
        raise DoesNotHold(f"{error}{hint if named else ''}") from error


def read_statement(payload: bytes) -> dict[str, Any]:
    """Strict JSON: what two readers could understand differently does not hold."""
    try:
        statement = in_toto.read(payload)
    except in_toto.StatementMalformed as error:
        raise DoesNotHold(f"The statement cannot be relied on: {error}") from error
    if not isinstance(statement, dict):
        raise DoesNotHold("The statement is not a JSON object.")
    return statement


def require_window(
    names: frozenset[str], keys: TrustedKeys, said: dict[str, Any], at: datetime
) -> None:
    """One of the keys signed within its own time, and its time is not over.

    Raises DoesNotHold.
    """
    windows = [keys.windows[name] for name in names if name in keys.windows]
    if len(windows) < len(names):
        return  # a key that was given without times
    issued = _time_in(said, "issued_at")
    for start, end in windows:
        begun = start is None or issued >= start - LEEWAY
        if begun and (end is None or (at < end and issued < end)):
            return
    raise DoesNotHold(f"The key did not count at {issued}, or counts no more.")


def read_json(text: str) -> Any:
    """Parse JSON; CannotCheck when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CannotCheck(f"The file is not readable JSON: {error}.") from error


def _hints(envelope: object) -> set[str]:
    signatures = envelope.get("signatures") if isinstance(envelope, dict) else None
    found = signatures if isinstance(signatures, list) else []
    return {str(one.get("keyid")) for one in found if isinstance(one, dict)}


def _check_log(predicate: dict[str, Any], keys: TrustedKeys, report: Report) -> None:
    """The checkpoint on which the decision rests, where a key of that log is known."""
    rested = predicate.get("log")
    note = rested.get("checkpoint") if isinstance(rested, dict) else None
    if not isinstance(note, str):
        return
    origin = note.partition("\n")[0]
    if not any(verifier.name == origin for verifier in keys.logs):
        report.not_checked.append(f"the checkpoint of {origin} on which it rests.")
        return
    signed = open_signed(note, keys)
    report.checked.append(
        f"it rests on the log {signed.origin} with {signed.size} leaves, signed."
    )


def _compare(
    expected: Expected, digests: frozenset[str], place: str, report: Report
) -> None:
    if expected.sha256 and expected.sha256 not in digests:
        raise DoesNotHold(
            f"The file at hand has SHA-256 {expected.sha256}, the permit is for "
            f"{', '.join(sorted(digests))}."
        )
    if expected.environment and expected.environment != place:
        raise DoesNotHold(f"The permit is for {place}, not for {expected.environment}.")
    if not expected.environment:
        report.not_checked.append(f"whether this is {place}: compare (--environment).")
    if expected.sha256:
        report.checked.append("the file at hand is the one that is permitted.")
    else:
        report.not_checked.append(
            "whether the artifact at hand has the digest above: compute it and compare."
        )


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


def _time_in(predicate: dict[str, Any], name: str) -> datetime:
    value = predicate.get(name)
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError as error:
        raise DoesNotHold(f"The statement's {name} is not a time.") from error
    if moment.tzinfo is None:
        raise DoesNotHold(f"The statement's {name} names no time zone.")
    return moment

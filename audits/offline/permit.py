"""Check a permit: its signature, its form, its validity."""

import json
from datetime import datetime
from typing import Any

from audits import dsse
from audits.offline.report import DoesNotHold, Report
from audits.trusted import CannotCheck, TrustedKeys

STATEMENT = "https://in-toto.io/Statement/v1"


def check_permit(
    envelope: dict[str, Any], keys: TrustedKeys, at: datetime, report: Report
) -> None:
    """Check signature, then form, then validity (DSSE: never parse before).

    Raises DoesNotHold or CannotCheck.
    """
    report.level = "permit"
    if not keys.permit:
        raise CannotCheck("No public key for permits was given.")
    try:
        payload = dsse.verify(envelope, keys.permit)
    except (dsse.EnvelopeMalformed, dsse.EnvelopeUnverified) as error:
        raise DoesNotHold(str(error)) from error
    report.checked.append("the envelope's signature, with a key that you trust.")
    statement = read_json(payload.decode(errors="replace"))
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
    if "break_glass" in predicate:
        report.checked.append("BREAK-GLASS: it runs without approval, in an emergency.")
    report.not_checked += [
        "whether the permit was revoked since (GET permits/revoked).",
        "whether the artifact at hand has the digest above: compute it and compare.",
    ]


def read_json(text: str) -> Any:
    """Parse JSON; CannotCheck when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CannotCheck(f"The file is not readable JSON: {error}.") from error


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

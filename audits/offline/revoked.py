"""Check a permit against a signed list of the revoked, and the list itself."""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from audits import in_toto
from audits.offline.permit import LEEWAY, Permit, open_envelope, require_window
from audits.offline.report import DoesNotHold, Report
from audits.trusted import CannotCheck, TrustedKeys

PAYLOAD_TYPE = "application/vnd.freigabe.revoked+json"
MAX_BYTES = 64 * 1024**2


@dataclass(frozen=True)
class RevokedList:
    """What a list says."""

    issuer: str
    sequence: int
    issued_at: datetime
    valid_until: datetime
    revoked: frozenset[str]


def check_revoked(
    permit: Permit,
    document: object,
    keys: TrustedKeys,
    at: datetime,
    report: Report,
    *,
    seen: Path | None = None,
) -> None:
    """Refuse a permit that the list names, and a list that nobody may rely on now.

    `seen` is a file with the highest number of a list so far; an older list is
    refused, and a newer one remembered. Raises DoesNotHold or CannotCheck.
    """
    payload, names = open_envelope(document, keys, PAYLOAD_TYPE)
    found = _read(payload)
    said = {"issued_at": found.issued_at.isoformat()}
    require_window(names, keys, said, at)
    if found.issuer != permit.issuer:
        raise DoesNotHold(
            f"The list is of {found.issuer}, the permit of {permit.issuer}."
        )
    if not permit.id:
        raise CannotCheck("The permit names no id, so no list can name it.")
    if permit.id in found.revoked:
        raise DoesNotHold(f"The permit {permit.id} is revoked (list {found.sequence}).")
    _require_fresh(found, at)
    if seen is not None:
        _remember(seen, found.sequence)
    report.checked.append(
        f"list {found.sequence} of the revoked, of {found.issued_at}, does not name it."
    )
    report.not_checked.append("whether it was revoked after that list was signed.")


def _require_fresh(found: RevokedList, at: datetime) -> None:
    if found.issued_at > at + LEEWAY:
        raise CannotCheck(f"The list of the revoked is of {found.issued_at}: later.")
    if at >= found.valid_until:
        raise CannotCheck(
            f"The list of the revoked is stale since {found.valid_until}: get a new "
            "one (GET permits/revoked)."
        )


def _remember(path: Path, sequence: int) -> None:
    """Refuse a lower number than the one in the file; keep the higher one."""
    try:
        known = int(path.read_text()) if path.exists() else 0
    except (OSError, ValueError) as error:
        raise CannotCheck(f"{path} does not hold the number of a list.") from error
    if sequence < known:
        raise CannotCheck(
            f"The list of the revoked has number {sequence}; {known} was seen before: "
            "somebody shows an old one."
        )
    if sequence > known:
        scratch = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            scratch.write_text(f"{sequence}\n")
            scratch.replace(path)
        except OSError as error:
            raise CannotCheck(f"{path} cannot be written.") from error


def _read(payload: bytes) -> RevokedList:
    try:
        said: Any = in_toto.decode(payload, most=MAX_BYTES)
        revoked, sequence = said["revoked"], said["sequence"]
        found = RevokedList(
            issuer=_text(said["issuer"]),
            sequence=sequence,
            issued_at=datetime.fromisoformat(_text(said["issued_at"])),
            valid_until=datetime.fromisoformat(_text(said["valid_until"])),
            revoked=frozenset(map(_text, revoked)),
        )
    except (in_toto.StatementMalformed, KeyError, TypeError, ValueError) as error:
        raise CannotCheck(f"The list of the revoked cannot be read: {error}") from error
    if not isinstance(revoked, list) or type(sequence) is not int or sequence < 1:
        raise CannotCheck("The list of the revoked has no number or no list.")
    if found.issued_at.tzinfo is None or found.valid_until.tzinfo is None:
        raise CannotCheck("The times of the list of the revoked name no time zone.")
    return found


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is missing")
    return value

"""Check a permit together with the proof that its decision is in the log."""

import hashlib
import json
from datetime import datetime
from typing import Any

from audits import in_toto, merkle, note
from audits.offline.extract import check_entry, open_signed
from audits.offline.permit import (
    Expected,
    Permit,
    check_permit,
    open_envelope,
    read_statement,
)
from audits.offline.report import DoesNotHold, Report
from audits.trusted import CannotCheck, TrustedKeys

FORMAT = "freigabe-permit-proof/1"
TABLE = "public.governance_gatedecision"
SUMMARIES = {
    "vsa": in_toto.VERIFICATION_SUMMARY,
    "svr": "https://in-toto.io/attestation/svr/v0.2",
}
DECISION_ID = "urn:freigabe:attestation:decision-id"


def check_decision(
    document: dict[str, Any],
    keys: TrustedKeys,
    at: datetime,
    report: Report,
    expected: Expected | None = None,
) -> Permit:
    """Check the permit, then its entry, its place in the signed tree, the summaries.

    Raises DoesNotHold or CannotCheck.
    """
    envelope = document.get("permit")
    if not isinstance(envelope, dict):
        raise CannotCheck("The proof carries no permit.")
    permit = check_permit(envelope, keys, at, report, expected)
    if not keys.logs:
        raise CannotCheck("No public key for checkpoints was given.")
    signed = open_signed(document.get("checkpoint"), keys)
    check_entry(document.get("entry"), signed)
    _check_body(document["entry"]["body"], envelope, permit)
    report.checked.append(
        f"the decision is entry {document['entry']['index']} of the log "
        f"{signed.origin} with {signed.size} leaves, signed with a key that you trust."
    )
    _check_growth(document.get("consistency"), permit, signed, keys, report)
    for name, kind in SUMMARIES.items():
        if document.get(name) is not None:
            _check_summary(document[name], kind, permit, keys)
            report.checked.append(f"the {name.upper()} says it of the same decision.")
    report.level = "decision"
    return permit


def _check_body(body: str, envelope: dict[str, Any], permit: Permit) -> None:
    """The entry is the insertion of this decision, with this permit."""
    try:
        entry = in_toto.read(body.encode())
        said, row = (entry["op"], entry["rel"], entry["pk"]), entry["new"]
        stored, allowed = row["permit"], row["allowed"]
    except (in_toto.StatementMalformed, KeyError, TypeError) as error:
        raise DoesNotHold(f"The entry is no decision of the gate: {error}") from error
    if said != ("I", TABLE, permit.id) or allowed is not True:
        raise DoesNotHold(f"The entry is not the decision {permit.id}, but {said}.")
    text = json.dumps(envelope)
    if isinstance(stored, dict):  # too large for an entry: it stands there by digest
        same = stored.get("$sha256") == hashlib.sha256(text.encode()).hexdigest()
    else:
        same = isinstance(stored, str) and _parsed(stored) == envelope
    if not same:
        raise DoesNotHold("The entry of the decision holds another permit.")


def _parsed(text: str) -> Any:
    try:
        return in_toto.read(text.encode())
    except in_toto.StatementMalformed as error:
        raise DoesNotHold(f"The entry's permit cannot be read: {error}") from error


def _check_growth(
    hashes: Any,
    permit: Permit,
    signed: note.Checkpoint,
    keys: TrustedKeys,
    report: Report,
) -> None:
    """The log on which the decision rested is the beginning of the log at hand."""
    rested = permit.predicate.get("log")
    if not isinstance(rested, dict):
        report.not_checked.append("on which state of the log the decision rested.")
        return
    former = open_signed(rested.get("checkpoint"), keys)
    if former.origin != signed.origin:
        report.not_checked.append("how the log went on: it has another name now.")
        return
    try:
        merkle.verify_consistency(
            old_size=former.size,
            new_size=signed.size,
            old_root=former.root,
            new_root=signed.root,
            proof=[note.decode_base64(one, "a proof") for one in hashes or []],
        )
    except (merkle.ProofError, note.NoteMalformed, TypeError) as error:
        raise DoesNotHold(
            f"The log does not continue the one on which the decision rested: {error}"
        ) from error
    report.checked.append("the log at hand continues the one on which it rested.")


def _check_summary(
    envelope: object, kind: str, permit: Permit, keys: TrustedKeys
) -> None:
    payload, _names = open_envelope(envelope, keys)
    statement = read_statement(payload)
    try:
        of = in_toto.parse(payload)
    except in_toto.StatementMalformed as error:
        raise DoesNotHold(f"A summary cannot be relied on: {error}") from error
    if of.predicate_type != kind or of.sha256 != permit.sha256:
        raise DoesNotHold(f"A summary is of another kind or file than {kind} says.")
    if statement["predicate"].get(DECISION_ID) != permit.id:
        raise DoesNotHold("A summary is of another decision.")

"""Check a log extract or a tlog-proof: are these entries under a signed root?"""

import base64
from typing import Any

from audits import merkle, note
from audits.offline.report import DoesNotHold, Report
from audits.trusted import CannotCheck, TrustedKeys

PROOF_HEADER = "c2sp.org/tlog-proof@v1"


def check_proof(text: str, keys: TrustedKeys, report: Report) -> None:
    """Check a tlog-proof that carries its entry. Raises DoesNotHold, CannotCheck."""
    check_extract(_parse_proof(text), keys, report)


def check_extract(document: dict[str, Any], keys: TrustedKeys, report: Report) -> None:
    """Check the checkpoint's signature and that each entry is under its root.

    Raises DoesNotHold or CannotCheck.
    """
    report.level = "proof"
    if not keys.logs:
        raise CannotCheck("No public key for checkpoints was given.")
    signed = open_signed(document["checkpoint"], keys)
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


def open_signed(text: Any, keys: TrustedKeys) -> note.Checkpoint:
    """Return a checkpoint that a trusted key of its log signed. Raises DoesNotHold.

    During a rotation a log has several keys; one of them is enough, none may be wrong.
    """
    if not isinstance(text, str):
        raise DoesNotHold("The checkpoint is not text.")
    origin = text.partition("\n")[0]
    known = [verifier for verifier in keys.logs if verifier.name == origin]
    if not known:
        raise DoesNotHold(
            f"The checkpoint is of {origin!r}, a log that you do not trust."
        )
    try:
        return note.open_checkpoint(text, *known)
    except (note.NoteMalformed, note.NoteUnverified) as error:
        raise DoesNotHold(str(error)) from error


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

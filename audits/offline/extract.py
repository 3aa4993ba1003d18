"""Check a log extract or a tlog-proof: are these entries under a signed root?"""

from collections.abc import Callable, Sequence
from typing import Any

from audits import merkle, note
from audits.offline.report import DoesNotHold, Report
from audits.proof_files import parse_proof
from audits.trusted import CannotCheck, TrustedKeys

LEAF = "leaf_hash"  # in the place of a body that outside readers do not see


def check_proof(
    text: str, keys: TrustedKeys, report: Report, entry: bytes | None = None
) -> None:
    """Check a tlog-proof of the entry that it carries, or of `entry`.

    Raises DoesNotHold, and CannotCheck when there is no entry to hash.
    """
    try:
        proof = parse_proof(text)
    except note.NoteMalformed as error:
        raise DoesNotHold(str(error)) from error
    if entry is not None and proof.extra not in (None, entry):
        raise DoesNotHold("The proof carries another entry than the one that is given.")
    body = proof.extra if entry is None else entry
    if body is None:
        raise CannotCheck(
            "The proof does not carry the entry, so nothing can be hashed: name its "
            "file with --entry."
        )
    signed = _checkpoint(proof.checkpoint, keys, report)
    _check_inclusion(merkle.leaf_hash(body), proof.index, proof.hashes, signed)
    _say(1, report)


def check_extract(document: dict[str, Any], keys: TrustedKeys, report: Report) -> None:
    """Check the checkpoint's signature and that each entry is under its root.

    Raises DoesNotHold or CannotCheck.
    """
    signed = _checkpoint(document["checkpoint"], keys, report)
    entries = document["entries"]
    if not isinstance(entries, list) or not entries:
        raise CannotCheck("The extract carries no entries.")
    withheld = 0
    for item in entries:
        hidden = isinstance(item, dict) and LEAF in item
        _check_item(item, signed, _withheld if hidden else _told)
        withheld += hidden
    _say(len(entries) - withheld, report, withheld=withheld)


def _checkpoint(text: Any, keys: TrustedKeys, report: Report) -> note.Checkpoint:
    """Open the checkpoint and say whose it is."""
    report.level = "proof"
    if not keys.logs:
        raise CannotCheck("No public key for checkpoints was given.")
    signed = open_signed(text, keys)
    report.checked.append(
        f"the checkpoint of {signed.origin}: {signed.size} leaves, "
        f"root {signed.root.hex()}, signed with a key that you trust."
    )
    return signed


def _say(count: int, report: Report, *, withheld: int = 0) -> None:
    if count or not withheld:
        report.checked.append(f"{count} entries are in that tree, byte for byte.")
    if withheld:
        report.checked.append(f"{withheld} entries are in that tree, by their hashes.")
        report.not_checked.append(
            "what these entries say: it is withheld from outside readers. A body that "
            "you are told must have the hash that stands here."
        )
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


def check_entry(item: Any, signed: note.Checkpoint) -> None:
    """Check that an entry is under a signed root, byte for byte. Raises DoesNotHold."""
    _check_item(item, signed, _told)


def _check_item(
    item: Any, signed: note.Checkpoint, leaf_of: Callable[[Any], bytes]
) -> None:
    try:
        index, proof = item["index"], item["proof"]
        if type(index) is not int:
            raise TypeError("index of the wrong type")
        hashes = [note.decode_base64(value, "a proof") for value in proof]
        leaf = leaf_of(item)
    except (KeyError, TypeError, UnicodeEncodeError, note.NoteMalformed) as error:
        raise DoesNotHold(f"An entry of the extract is malformed: {error}.") from error
    _check_inclusion(leaf, index, hashes, signed)


def _told(item: Any) -> bytes:
    """The hash of the body that is read later: never one that stands beside it."""
    if not isinstance(item["body"], str):
        raise TypeError("body of the wrong type")
    return merkle.leaf_hash(item["body"].encode())


def _withheld(item: Any) -> bytes:
    if "body" in item:
        raise TypeError("it has a body and the hash of a withheld one")
    return note.decode_base64(item[LEAF], "a leaf hash")


def _check_inclusion(
    leaf: bytes, index: int, hashes: Sequence[bytes], signed: note.Checkpoint
) -> None:
    try:
        merkle.verify_inclusion(
            leaf=leaf,
            index=index,
            size=signed.size,
            proof=hashes,
            root=signed.root,
        )
    except merkle.ProofError as error:
        raise DoesNotHold(f"Entry at leaf {index}: {error}") from error

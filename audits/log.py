"""The log: advance it, sign it, and read entries and proofs out of it."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from audits import merkle, selfcheck, tiles
from audits.integration import Integration, integrate, require_autocommit, stored_tree
from audits.models import Checkpoint, Entry, Epoch, Leaf, Sequencer, Verification
from audits.proof_files import format_proof
from audits.signer import Signer, SignerRefused
from audits.tiles import Archived, NotInLog

EXTRACT_FORMAT = "freigabe-log-extract/1"

__all__ = ["Archived", "Integration", "NotInLog", "integrate"]


class NotYetSigned(Exception):
    """The entry is recorded, but no signed checkpoint covers it yet."""


@dataclass(frozen=True)
class Proof:
    """Hashes in RFC 6962 order that tie a leaf, or an old tree, to a root."""

    size: int
    root: bytes
    hashes: tuple[bytes, ...]

    @property
    def base64(self) -> list[str]:
        """The hashes as the API writes them."""
        return [base64.b64encode(value).decode() for value in self.hashes]


@dataclass(frozen=True)
class LoggedEntry:
    """An entry with its place in the tree."""

    index: int
    leaf_hash: bytes
    entry: Entry


@dataclass(frozen=True)
class Status:
    """How far the log is. `lag` is the age of the oldest entry without a leaf."""

    size: int
    unsequenced: int
    lag: timedelta | None
    unattributed: int
    checkpoint: Checkpoint | None
    checkpoint_age: timedelta | None
    verification: Verification | None


def origin() -> str:
    """Return the name under which the log is signed now: that of its latest epoch."""
    epoch = Epoch.objects.order_by("-number").first()
    return epoch.origin if epoch else settings.FREIGABE_LOG_ORIGIN


def signer(*, create: bool = True) -> Signer:
    """Return the signer of the present epoch. Raises keys.KeyUnusable."""
    name = origin()
    return Signer(
        settings.FREIGABE_KEYS_DIR,
        name,
        create=create,
        must_be_open=name != settings.FREIGABE_LOG_ORIGIN,
    )


def checkpoint(*, at: datetime) -> Checkpoint:
    """Sign the tree as it stands and return the stored checkpoint.

    The same tree gives the same checkpoint. Raises signer.SignerRefused when the tree
    contradicts what was signed before, NotInLog for an empty log,
    integration.Contradicted when the sequencer's row was edited, and
    integration.InTransaction inside a transaction: only durable leaves are signed.
    """
    require_autocommit()
    while True:
        seen = Sequencer.objects.get(), origin()
        try:
            return _sign(seen[0], at=at)
        except SignerRefused:
            # No fork, if another process signed more or opened an epoch in between.
            now = Sequencer.objects.get(), origin()
            if (now[0].tree_size, now[1]) == (seen[0].tree_size, seen[1]):
                raise


def _sign(state: Sequencer, *, at: datetime) -> Checkpoint:
    if state.tree_size == 0:
        raise NotInLog("The log is empty: there is nothing to sign.")
    tree = stored_tree(state.tree_size, state.frontier)
    node = tiles.node_reader(tree.size)

    def prove(old: int, new: int) -> list[bytes]:
        return merkle.consistency_proof(old_size=old, new_size=new, node=node)

    signing = signer()
    last = Checkpoint.objects.filter(note__startswith=f"{signing.origin}\n").first()
    published = last.note if last else None
    note = signing.sign(tree.size, tree.root(), prove, published)
    # Under one name time does not go back: the gate notices by it that a clock did.
    signed_at = max(at, last.created_at) if last else at
    return Checkpoint.objects.get_or_create(
        tree_size=tree.size,
        defaults={"root_hash": tree.root(), "note": note, "created_at": signed_at},
    )[0]


def advance(*, at: datetime, wait_seconds: float = 30.0) -> Checkpoint:
    """Integrate and sign: everything committed before the call is then covered.

    Raises what integrate() and checkpoint() raise, and selfcheck.TreeDamaged when
    this process finds, before its first work, that the stored tree contradicts itself.
    """
    require_autocommit()
    selfcheck.integration_check()
    integrate(wait_seconds=wait_seconds)
    return checkpoint(at=at)


def latest_checkpoint() -> Checkpoint | None:
    """Return the largest signed checkpoint, or None before the first."""
    return Checkpoint.objects.order_by("-tree_size").first()


def entry(*, index: int) -> LoggedEntry:
    """Return the entry at this leaf index. Raises NotInLog, Archived if it left."""
    leaf = Leaf.objects.filter(leaf_index=index).first()
    if leaf is None:
        raise NotInLog(f"The log has no leaf {index}.")
    return _logged(leaf)


def place_of(*, entry_id: int) -> LoggedEntry:
    """Return a captured entry with its leaf. Raises NotYetSigned or NotInLog."""
    leaf = Leaf.objects.filter(entry_id=entry_id).first()
    if leaf is None:
        if Entry.objects.filter(entry_id=entry_id).exists():
            raise NotYetSigned(f"Entry {entry_id} has no place in the tree yet.")
        raise NotInLog(f"There is no entry {entry_id}.")
    return _logged(leaf)


def entries_for(*, rel: str, pk: str) -> QuerySet[Entry]:
    """Return the history of one row, oldest first; `rel` as of capture.relation()."""
    return Entry.objects.filter(rel=rel, pk_text=pk).order_by("entry_id")


def entries_of(*, rel: str, pks: Iterable[str]) -> QuerySet[Entry]:
    """Return the history of many rows of one table, oldest first."""
    return Entry.objects.filter(rel=rel, pk_text__in=pks).order_by("entry_id")


def inclusion(*, index: int, size: int) -> Proof:
    """Prove that the leaf is in the tree of `size` leaves. Raises NotInLog."""
    _require_size(size)
    if not 0 <= index < size:
        raise NotInLog(f"A tree of {size} leaves has no leaf {index}.")
    node = tiles.node_reader(size)
    hashes = merkle.inclusion_proof(index=index, size=size, node=node)
    root = merkle.subtree_hash(begin=0, end=size, node=node)
    return Proof(size, root, tuple(hashes))


def consistency(*, old: int, new: int) -> Proof:
    """Prove that the tree of `old` leaves is a prefix of that of `new`.

    Raises NotInLog unless 0 < old <= new <= the size of the log.
    """
    _require_size(new)
    if not 0 < old <= new:
        raise NotInLog(f"There is no consistency proof from size {old} to {new}.")
    node = tiles.node_reader(new)
    hashes = merkle.consistency_proof(old_size=old, new_size=new, node=node)
    root = merkle.subtree_hash(begin=0, end=new, node=node)
    return Proof(new, root, tuple(hashes))


def root_at(*, size: int) -> bytes:
    """Return the root of the tree of the first `size` leaves, from stored hashes."""
    node = tiles.node_reader(size)
    return merkle.subtree_hash(begin=0, end=size, node=node)


def proof_file(*, index: int) -> str:
    """Return a C2SP tlog-proof of the entry at this index, with its text as `extra`.

    Raises NotInLog, or NotYetSigned when no checkpoint covers it.
    """
    found = entry(index=index)
    signed = latest_checkpoint()
    if signed is None or index >= signed.tree_size:
        raise NotYetSigned(f"Entry {found.entry.entry_id} is not signed yet.")
    proof = inclusion(index=index, size=signed.tree_size)
    return format_proof(
        index=index,
        hashes=proof.hashes,
        checkpoint=signed.note,
        extra=found.entry.body.encode(),
    )


def extract(*, entries: Iterable[Entry]) -> dict[str, Any]:
    """Return entries with their proofs, as `python -m audits.offline` reads them.

    Raises NotYetSigned when an entry is younger than the latest checkpoint.
    """
    signed = latest_checkpoint()
    if signed is None:
        raise NotYetSigned("No checkpoint has been signed yet.")
    node = tiles.node_reader(signed.tree_size)
    rows = []
    for item in entries:
        index = place_of(entry_id=item.entry_id).index
        if index >= signed.tree_size:
            raise NotYetSigned(f"Entry {item.entry_id} is not signed yet.")
        proof = merkle.inclusion_proof(index=index, size=signed.tree_size, node=node)
        encoded = [base64.b64encode(value).decode() for value in proof]
        rows.append({"index": index, "body": item.body, "proof": encoded})
    return {"format": EXTRACT_FORMAT, "checkpoint": signed.note, "entries": rows}


def status(*, at: datetime) -> Status:
    """Return the state of the log, for pages and alarms."""
    state = Sequencer.objects.get()
    waiting = Entry.objects.filter(entry_id__gt=state.done_entry_id)
    oldest = waiting.order_by("entry_id").first()
    last = latest_checkpoint()
    return Status(
        size=state.tree_size,
        unsequenced=waiting.count(),
        lag=at - oldest.occurred_at if oldest else None,
        unattributed=Entry.objects.filter(actor=None).count(),
        checkpoint=last,
        checkpoint_age=at - last.created_at if last else None,
        verification=Verification.objects.order_by("-id").first(),
    )


def _logged(leaf: Leaf) -> LoggedEntry:
    found = Entry.objects.filter(entry_id=leaf.entry_id).first()
    if found is None:
        raise tiles.missing_entry(leaf)
    return LoggedEntry(leaf.leaf_index, bytes(leaf.leaf_hash), found)


def _require_size(size: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tree_size FROM audits_sequencer")
        stored = cursor.fetchone()[0]
    if size > stored:
        raise NotInLog(f"The log has {stored} leaves, not {size}.")

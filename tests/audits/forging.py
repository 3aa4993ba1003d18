"""Forgeries that agree with themselves: entry, leaf, tile, state and signature."""
# ruff: noqa: S608 - statements of an attacker, made of constants

import psycopg

from audits import log, merkle
from audits.models import Leaf
from audits.note import Checkpoint as SignedTree
from audits.note import format_checkpoint, sign_note
from audits.signer import Signer
from tests.audits.ledger import behind_triggers

FORGE = (
    "audits_entry",
    'UPDATE audits_entry SET body = replace(body, \'"unit": "carla"\', '
    '\'"unit": "carlo"\') WHERE entry_id = {carla_entry}',
)
LIVE = ("registry_user", "UPDATE registry_user SET unit = 'carlo' WHERE unit = 'carla'")
LEAVES = (
    "audits_leaf",
    "UPDATE audits_leaf l SET leaf_hash = sha256('\\x00'::bytea || "
    "convert_to(e.body, 'UTF8')) FROM audits_entry e WHERE e.entry_id = l.entry_id",
)


def rebuild(by: psycopg.Connection) -> None:
    """Fold the leaves as they stand into tiles and state, as the integrator does."""
    behind_triggers(by, "audits_tile", "DELETE FROM audits_tile")
    tree, tiles = merkle.CompactRange(), {}
    leaves: list[bytes] = []

    def visit(level: int, index: int, node: bytes) -> None:
        if level == 8:
            tiles[index] = (b"".join(leaves[index * 256 : index * 256 + 256]), node)

    rows = by.execute("SELECT entry_id, leaf_hash FROM audits_leaf ORDER BY leaf_index")
    found = rows.fetchall()
    for _, value in found:
        leaves.append(bytes(value))
        tree.append(leaves[-1], visit)
    for index, (hashes, root) in tiles.items():
        by.execute(
            "INSERT INTO audits_tile VALUES (0, %s, %s, %s)", [index, hashes, root]
        )
    by.execute(
        "UPDATE audits_sequencer SET tree_size = %s, frontier = %s, done_entry_id = %s",
        [tree.size, b"".join(tree.frontier), found[-1][0] if found else 0],
    )


def sign_again(by: psycopg.Connection, signer: Signer) -> str:
    """Replace all checkpoints by one of this signer for the tree as it stands."""
    size = Leaf.objects.count()
    root = log.root_at(size=size)
    note = sign_note(
        format_checkpoint(SignedTree(signer.origin, size, root)),
        signer.origin,
        signer.keys.current,
    )
    behind_triggers(by, "audits_checkpoint", "DELETE FROM audits_checkpoint")
    by.execute(
        "INSERT INTO audits_checkpoint (tree_size, root_hash, note, created_at) "
        "VALUES (%s, %s, %s, now())",
        [size, root, note],
    )
    return note

"""A drawn sample as one file, which `python -m audits.offline` checks."""

import base64
from typing import Any

from django.utils.translation import gettext as _

from audits import capture, lots, tiles
from audits.merkle import inclusion_proof
from audits.models import Checkpoint, Entry, Leaf
from governance.auditing.drawing import CannotDraw, Kind, require_inside
from governance.models import AuditDraw, AuditSample
from registry.models import User


def file_of(drawn: AuditDraw, *, by: User) -> dict[str, Any]:
    """Everything that somebody needs to draw again and to prove each item.

    All proofs are against the checkpoint whose root is the seed. Raises `NotAllowed`,
    and `CannotDraw` where an entry lies in an archive.
    """
    require_inside(drawn, by)
    sample = drawn.sample
    signed = Checkpoint.objects.get(tree_size=drawn.tree_size)
    node = tiles.node_reader(drawn.tree_size)
    entries = _entries(drawn)

    def proven(key: tuple[str, str]) -> dict[str, Any]:
        if key not in entries:
            raise CannotDraw({"sample": [_("Its entries lie in an archive by now.")]})
        index, body = entries[key]
        proof = inclusion_proof(index=index, size=drawn.tree_size, node=node)
        encoded = [base64.b64encode(value).decode() for value in proof]
        return {"index": index, "body": body, "proof": encoded}

    return {
        "format": lots.FORMAT,
        "checkpoint": signed.note,
        "request": proven((capture.relation(AuditSample), str(sample.pk))),
        "population": sample.population,
        "secret": drawn.secret,
        "chosen": [
            {
                "stratum": stratum,
                "table": table,
                "id": key,
                "entry": proven((f"public.{table}", key)),
            }
            for stratum, table, key in drawn.chosen
        ],
    }


def _entries(drawn: AuditDraw) -> dict[tuple[str, str], tuple[int, str]]:
    """Leaf and text of the entry that added the request, and each chosen row."""
    sample = drawn.sample
    own = Entry.objects.filter(
        rel=capture.relation(AuditSample), pk_text=str(sample.pk)
    )
    found = _placed(list(own))
    if sample.kind == Kind.ENTRIES:
        leaves = Leaf.objects.in_bulk([int(key) for _s, _t, key in drawn.chosen])
        ids = {leaf.entry_id: str(index) for index, leaf in leaves.items()}
        for entry in Entry.objects.filter(entry_id__in=ids):
            key = ids[entry.entry_id]
            found["public.audits_entry", key] = int(key), entry.body
        return found
    for table in {table for _stratum, table, _key in drawn.chosen}:
        keys = [key for _stratum, name, key in drawn.chosen if name == table]
        rows = Entry.objects.filter(rel=f"public.{table}", pk_text__in=keys, op="I")
        found |= _placed(list(rows))
    return found


def _placed(rows: list[Entry]) -> dict[tuple[str, str], tuple[int, str]]:
    leaves = Leaf.objects.filter(entry_id__in=[row.entry_id for row in rows])
    places = dict(leaves.values_list("entry_id", "leaf_index"))
    return {
        (row.rel, row.pk_text or ""): (places[row.entry_id], row.body) for row in rows
    }

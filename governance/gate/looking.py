"""All that every question is judged by anew, in one statement: one snapshot, one way.

Whether anything changed, who may ask, whether the log holds, how far it is signed, and
which key signs. None of it is ever remembered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model

from audits import stillness
from audits.models import Checkpoint, Verification
from governance.gate.remembering import UNJUDGED
from governance.models import GateKey
from governance.permit import Newest
from registry.models import Role, User

M = TypeVar("M", bound=Model)

_VERIFICATION = ("id", "ran_at", "ok")
_CHECKPOINT = ("tree_size", "root_hash", "note", "created_at")
_KEY = (
    *("id", "sequence", "key_id", "place"),
    *("name", "because", "former_until", "introduced_at"),
)
# In the order of the names above.
_COLUMNS = """,
ARRAY(SELECT role FROM registry_roleassignment WHERE user_id = %s AND ended_at IS NULL),
v.id, v.ran_at, v.ok,
c.tree_size, c.root_hash, c.note, c.created_at,
k.id, k.sequence, k.key_id, k.place, k.name, k.because, k.former_until, k.introduced_at,
EXISTS (SELECT FROM governance_keycompromise x WHERE x.key_id = k.key_id)"""
# By time, and none from the future: a row put in by hand counts until the next run.
_JOINS = """
LEFT JOIN LATERAL (SELECT * FROM audits_verification WHERE ran_at <= %s
    ORDER BY ran_at DESC, id DESC LIMIT 1) v ON true
LEFT JOIN LATERAL (SELECT * FROM audits_checkpoint
    ORDER BY tree_size DESC LIMIT 1) c ON true
LEFT JOIN LATERAL (SELECT * FROM governance_gatekey
    ORDER BY sequence DESC LIMIT 1) k ON true"""


@dataclass(frozen=True)
class Seen:
    """What stood in the database at one moment.

    `held` are the roles of who asks; `verification` is the newest by the time asked
    about, and has only its time and verdict.
    """

    moment: stillness.Moment | None
    unchanged: bool
    held: frozenset[Role]
    verification: Verification | None
    checkpoint: Checkpoint | None
    key: Newest


def look(by: User, at: datetime, *, since: stillness.Moment | None = None) -> Seen:
    """Look once; `unchanged` says whether nothing that is judged changed since then."""
    found = stillness.look(
        since,
        but_for=UNJUDGED,
        beside=stillness.Beside(_COLUMNS, _JOINS, [by.pk, at]),
    )
    held, *rest = found.beside
    values = iter(rest)
    verification = _row(Verification, _VERIFICATION, values)
    checkpoint = _row(Checkpoint, _CHECKPOINT, values)
    key = _row(GateKey, _KEY, values)
    return Seen(
        found.moment,
        found.unchanged,
        frozenset(Role(name) for name in held),
        verification,
        checkpoint,
        Newest(key, stolen=next(values)),
    )


def _row(kind: type[M], names: Sequence[str], values: Any) -> M | None:
    """The row of these columns, in their order; None when there is none."""
    taken = [next(values) for _name in names]
    return kind.from_db("default", names, taken) if taken[0] is not None else None

"""The proof of a decision: its entry in the log, under a signed checkpoint.

The entry gets its place in the tree after the decision is committed, so no permit can
carry it; it is asked for a moment later (docs/decisions/0040).
"""

import base64
import json
from typing import Any

from django.utils.translation import gettext as _

from audits import log
from governance.models import GateDecision

FORMAT = "freigabe-permit-proof/1"
_REL = "public.governance_gatedecision"


class NotYet(Exception):
    """The decision is recorded and its entry waits for its place in the signed tree."""


def proof_of(row: GateDecision) -> dict[str, Any]:
    """Everything with which a stranger checks a permit and that it was recorded.

    Raises `NotYet` for a second or two, `log.NotInLog` when the entry was archived.
    """
    waiting = NotYet(_("The log has not signed this decision yet; ask again."))
    signed = log.latest_checkpoint()
    entry = log.entries_for(rel=_REL, pk=str(row.pk)).first()
    if signed is None or entry is None:
        raise waiting
    try:
        place = log.place_of(entry_id=entry.entry_id)
    except log.NotYetSigned as error:
        raise waiting from error
    if place.index >= signed.tree_size:
        raise waiting
    inclusion = log.inclusion(index=place.index, size=signed.tree_size)
    return {
        "format": FORMAT,
        "permit": json.loads(row.permit),
        "vsa": json.loads(row.vsa) if row.vsa else None,
        "svr": json.loads(row.svr) if row.svr else None,
        "entry": {
            "index": place.index,
            "body": entry.body,
            "proof": inclusion.base64,
        },
        "checkpoint": signed.note,
        "consistency": _consistency(row, signed.tree_size),
    }


def _consistency(row: GateDecision, size: int) -> list[str]:
    """That the log on which the decision rested is the beginning of this one."""
    payload = json.loads(row.permit)["payload"]
    rested = json.loads(base64.b64decode(payload))["predicate"].get("log")
    if not rested or not 0 < rested["size"] < size:
        return []
    return log.consistency(old=rested["size"], new=size).base64

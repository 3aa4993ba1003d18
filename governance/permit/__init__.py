"""Permits: in-toto statements in DSSE envelopes, signed with the gate's own key."""

from governance.permit.key import NoKey, SigningKey, id_of, key_id, public_pem
from governance.permit.published import public_keys
from governance.permit.ring import Newest, gate_key, rotate, sign
from governance.permit.statements import (
    PREDICATE,
    STATEMENT,
    SVR,
    VSA,
    Permitted,
    approval,
    simple_result,
    verification_summary,
)

__all__ = [
    "PREDICATE",
    "STATEMENT",
    "SVR",
    "VSA",
    "Newest",
    "NoKey",
    "Permitted",
    "SigningKey",
    "approval",
    "gate_key",
    "id_of",
    "key_id",
    "public_keys",
    "public_pem",
    "rotate",
    "sign",
    "simple_result",
    "verification_summary",
]

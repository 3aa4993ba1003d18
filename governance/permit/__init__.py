"""Permits: in-toto statements in DSSE envelopes, signed with the gate's own key."""

from governance.permit.statements import (
    PREDICATE,
    STATEMENT,
    NoKey,
    gate_key,
    issue,
    key_id,
    public_keys,
    public_pem,
)

__all__ = [
    "PREDICATE",
    "STATEMENT",
    "NoKey",
    "gate_key",
    "issue",
    "key_id",
    "public_keys",
    "public_pem",
]

"""Separation of duties: who may not sign what, and why (decisions.md 3.4)."""

from governance.duties.auditors import LL144_EVIDENCE, ll144_auditor
from governance.duties.signing import Signing
from governance.duties.table import RULES, Conflict, conflicts

__all__ = [
    "LL144_EVIDENCE",
    "RULES",
    "Conflict",
    "Signing",
    "conflicts",
    "ll144_auditor",
]

"""The tables of governance."""

from governance.models.access import IdempotentReply, Token
from governance.models.approvals import (
    ApprovalRequest,
    Authorisation,
    AuthorisationChange,
    Signature,
    SignatureAttempt,
    Withdrawal,
)
from governance.models.dossiers import Dossier
from governance.models.gate import GateDecision
from governance.models.lifecycle import Status, StatusChange
from governance.models.policy import PolicyPack
from governance.models.risk import RiskAssessment, RiskMatrix
from governance.models.signatures import RecordSignature

__all__ = [
    "ApprovalRequest",
    "Authorisation",
    "AuthorisationChange",
    "Dossier",
    "GateDecision",
    "IdempotentReply",
    "PolicyPack",
    "RecordSignature",
    "RiskAssessment",
    "RiskMatrix",
    "Signature",
    "SignatureAttempt",
    "Status",
    "StatusChange",
    "Token",
    "Withdrawal",
]

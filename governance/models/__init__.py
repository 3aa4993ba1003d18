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
from governance.models.emergencies import (
    Emergency,
    EmergencyAuthorisation,
    EmergencyEnd,
    EmergencyExtension,
    EmergencyReview,
    EmergencyToken,
)
from governance.models.findings import Finding, FindingChange, Severity
from governance.models.gate import GateDecision
from governance.models.incidents import Incident, IncidentClosure, IncidentReport
from governance.models.lifecycle import Status, StatusChange
from governance.models.policy import PolicyPack
from governance.models.reviews import Attestation, PeriodicReview, Retirement
from governance.models.risk import RiskAssessment, RiskMatrix
from governance.models.signatures import RecordSignature
from governance.models.triggers import KeyCompromise, TriggerEvent, VendorNotice
from governance.models.waivers import Waiver, WaiverDecision, WaiverRevocation

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
    "Emergency",
    "EmergencyAuthorisation",
    "EmergencyEnd",
    "EmergencyExtension",
    "EmergencyReview",
    "EmergencyToken",
    "Finding",
    "FindingChange",
    "Severity",
    "Incident",
    "IncidentClosure",
    "IncidentReport",
    "Attestation",
    "PeriodicReview",
    "Retirement",
    "KeyCompromise",
    "TriggerEvent",
    "VendorNotice",
    "Waiver",
    "WaiverDecision",
    "WaiverRevocation",
    "Withdrawal",
]

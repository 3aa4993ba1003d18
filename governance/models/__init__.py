"""The tables of governance."""

from governance.models.access import IdempotentReply, Token, TokenUse
from governance.models.approvals import (
    ApprovalRequest,
    Authorisation,
    AuthorisationChange,
    Signature,
    SignatureAttempt,
    Withdrawal,
)
from governance.models.auditing import (
    AuditAccess,
    AuditAccessEnd,
    AuditDraw,
    AuditRequest,
    AuditRequestStep,
    AuditSample,
)
from governance.models.challenges import (
    Challenge,
    ChallengeDisposition,
    ChallengeResponse,
    Dissent,
    DissentOverride,
)
from governance.models.changes import ChangePlan, ChangePlanEnd, ChangeRecord
from governance.models.conditions import (
    Condition,
    ConditionFact,
    Draw,
    DrawReview,
    Reminder,
)
from governance.models.declarations import Declaration
from governance.models.delegations import Delegation, DelegationEnd
from governance.models.dossiers import (
    Dossier,
    DossierMail,
    DossierRecipient,
    DossierSchedule,
)
from governance.models.emergencies import (
    Emergency,
    EmergencyAuthorisation,
    EmergencyEnd,
    EmergencyExtension,
    EmergencyReview,
    EmergencyToken,
)
from governance.models.evaluations import Evaluation, Simulation
from governance.models.findings import Finding, FindingChange, Severity
from governance.models.forges import (
    Forge,
    ForgeAttempt,
    ForgeEnd,
    ForgePlace,
    ForgePlaceConfirmation,
    ForgePlaceEnd,
    ForgeRequest,
    ForgeSecret,
)
from governance.models.gate import GateDecision
from governance.models.identities import (
    PipelineToken,
    TrustConfirmation,
    TrustEnd,
    TrustRule,
)
from governance.models.incidents import Incident, IncidentClosure, IncidentReport
from governance.models.ingest import LineageEvent, LineageName, RegistryEvent
from governance.models.lifecycle import Status, StatusChange
from governance.models.notifications import (
    Announcement,
    Notification,
    NotificationMailed,
    NotificationRead,
    NotificationWish,
)
from governance.models.permits import GateKey, PermitRevocation, RevocationList
from governance.models.persons import PersonIdentity, PersonLink
from governance.models.policy import (
    EarlyAdoption,
    PackDraft,
    PackEnd,
    PackRevision,
    PackStep,
    PolicyPack,
)
from governance.models.preferences import Preference
from governance.models.reviews import Attestation, PeriodicReview, Retirement
from governance.models.risk import (
    MatrixDraft,
    ReassessmentDemand,
    RiskAssessment,
    RiskMatrix,
    RiskScenario,
    TierDecision,
)
from governance.models.running import (
    DeploymentSource,
    Rollback,
    Sighting,
    SightingEnd,
    SourceRun,
)
from governance.models.security import SecurityEvent
from governance.models.signatures import RecordSignature
from governance.models.signing import (
    CredentialReset,
    IdentityProof,
    PasskeyAnswer,
    SeriesUse,
    SigningChallenge,
    SigningSeries,
)
from governance.models.single_sign_on import StepUp, StepUpAnswer, StepUpUse
from governance.models.triggers import KeyCompromise, TriggerEvent, VendorNotice
from governance.models.views import SavedView
from governance.models.waiting import WaitingRequest
from governance.models.waivers import Waiver, WaiverDecision, WaiverRevocation
from governance.models.webhooks import (
    WebhookAttempt,
    WebhookEndpoint,
    WebhookMessage,
)

__all__ = [
    "AuditAccess",
    "AuditAccessEnd",
    "AuditDraw",
    "AuditRequest",
    "AuditRequestStep",
    "AuditSample",
    "Announcement",
    "ApprovalRequest",
    "Attestation",
    "Authorisation",
    "AuthorisationChange",
    "Challenge",
    "ChallengeDisposition",
    "ChallengeResponse",
    "ChangePlan",
    "ChangePlanEnd",
    "ChangeRecord",
    "Condition",
    "ConditionFact",
    "CredentialReset",
    "Declaration",
    "Delegation",
    "DelegationEnd",
    "DeploymentSource",
    "Dissent",
    "DissentOverride",
    "Dossier",
    "DossierMail",
    "DossierRecipient",
    "DossierSchedule",
    "Draw",
    "DrawReview",
    "EarlyAdoption",
    "Emergency",
    "EmergencyAuthorisation",
    "EmergencyEnd",
    "EmergencyExtension",
    "EmergencyReview",
    "EmergencyToken",
    "Evaluation",
    "Finding",
    "FindingChange",
    "Forge",
    "ForgeAttempt",
    "ForgeEnd",
    "ForgePlace",
    "ForgePlaceConfirmation",
    "ForgePlaceEnd",
    "ForgeRequest",
    "ForgeSecret",
    "GateDecision",
    "GateKey",
    "IdempotentReply",
    "IdentityProof",
    "Incident",
    "IncidentClosure",
    "IncidentReport",
    "KeyCompromise",
    "LineageEvent",
    "LineageName",
    "MatrixDraft",
    "Notification",
    "NotificationMailed",
    "NotificationRead",
    "NotificationWish",
    "PackDraft",
    "PackEnd",
    "PackRevision",
    "PackStep",
    "PasskeyAnswer",
    "PeriodicReview",
    "PermitRevocation",
    "PersonIdentity",
    "PersonLink",
    "PipelineToken",
    "PolicyPack",
    "Preference",
    "ReassessmentDemand",
    "RecordSignature",
    "RegistryEvent",
    "Reminder",
    "Retirement",
    "RevocationList",
    "RiskAssessment",
    "RiskMatrix",
    "RiskScenario",
    "Rollback",
    "SavedView",
    "SecurityEvent",
    "SeriesUse",
    "Severity",
    "Sighting",
    "SightingEnd",
    "Signature",
    "SignatureAttempt",
    "SigningChallenge",
    "SigningSeries",
    "Simulation",
    "SourceRun",
    "Status",
    "StatusChange",
    "StepUp",
    "StepUpAnswer",
    "StepUpUse",
    "TierDecision",
    "Token",
    "TokenUse",
    "TriggerEvent",
    "TrustConfirmation",
    "TrustEnd",
    "TrustRule",
    "VendorNotice",
    "WaitingRequest",
    "Waiver",
    "WaiverDecision",
    "WaiverRevocation",
    "WebhookAttempt",
    "WebhookEndpoint",
    "WebhookMessage",
    "Withdrawal",
]

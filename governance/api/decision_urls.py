"""The addresses of decisions: risk, policy, approvals, exceptions and reviews."""

from django.urls import path

from governance.api import (
    aggregation,
    authorisations,
    challenges,
    changes,
    decisions,
    declarations,
    delegations,
    emergencies,
    evaluations,
    findings,
    fleet,
    matrices,
    pack_changes,
    policies,
    retirement,
    risk,
    waivers,
)
from governance.api.addresses import VERSION

_FINDING = "findings/<uuid:finding_id>"
_INCIDENT = "incidents/<uuid:incident_id>"
_WAIVER = "waivers/<uuid:waiver_id>"
_PLAN = "change-plans/<uuid:plan_id>"
_EMERGENCY = "break-glass/<uuid:emergency_id>"
_DRAFT = "policy-drafts/<uuid:draft_id>"
_REQUEST = "approval-requests/<uuid:request_id>"

urlpatterns = [
    path(
        "models/<slug:slug>/aggregate-risk",
        aggregation.AggregateDetail.as_view(),
        name="aggregate-risk",
    ),
    path(
        "models/<slug:slug>/feeds", aggregation.FeedList.as_view(), name="model-feeds"
    ),
    path(
        "risk/concentration",
        aggregation.ConcentrationList.as_view(),
        name="concentration",
    ),
    path(
        "models/<slug:slug>/risk-assessments",
        risk.AssessmentList.as_view(),
        name="risk-assessments",
    ),
    path("models/<slug:slug>/risk", risk.StandingDetail.as_view(), name="risk"),
    path(
        "models/<slug:slug>/reassessment-demands",
        risk.DemandList.as_view(),
        name="reassessment-demands",
    ),
    path(
        "risk-assessments/<uuid:assessment_id>/overrides",
        risk.Overrides.as_view(),
        name="tier-overrides",
    ),
    path(
        "risk-assessments/<uuid:assessment_id>/reductions",
        risk.Reductions.as_view(),
        name="tier-reductions",
    ),
    path("tier-decisions", risk.TierDecisionList.as_view(), name="tier-decisions"),
    path(
        "tier-decisions/<uuid:decision_id>/reversal",
        risk.Reversal.as_view(),
        name="tier-reversal",
    ),
    path("risk-matrices", matrices.MatrixList.as_view(), name="matrices"),
    path("risk-matrices/drafts", matrices.DraftList.as_view(), name="matrix-drafts"),
    path(
        "risk-matrices/drafts/<uuid:draft_id>/preview",
        matrices.DraftPreview.as_view(),
        name="matrix-preview",
    ),
    path(
        "risk-matrices/drafts/<uuid:draft_id>/publication",
        matrices.Publication.as_view(),
        name="matrix-publication",
    ),
    path(
        "risk-matrices/drafts/<uuid:draft_id>/simulations",
        evaluations.SimulationsOfMatrix.as_view(),
        name="matrix-simulations",
    ),
    path("policies", policies.Packs.as_view(), name="policies"),
    path(
        "policies/<slug:slug>/versions",
        policies.PackVersions.as_view(),
        name="policy-versions",
    ),
    path(
        "policies/<slug:slug>/versions/<version:version>",
        policies.PackVersion.as_view(),
        name="policy-version",
    ),
    path(
        "policies/<slug:slug>/versions/<version:version>/changes",
        pack_changes.PackChanges.as_view(),
        name="policy-version-changes",
    ),
    path("policies/<slug:slug>/end", policies.PackEnding.as_view(), name="policy-end"),
    path(
        "policies/<slug:slug>/end/confirmation",
        policies.PackEndConfirmation.as_view(),
        name="policy-end-confirmation",
    ),
    path(
        "policies/<slug:slug>/early-adoption/confirmation",
        policies.PackAdoptionConfirmation.as_view(),
        name="policy-early-adoption-confirmation",
    ),
    path(
        "policies/<slug:slug>/early-adoption",
        policies.PackAdoption.as_view(),
        name="policy-early-adoption",
    ),
    path("policy-drafts", policies.Drafts.as_view(), name="policy-drafts"),
    path(_DRAFT, policies.Draft.as_view(), name="policy-draft"),
    path(
        f"{_DRAFT}/changes", pack_changes.DraftChanges.as_view(), name="draft-changes"
    ),
    path(f"{_DRAFT}/review", policies.DraftReview.as_view(), name="draft-review"),
    path(f"{_DRAFT}/return", policies.DraftReturn.as_view(), name="draft-return"),
    path(f"{_DRAFT}/discard", policies.DraftDiscard.as_view(), name="draft-discard"),
    path(
        f"{_DRAFT}/publication",
        policies.DraftPublication.as_view(),
        name="draft-publication",
    ),
    path(
        f"{VERSION}/evaluations",
        evaluations.EvaluationsOfVersion.as_view(),
        name="version-evaluations",
    ),
    path(
        "evaluations/<uuid:evaluation_id>",
        evaluations.EvaluationDetail.as_view(),
        name="evaluation",
    ),
    path(
        f"{_DRAFT}/simulations",
        evaluations.SimulationsOfDraft.as_view(),
        name="draft-simulations",
    ),
    path("simulations", evaluations.Simulations.as_view(), name="simulations"),
    path(
        "simulations/<uuid:simulation_id>",
        evaluations.SimulationDetail.as_view(),
        name="simulation",
    ),
    path("declarations", declarations.DeclarationList.as_view(), name="declarations"),
    path(
        "declarations/<uuid:declaration_id>",
        declarations.DeclarationDetail.as_view(),
        name="declaration",
    ),
    path(
        "declaration-kinds", declarations.KindList.as_view(), name="declaration-kinds"
    ),
    path(
        f"{VERSION}/approval-requests",
        decisions.RequestsOfVersion.as_view(),
        name="version-approval-requests",
    ),
    path(f"{VERSION}/retirement", retirement.Retirement.as_view(), name="retirement"),
    path("approval-requests", decisions.RequestList.as_view(), name="requests"),
    path(_REQUEST, decisions.RequestDetail.as_view(), name="request"),
    path(
        "signature-batches",
        decisions.SignatureBatches.as_view(),
        name="signature-batches",
    ),
    path(f"{_REQUEST}/signatures", decisions.Signatures.as_view(), name="signatures"),
    path(f"{_REQUEST}/rejections", decisions.Rejections.as_view(), name="rejections"),
    path(
        f"{_REQUEST}/withdrawal", decisions.WithdrawalView.as_view(), name="withdrawal"
    ),
    path(
        f"{_REQUEST}/change-request",
        decisions.ChangeRequest.as_view(),
        name="change-request",
    ),
    path(
        "authorisations",
        authorisations.AuthorisationList.as_view(),
        name="authorisations",
    ),
    path(
        f"{VERSION}/retirement/confirmation",
        retirement.RetirementConfirmation.as_view(),
        name="retirement-confirmation",
    ),
    path(
        "suspensions/agreements",
        authorisations.Agreements.as_view(),
        name="suspension-agreements",
    ),
    path("suspensions", authorisations.Suspensions.as_view(), name="suspensions"),
    path(f"{_REQUEST}/challenges", challenges.Challenges.as_view(), name="challenges"),
    path(f"{_REQUEST}/dissents", challenges.Dissents.as_view(), name="dissents"),
    path(f"{_REQUEST}/changes", challenges.Changes.as_view(), name="changes"),
    path(
        "challenges/<uuid:challenge_id>/responses",
        challenges.Responses.as_view(),
        name="challenge-responses",
    ),
    path(
        "challenges/<uuid:challenge_id>/disposition",
        challenges.Disposition.as_view(),
        name="challenge-disposition",
    ),
    path(
        "dissents/<uuid:dissent_id>/override",
        challenges.Override.as_view(),
        name="dissent-override",
    ),
    path("delegations", delegations.Delegations.as_view(), name="delegations"),
    path(
        "delegations/<uuid:delegation_id>/end",
        delegations.DelegationEndView.as_view(),
        name="delegation-end",
    ),
    path("conditions", delegations.Conditions.as_view(), name="conditions"),
    path(
        "conditions/<uuid:condition_id>/facts",
        delegations.Facts.as_view(),
        name="condition-facts",
    ),
    path("draws", delegations.Draws.as_view(), name="draws"),
    path(
        "draws/<uuid:draw_id>/review",
        delegations.DrawReviews.as_view(),
        name="draw-review",
    ),
    path("separation-of-duties", delegations.Duties.as_view(), name="duties"),
    path("findings", findings.FindingList.as_view(), name="findings"),
    path(_FINDING, findings.FindingDetail.as_view(), name="finding"),
    path(f"{_FINDING}/steps", findings.FindingSteps.as_view(), name="finding-steps"),
    path(
        f"{_FINDING}/reopening",
        findings.FindingReopening.as_view(),
        name="finding-reopening",
    ),
    path(f"{_FINDING}/terms", findings.FindingTerms.as_view(), name="finding-terms"),
    path(
        f"{_FINDING}/risk-acceptances",
        findings.FindingAcceptance.as_view(),
        name="finding-acceptance",
    ),
    path("change-plans", changes.PlanList.as_view(), name="change-plans"),
    path(_PLAN, changes.PlanDetail.as_view(), name="change-plan"),
    path(f"{_PLAN}/end", changes.PlanEnd.as_view(), name="change-plan-end"),
    path(
        f"{VERSION}/change-plans",
        changes.PlansOfVersion.as_view(),
        name="change-plans-of-version",
    ),
    path("change-records", changes.ChangeList.as_view(), name="change-records"),
    path(
        f"{VERSION}/change-record",
        changes.ChangeOfVersion.as_view(),
        name="change-record",
    ),
    path(
        f"{VERSION}/change-record/<slug:environment>",
        changes.ChangeVerdict.as_view(),
        name="change-verdict",
    ),
    path("waivers", waivers.WaiverList.as_view(), name="waivers"),
    path(_WAIVER, waivers.WaiverDetail.as_view(), name="waiver"),
    path(
        f"{_WAIVER}/signatures",
        waivers.WaiverSignatures.as_view(),
        name="waiver-signatures",
    ),
    path(
        f"{_WAIVER}/rejections",
        waivers.WaiverRejections.as_view(),
        name="waiver-rejections",
    ),
    path(
        f"{_WAIVER}/revocation",
        waivers.WaiverRevocationView.as_view(),
        name="waiver-revocation",
    ),
    path(
        f"{_WAIVER}/renewals", waivers.WaiverRenewals.as_view(), name="waiver-renewals"
    ),
    path("break-glass", emergencies.EmergencyList.as_view(), name="break-glass"),
    path(
        "break-glass/statistics",
        emergencies.EmergencyStatistics.as_view(),
        name="break-glass-statistics",
    ),
    path(
        "break-glass/tokens",
        emergencies.EmergencyTokens.as_view(),
        name="break-glass-tokens",
    ),
    path(
        "break-glass/tokens/uses",
        emergencies.EmergencyTokenUses.as_view(),
        name="break-glass-token-uses",
    ),
    path(_EMERGENCY, emergencies.EmergencyDetail.as_view(), name="emergency"),
    path(
        f"{_EMERGENCY}/confirmation",
        emergencies.EmergencyConfirmation.as_view(),
        name="emergency-confirmation",
    ),
    path(
        f"{_EMERGENCY}/extension",
        emergencies.EmergencyExtensionView.as_view(),
        name="emergency-extension",
    ),
    path(
        f"{_EMERGENCY}/end",
        emergencies.EmergencyEndView.as_view(),
        name="emergency-end",
    ),
    path(
        f"{_EMERGENCY}/review",
        emergencies.EmergencyReviewView.as_view(),
        name="emergency-review",
    ),
    path("incidents", fleet.IncidentList.as_view(), name="incidents"),
    path(_INCIDENT, fleet.IncidentDetail.as_view(), name="incident"),
    path(
        f"{_INCIDENT}/report",
        fleet.IncidentReportView.as_view(),
        name="incident-report",
    ),
    path(
        f"{_INCIDENT}/closure",
        fleet.IncidentClosureView.as_view(),
        name="incident-closure",
    ),
    path("reviews", fleet.ReviewList.as_view(), name="reviews"),
    path("reviews/due", fleet.ReviewsDue.as_view(), name="reviews-due"),
    path("vendor-notices", fleet.VendorNotices.as_view(), name="vendor-notices"),
    path("compromised-keys", fleet.CompromisedKeys.as_view(), name="compromised-keys"),
    path("attestations", fleet.AttestationList.as_view(), name="attestations"),
]

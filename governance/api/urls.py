"""The API's addresses, below /api/v1/."""

from django.urls import path, re_path

from governance.api import (
    attachments,
    auditing_urls,
    decision_urls,
    docs,
    door,
    door_urls,
    dossier_exports,
    dossier_schedules,
    dossiers,
    evidence,
    files,
    gate,
    health,
    identities,
    inventory,
    log,
    notifications,
    people,
    permit_urls,
    proof,
    schema,
    webhooks,
)
from governance.api.addresses import VERSION

app_name = "api"

urlpatterns = [
    # Tried in this order: what every pipeline asks comes first.
    path("gate/decisions", gate.Decisions.as_view(), name="decisions"),
    path("gate", gate.Gate.as_view(), name="gate"),
    path("schema", schema.Schema.as_view(), name="schema"),
    path("docs", docs.docs, name="docs"),
    path("docs/<str:key>", docs.call, name="call"),
    path("health/live", health.live, name="live"),
    path("health/ready", health.ready, name="ready"),
    path("models", inventory.ModelList.as_view(), name="models"),
    path("models/<slug:slug>", inventory.ModelDetail.as_view(), name="model"),
    path(
        "models/<slug:slug>/versions", inventory.VersionList.as_view(), name="versions"
    ),
    path(VERSION, inventory.VersionDetail.as_view(), name="version"),
    path(
        f"{VERSION}/evidence-runs",
        evidence.RunsOfVersion.as_view(),
        name="version-evidence-runs",
    ),
    path(
        f"{VERSION}/attachments",
        attachments.AttachmentsOfVersion.as_view(),
        name="version-attachments",
    ),
    path(f"{VERSION}/readiness", gate.Readiness.as_view(), name="readiness"),
    path("artifacts", files.Artifacts.as_view(), name="artifacts"),
    path("datasets", files.DatasetList.as_view(), name="datasets"),
    path(
        "datasets/<slug:slug>/versions",
        files.DatasetVersions.as_view(),
        name="dataset-versions",
    ),
    path("environments", inventory.EnvironmentList.as_view(), name="environments"),
    path(
        "evidence-runs/<uuid:run_id>", evidence.RunDetail.as_view(), name="evidence-run"
    ),
    path(
        "evidence-runs/<uuid:run_id>/cancellation",
        evidence.Cancellation.as_view(),
        name="evidence-cancellation",
    ),
    path(
        "evidence-runs/<uuid:run_id>/report",
        evidence.Report.as_view(),
        name="evidence-report",
    ),
    path(
        "evidence-report-schema",
        evidence.ReportSchema.as_view(),
        name="evidence-report-schema",
    ),
    path(
        "attachments/<uuid:attachment_id>",
        attachments.AttachmentDetail.as_view(),
        name="attachment",
    ),
    path(
        "attachments/<uuid:attachment_id>/file",
        attachments.AttachmentFile.as_view(),
        name="attachment-file",
    ),
    path("evidence-signers", attachments.SignerList.as_view(), name="signers"),
    path(
        "evidence-signers/<slug:slug>/revoke",
        attachments.SignerRevocation.as_view(),
        name="signer-revocation",
    ),
    *permit_urls.urlpatterns,
    *door_urls.urlpatterns,
    path("deployments", gate.Deployments.as_view(), name="deployments"),
    path("log/checkpoint", log.Checkpoint.as_view(), name="checkpoint"),
    path("log/status", log.Status.as_view(), name="log-status"),
    path("log/entries/<int:index>", log.Entry.as_view(), name="log-entry"),
    path("log/entries/<int:index>/proof", log.EntryProof.as_view(), name="entry-proof"),
    path(
        "log/objects/<slug:table>/<path:key>",
        log.ObjectEntries.as_view(),
        name="log-object",
    ),
    path("log/keys", log.Keys.as_view(), name="log-keys"),
    path("log/proofs/inclusion", log.Inclusion.as_view(), name="inclusion"),
    path("log/proofs/consistency", log.Consistency.as_view(), name="consistency"),
    path("log/tile/entries/<path:path>", log.EntryBundle.as_view(), name="entries"),
    path("log/tile/<int:level>/<path:path>", log.HashTile.as_view(), name="tile"),
    path(
        "dossier-schedules",
        dossier_schedules.DossierScheduleList.as_view(),
        name="dossier-schedules",
    ),
    path(
        "dossier-schedules/<uuid:schedule_id>/end",
        dossier_schedules.DossierScheduleEnd.as_view(),
        name="end-dossier-schedule",
    ),
    path("dossiers", dossiers.DossierList.as_view(), name="dossiers"),
    path(
        "dossiers/<uuid:dossier_id>", dossiers.DossierDetail.as_view(), name="dossier"
    ),
    path(
        "dossiers/<uuid:dossier_id>/disclosure",
        dossiers.DossierDisclosure.as_view(),
        name="disclosure",
    ),
    path("dossiers/<uuid:dossier_id>/pdf", dossiers.DossierPdf.as_view(), name="pdf"),
    path(
        "dossiers/<uuid:dossier_id>/exports",
        dossier_exports.ExportList.as_view(),
        name="exports",
    ),
    path(
        "dossiers/<uuid:dossier_id>/exports/<str:name>",
        dossier_exports.ExportFile.as_view(),
        name="export",
    ),
    path(
        "dossiers/<uuid:dossier_id>/parts",
        dossiers.DossierParts.as_view(),
        name="parts",
    ),
    path(
        "dossiers/<uuid:dossier_id>/bundle",
        dossiers.DossierBundle.as_view(),
        name="bundle",
    ),
    path(
        "dossiers/<uuid:dossier_id>/json", dossiers.DossierJson.as_view(), name="json"
    ),
    path("notifications", notifications.NotificationList.as_view(), name="told"),
    path("notifications/read", notifications.NotificationsRead.as_view(), name="read"),
    path("notifications/wish", notifications.Wish.as_view(), name="wish"),
    path("webhooks", webhooks.EndpointList.as_view(), name="webhooks"),
    path("webhooks/<uuid:row_id>/disable", webhooks.Disable.as_view(), name="disable"),
    path("webhooks/<uuid:row_id>/enable", webhooks.Enable.as_view(), name="enable"),
    path("webhooks/<uuid:row_id>/secret", webhooks.Secret.as_view(), name="resecret"),
    path("webhooks/<uuid:row_id>/messages", webhooks.Messages.as_view(), name="sent"),
    path(
        "webhook-messages/<uuid:row_id>/redelivery",
        webhooks.Redelivery.as_view(),
        name="redelivery",
    ),
    path("person-identities", people.IdentityList.as_view(), name="identities"),
    path(
        "person-identities/<uuid:row_id>/end",
        people.IdentityEnd.as_view(),
        name="identity-end",
    ),
    path("person-links", people.LinkList.as_view(), name="person-links"),
    path("credential-resets", people.ResetList.as_view(), name="credential-resets"),
    path(
        "credential-resets/<uuid:row_id>/identity-proof",
        people.IdentityProofs.as_view(),
        name="identity-proof",
    ),
    path("pipeline-trust", identities.TrustList.as_view(), name="pipeline-trust"),
    path(
        "pipeline-trust/<uuid:row_id>/confirm",
        identities.TrustConfirmations.as_view(),
        name="confirm-trust",
    ),
    path(
        "pipeline-trust/<uuid:row_id>/end",
        identities.TrustEnds.as_view(),
        name="end-trust",
    ),
    path(
        "pipeline-tokens",
        identities.PipelineTokenList.as_view(),
        name="pipeline-tokens",
    ),
    path("tokens", identities.TokenList.as_view(), name="tokens"),
    path(
        "tokens/<uuid:row_id>/revoke",
        identities.TokenEnds.as_view(),
        name="revoke-token",
    ),
    path("signing-step-ups", proof.StepUps.as_view(), name="signing-step-ups"),
    path("signing-challenges", proof.Challenges.as_view(), name="signing-challenges"),
    *decision_urls.urlpatterns,
    *auditing_urls.urlpatterns,
    # No path converter: it stops at a line break.
    re_path("", door.Nothing.as_view(), name="nothing"),
]

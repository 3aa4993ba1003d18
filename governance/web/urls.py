"""The addresses of the pages."""

from django.urls import path, register_converter

from governance.web import (
    aggregation,
    approvals,
    attachments,
    attestations,
    challenging,
    changes,
    comparing,
    compromised,
    dashboard,
    datasets,
    declarations,
    delegating,
    deployments,
    dossiers,
    draws,
    emergencies,
    evaluations,
    evidence,
    findings,
    forges,
    gate,
    history,
    identities,
    incidents,
    inventory,
    lineage,
    log,
    matrices,
    model_page,
    notifications,
    pack_decisions,
    people,
    permits,
    policy,
    policy_drafts,
    proof,
    registering,
    retirement,
    reviews,
    risk,
    running,
    signers,
    signing,
    single_sign_on,
    tiers,
    timeline,
    together,
    tokens,
    vendors,
    versions,
    waivers,
    webhooks,
)

app_name = "web"


class VersionConverter:
    """A version as `registry.models.base.VERSION` allows it."""

    regex = r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}"

    def to_python(self, value: str) -> str:
        """As it is."""
        return value

    def to_url(self, value: str) -> str:
        """As it is."""
        return value


register_converter(VersionConverter, "number")

_MODEL = "models/<slug:slug>"
_VERSION = f"{_MODEL}/versions/<number:version>"

urlpatterns = [
    path("notifications/", notifications.told, name="notifications"),
    path("notifications/read", notifications.read, name="read_notifications"),
    path("notifications/wish", notifications.wish, name="wish_notifications"),
    path("webhooks/", webhooks.endpoints, name="webhooks"),
    path("webhooks/<uuid:row_id>/", webhooks.endpoint, name="webhook"),
    path("webhooks/<uuid:row_id>/switch", webhooks.switch, name="switch_webhook"),
    path("webhooks/messages/<uuid:row_id>", webhooks.redeliver, name="redeliver"),
    path("pipelines/", identities.pipelines, name="pipelines"),
    path("pipelines/<uuid:row_id>/", identities.pipeline, name="pipeline"),
    path("pipelines/<uuid:row_id>/end", identities.end_pipeline, name="end_pipeline"),
    path("forges/", forges.servers, name="forges"),
    path("forges/<uuid:row_id>/", forges.server, name="forge"),
    path("forges/<uuid:row_id>/end", forges.end_server, name="end_forge"),
    path("forges/places/<uuid:row_id>/", forges.place, name="forge_place"),
    path("forges/places/<uuid:row_id>/end", forges.end_place, name="end_forge_place"),
    path("forges/requests/<uuid:row_id>/again", forges.again, name="forge_again"),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/<uuid:row_id>/revoke", tokens.revoke, name="revoke_token"),
    path("people/", people.people, name="people"),
    path("people/<uuid:row_id>/", people.person, name="person"),
    path("people/identities/<uuid:row_id>", people.end_identity, name="end_identity"),
    path("signing/step-up", single_sign_on.ask, name="ask_step_up"),
    path("signing/step-up/<uuid:row_id>", single_sign_on.step_up, name="step_up"),
    path("signing/challenge", proof.challenge, name="signing_challenge"),
    path("", dashboard.portfolio, name="dashboard"),
    path("models/", inventory.inventory, name="inventory"),
    path("models/register", registering.register, name="register_model"),
    path(f"{_MODEL}/", model_page.model_page, name="model"),
    path(f"{_MODEL}/compare", comparing.compare, name="compare"),
    path(f"{_MODEL}/history", history.history_page, name="history"),
    path(f"{_MODEL}/lineage", lineage.model_lineage, name="model_lineage"),
    path(f"{_MODEL}/versions/", model_page.versions_page, name="versions"),
    path("data-sets/", datasets.datasets_page, name="datasets"),
    path("data-sets/<slug:slug>/", datasets.dataset_page, name="dataset"),
    path(
        "data-sets/<slug:slug>/lineage", lineage.dataset_lineage, name="dataset_lineage"
    ),
    path(f"{_MODEL}/edit", registering.edit, name="edit_model"),
    path(f"{_MODEL}/risk", risk.assess, name="assess"),
    path(f"{_MODEL}/tier", tiers.tier, name="tier"),
    path(f"{_MODEL}/aggregate-risk", aggregation.aggregate, name="aggregate"),
    path("risk/", aggregation.concentration, name="concentration"),
    path("risk/matrices/", matrices.matrices_page, name="matrices"),
    path(
        "risk/matrices/drafts/<uuid:draft_id>/",
        matrices.draft_page,
        name="matrix_draft",
    ),
    path(
        "risk/matrices/drafts/<uuid:draft_id>/simulate",
        matrices.simulate,
        name="matrix_simulate",
    ),
    path(f"{_VERSION}/", versions.version_page, name="version"),
    path(f"{_VERSION}/evidence", evidence.measure, name="measure"),
    path(f"{_VERSION}/attach", attachments.attach, name="attach"),
    path(f"{_VERSION}/submit", approvals.submit, name="submit"),
    path(f"{_VERSION}/dossier", dossiers.ask, name="request_dossier"),
    path(f"{_VERSION}/retire", retirement.retire, name="retire"),
    path(
        "declarations/<uuid:declaration_id>/",
        declarations.declaration,
        name="declaration",
    ),
    path(
        "declarations/<slug:about>/<str:key>/",
        declarations.declarations,
        name="declarations",
    ),
    path(
        "declarations/<slug:about>/<str:key>/<slug:kind>",
        declarations.declare,
        name="declare",
    ),
    path("evidence/<uuid:run_id>/", evidence.run_page, name="evidence"),
    path("evidence/<uuid:run_id>/progress", evidence.progress, name="progress"),
    path("evidence/<uuid:run_id>/cancel", evidence.cancel, name="cancel-run"),
    path("evidence/<uuid:run_id>/report.json", evidence.document, name="report-file"),
    path(
        "attachments/<uuid:attachment_id>/", attachments.attachment, name="attachment"
    ),
    path(
        "attachments/<uuid:attachment_id>/file",
        attachments.download,
        name="attachment_file",
    ),
    path("evidence-signers/", signers.signers, name="signers"),
    path("evidence-signers/<slug:slug>/revoke", signers.revoke, name="revoke_signer"),
    path("approvals/", approvals.requests_page, name="approvals"),
    path("approvals/together/", together.together, name="together"),
    path("approvals/draws/", draws.draws, name="draws"),
    path("approvals/draws/<uuid:draw_id>/", draws.draw, name="draw"),
    path("approvals/<uuid:request_id>/", signing.approval, name="approval"),
    path(
        "approvals/<uuid:request_id>/challenges",
        challenging.challenges_page,
        name="challenges",
    ),
    path("delegations/", delegating.delegations_page, name="delegations"),
    path("separation-of-duties/", delegating.duties_page, name="duties"),
    path("approvals/<uuid:request_id>/withdraw", approvals.withdraw, name="withdraw"),
    path(
        "approvals/<uuid:request_id>/request-changes",
        approvals.request_changes,
        name="request-changes",
    ),
    path(
        "authorisations/<uuid:authorisation_id>/",
        deployments.authorisation_page,
        name="authorisation",
    ),
    path("findings/", findings.findings_page, name="findings"),
    path("findings/<uuid:finding_id>/", findings.finding_page, name="finding"),
    path(f"{_MODEL}/findings/raise", findings.raise_finding, name="raise_finding"),
    path("vendor-notices/", vendors.notices_page, name="vendor_notices"),
    path("vendor-notices/record", vendors.record_notice, name="record_notice"),
    path("compromised-keys/", compromised.compromised_page, name="compromised_keys"),
    path("incidents/", incidents.incidents_page, name="incidents"),
    path("incidents/record", incidents.record_incident, name="record_incident"),
    path("incidents/<uuid:incident_id>/", incidents.incident_page, name="incident"),
    path("reviews/", reviews.reviews_page, name="reviews"),
    path(f"{_MODEL}/review", reviews.review, name="review"),
    path("attestations/", attestations.attestations_page, name="attestations"),
    path("attestations/attest", attestations.attest, name="attest"),
    path(
        "attestations/<uuid:attestation_id>/",
        attestations.attestation_page,
        name="attestation",
    ),
    path("change-plans/", changes.plans_page, name="change_plans"),
    path("change-plans/<uuid:plan_id>/", changes.plan_page, name="change_plan"),
    path(f"{_VERSION}/change-plan", changes.file_plan, name="file_change_plan"),
    path(f"{_VERSION}/change", changes.record_change, name="record_change"),
    path("waivers/", waivers.waivers_page, name="waivers"),
    path("waivers/<uuid:waiver_id>/", waivers.waiver_page, name="waiver"),
    path(f"{_MODEL}/waivers/request", waivers.ask, name="request_waiver"),
    path("break-glass/", emergencies.emergencies_page, name="emergencies"),
    path(
        "break-glass/<uuid:emergency_id>/",
        emergencies.emergency_page,
        name="emergency",
    ),
    path(f"{_VERSION}/break-glass", emergencies.invoke, name="break_glass"),
    path("gate/", gate.decisions, name="gate"),
    path("gate/<uuid:decision_id>/", gate.decision, name="decision"),
    path("gate/<uuid:decision_id>/<slug:name>.json", permits.document, name="envelope"),
    path("gate/revoked.json", permits.revoked, name="revoked_permits"),
    path("deployments/", running.running, name="running"),
    path("deployments/sources/", running.sources, name="sources"),
    path("deployments/sources/<uuid:row_id>/", running.source, name="source"),
    path("deployments/sources/<uuid:row_id>/look", running.look, name="look"),
    path("deployments/sources/<uuid:row_id>/listen", running.listen, name="listen"),
    path(f"{_MODEL}/way-back/<slug:place>/", running.way_back, name="way_back"),
    path("policy/", policy.packs_page, name="policy"),
    path("policy/write", policy_drafts.write, name="policy_write"),
    path(
        "policy/drafts/<uuid:draft_id>/", policy_drafts.draft_page, name="policy_draft"
    ),
    path(
        "policy/drafts/<uuid:draft_id>/step",
        policy_drafts.step,
        name="policy_draft_step",
    ),
    path(
        "policy/simulations/<uuid:simulation_id>/",
        policy_drafts.simulation_page,
        name="simulation",
    ),
    path("policy/packs/<slug:slug>/decide", pack_decisions.decide, name="pack_decide"),
    path(f"{_VERSION}/evaluations/", evaluations.evaluations_page, name="evaluations"),
    path(
        "evaluations/<uuid:evaluation_id>/",
        evaluations.evaluation_page,
        name="evaluation",
    ),
    path("policy/packs/<slug:slug>/<number:version>/", policy.pack_page, name="pack"),
    path("dossiers/", dossiers.dossiers, name="dossiers"),
    path("dossiers/<uuid:dossier_id>/", dossiers.dossier_page, name="dossier"),
    path(
        "dossiers/<uuid:dossier_id>/progress",
        dossiers.progress,
        name="dossier_progress",
    ),
    path("dossiers/<uuid:dossier_id>/pdf", dossiers.pdf, name="dossier_pdf"),
    path("log/", log.state_page, name="log"),
    path("log/entries/", timeline.timeline, name="log_entries"),
    path(
        "log/objects/<slug:table>/<path:key>/", timeline.object_page, name="log_object"
    ),
    path("log/<int:index>/", timeline.entry_page, name="log_entry"),
    path("log/<int:index>/proof", timeline.proof, name="log_proof"),
]

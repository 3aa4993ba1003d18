"""What the rows of a table, and its columns, are in words."""

import re

from django.apps import apps
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import inventory_words

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORDS = {
    "registry_registeredmodel": gettext_lazy("Model"),
    "registry_modelversion": gettext_lazy("Version of a model"),
    "registry_user": gettext_lazy("Account"),
    "registry_roleassignment": gettext_lazy("Role of a person"),
    "registry_artifact": gettext_lazy("Artifact"),
    "registry_dataset": gettext_lazy("Data set"),
    "registry_datasetversion": gettext_lazy("Version of a data set"),
    "registry_environment": gettext_lazy("Environment"),
    "registry_deployment": gettext_lazy("Deployment"),
    "audits_evidencerun": gettext_lazy("Evidence run"),
    "audits_verification": gettext_lazy("Verification of the log"),
    "audits_schemachange": gettext_lazy("Change of a definition in the database"),
    "audits_catalogstate": gettext_lazy("State of the database's guards"),
    "audits_keyevent": gettext_lazy("Event of a key"),
    "governance_approvalrequest": gettext_lazy("Approval request"),
    "governance_signature": gettext_lazy("Signature on an approval"),
    "governance_recordsignature": gettext_lazy("Signature on a record"),
    "governance_statuschange": gettext_lazy("Change of a status"),
    "governance_authorisation": gettext_lazy("Authorisation"),
    "governance_authorisationchange": gettext_lazy("Change of an authorisation"),
    "governance_gatedecision": gettext_lazy("Decision of the gate"),
    "governance_riskassessment": gettext_lazy("Risk assessment"),
    "governance_finding": gettext_lazy("Finding"),
    "governance_waiver": gettext_lazy("Waiver"),
    "governance_policypack": gettext_lazy("Policy pack"),
    "governance_declaration": gettext_lazy("Declaration"),
    "governance_dossier": gettext_lazy("Dossier"),
    "governance_token": gettext_lazy("Token"),
    "governance_incident": gettext_lazy("Incident"),
    "governance_emergency": gettext_lazy("Break-glass"),
    "governance_securityevent": gettext_lazy("Security event"),
    "governance_permitrevocation": gettext_lazy("Revocation of a permit"),
    "governance_notification": gettext_lazy("Notification"),
    "audits_archive": gettext_lazy("Archived stretch of the log"),
    "audits_contradiction": gettext_lazy("Contradiction of a witness"),
    "audits_epoch": gettext_lazy("Epoch of the log"),
    "audits_erasure": gettext_lazy("Erasure of personal values"),
    "audits_evidencereport": gettext_lazy("Evidence report"),
    "audits_evidencesigner": gettext_lazy("Signer of evidence"),
    "audits_foreignevidence": gettext_lazy("Attached evidence"),
    "audits_legalhold": gettext_lazy("Legal hold"),
    "audits_measurement": gettext_lazy("Measurement"),
    "audits_retentionrule": gettext_lazy("Retention rule"),
    "governance_announcement": gettext_lazy("Announcement"),
    "governance_attestation": gettext_lazy("Attestation"),
    "governance_auditaccess": gettext_lazy("Access of an external auditor"),
    "governance_auditaccessend": gettext_lazy("End of an auditor's access"),
    "governance_auditdraw": gettext_lazy("Draw of a sample"),
    "governance_auditrequest": gettext_lazy("Request of an auditor"),
    "governance_auditrequeststep": gettext_lazy("Step of an auditor's request"),
    "governance_auditsample": gettext_lazy("Sample of an auditor"),
    "governance_challenge": gettext_lazy("Challenge"),
    "governance_challengeresponse": gettext_lazy("Answer to a challenge"),
    "governance_changeplan": gettext_lazy("Change plan"),
    "governance_changerecord": gettext_lazy("Record of a change"),
    "governance_condition": gettext_lazy("Condition"),
    "governance_delegation": gettext_lazy("Delegation"),
    "governance_dissent": gettext_lazy("Dissent"),
    "governance_evaluation": gettext_lazy("Evaluation of the rules"),
    "governance_findingchange": gettext_lazy("Change of a finding"),
    "governance_gatekey": gettext_lazy("Key of the gate"),
    "governance_matrixdraft": gettext_lazy("Draft of a risk matrix"),
    "governance_notificationread": gettext_lazy("Notification read"),
    "governance_packdraft": gettext_lazy("Draft of a policy pack"),
    "governance_packend": gettext_lazy("End of a policy pack"),
    "governance_packrevision": gettext_lazy("Revision of a draft"),
    "governance_packstep": gettext_lazy("Step of a draft"),
    "governance_periodicreview": gettext_lazy("Periodic review"),
    "governance_retirement": gettext_lazy("Retirement"),
    "governance_riskmatrix": gettext_lazy("Risk matrix"),
    "governance_simulation": gettext_lazy("Simulation"),
    "governance_tierdecision": gettext_lazy("Decision on a tier"),
    "governance_tokenuse": gettext_lazy("Use of a token"),
    "governance_trustrule": gettext_lazy("Trust in a pipeline"),
    "governance_vendornotice": gettext_lazy("Notice of a vendor"),
    "governance_waitingrequest": gettext_lazy("Waiting request"),
    "governance_waiverdecision": gettext_lazy("Decision on a waiver"),
    "governance_webhookendpoint": gettext_lazy("Webhook"),
    "governance_withdrawal": gettext_lazy("Withdrawal"),
    "mfa_authenticator": gettext_lazy("Passkey or second factor"),
    "registry_run": gettext_lazy("Training run"),
    "registry_versionartifact": gettext_lazy("Artifact of a version"),
    "registry_versiondataset": gettext_lazy("Data of a version"),
}
_FIELDS = {
    "id": gettext_lazy("Id"),
    "unit": gettext_lazy("Unit"),
    "email": gettext_lazy("Mail address"),
    "username": gettext_lazy("User name"),
    "is_active": gettext_lazy("Active"),
    "role": gettext_lazy("Role"),
    "status": gettext_lazy("Status"),
    "state": gettext_lazy("State"),
    "reason": gettext_lazy("Reason"),
    "comment": gettext_lazy("Comment"),
    "sequence": gettext_lazy("Number in its history"),
    "version_id": gettext_lazy("Version"),
    "model_id": gettext_lazy("Model"),
    "environment_id": gettext_lazy("Environment"),
    "user_id": gettext_lazy("Person"),
    "tier": gettext_lazy("Tier"),
    "ended_at": gettext_lazy("Ended at"),
}


def kind(table: str) -> str:
    """What a row of this table is; of a table without a word of ours, its name."""
    if table in _WORDS:
        return str(_WORDS[table])
    app, _gap, name = table.partition("_")
    try:
        model = apps.get_model(app, name)
    except (LookupError, ValueError):
        return table
    return _CAPITAL.sub(" ", model.__name__).capitalize()


def field(table: str, name: str) -> str:
    """What a column is called by people; its own name, spaced, where nobody said."""
    if table == "registry_registeredmodel":
        label = inventory_words.LABELS.get(name.removesuffix("_id"))
        if label:
            return str(label)
    if name in _FIELDS:
        return str(_FIELDS[name])
    return name.removesuffix("_id").replace("_", " ").capitalize()


def yes_or_no(text: str) -> str:
    """JSON's two truths in words; any other text as it is."""
    return {"true": _("yes"), "false": _("no")}.get(text, text)

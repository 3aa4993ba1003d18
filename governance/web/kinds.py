"""What the rows of a table, and its columns, are in words."""

import csv
from functools import lru_cache
from pathlib import Path

from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from governance import inventory_words

_WORDS = {
    "audits_entry": gettext_lazy("Entry of the log"),
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
    "account_emailaddress": gettext_lazy("Mail address of an account"),
    "account_emailconfirmation": gettext_lazy("Confirmation of a mail address"),
    "audits_evidencepart": gettext_lazy("Part of attached evidence"),
    "audits_legalholdrelease": gettext_lazy("End of a legal hold"),
    "auth_group": gettext_lazy("Group of accounts"),
    "auth_group_permissions": gettext_lazy("Permission of a group"),
    "governance_challengedisposition": gettext_lazy("Outcome of a challenge"),
    "governance_changeplanend": gettext_lazy("End of a change plan"),
    "governance_conditionfact": gettext_lazy("Fact about a condition"),
    "governance_credentialreset": gettext_lazy("Reset of a password"),
    "governance_delegationend": gettext_lazy("End of a delegation"),
    "governance_deploymentsource": gettext_lazy("Source that is asked what runs"),
    "governance_dissentoverride": gettext_lazy("Decision against a dissent"),
    "governance_dossiermail": gettext_lazy("Mailing of a dossier"),
    "governance_dossierrecipient": gettext_lazy("Recipient of dossiers"),
    "governance_dossierschedule": gettext_lazy("Schedule of dossiers"),
    "governance_draw": gettext_lazy("Draw for review"),
    "governance_drawreview": gettext_lazy("Review of what was drawn"),
    "governance_earlyadoption": gettext_lazy("Early adoption of a policy pack"),
    "governance_emergencyauthorisation": gettext_lazy("Authorisation by break-glass"),
    "governance_emergencyend": gettext_lazy("End of break-glass"),
    "governance_emergencyextension": gettext_lazy("Extension of break-glass"),
    "governance_emergencyreview": gettext_lazy("Review of break-glass"),
    "governance_emergencytoken": gettext_lazy("Sealed emergency token"),
    "governance_forge": gettext_lazy("Code server"),
    "governance_forgeattempt": gettext_lazy("Attempt to answer a code server"),
    "governance_forgeend": gettext_lazy("End of a code server"),
    "governance_forgeplace": gettext_lazy("Place of a code server"),
    "governance_forgeplaceconfirmation": gettext_lazy(
        "Confirmation of a code server's place"
    ),
    "governance_forgeplaceend": gettext_lazy("End of a code server's place"),
    "governance_forgerequest": gettext_lazy("Question of a code server"),
    "governance_forgesecret": gettext_lazy("Other secret of a code server"),
    "governance_idempotentreply": gettext_lazy("Kept answer to an API call"),
    "governance_identityproof": gettext_lazy("Proof of an identity"),
    "governance_incidentclosure": gettext_lazy("Closure of an incident"),
    "governance_incidentreport": gettext_lazy("Report of an incident to the authority"),
    "governance_keycompromise": gettext_lazy("Compromise of a key"),
    "governance_lineageevent": gettext_lazy("Reported event of lineage"),
    "governance_lineagename": gettext_lazy("Name in a reported event"),
    "governance_notificationmailed": gettext_lazy("Notification sent by mail"),
    "governance_notificationwish": gettext_lazy("Wish about notifications"),
    "governance_passkeyanswer": gettext_lazy("Answer of a passkey"),
    "governance_personidentity": gettext_lazy("Identity of a person"),
    "governance_personlink": gettext_lazy("Accounts declared one person or two"),
    "governance_pipelinetoken": gettext_lazy("Token of a pipeline"),
    "governance_preference": gettext_lazy("Preference of a person"),
    "governance_reassessmentdemand": gettext_lazy("Demand for a reassessment"),
    "governance_registryevent": gettext_lazy("Message of a model registry"),
    "governance_reminder": gettext_lazy("Reminder to signers"),
    "governance_revocationlist": gettext_lazy("List of revoked permits"),
    "governance_riskscenario": gettext_lazy("Risk scenario"),
    "governance_rollback": gettext_lazy("Way back to an earlier version"),
    "governance_savedview": gettext_lazy("Saved view"),
    "governance_seriesuse": gettext_lazy("Signing within a series"),
    "governance_sighting": gettext_lazy("Sighting of a running file"),
    "governance_sightingend": gettext_lazy("End of a sighting"),
    "governance_signatureattempt": gettext_lazy("Failed attempt to sign"),
    "governance_signingchallenge": gettext_lazy("What a passkey is asked to sign"),
    "governance_signingseries": gettext_lazy("Series of signings"),
    "governance_sourcerun": gettext_lazy("Look at a source of deployments"),
    "governance_stepup": gettext_lazy("Renewed login before signing"),
    "governance_stepupanswer": gettext_lazy("Answer to a renewed login"),
    "governance_stepupuse": gettext_lazy("Use of a renewed login"),
    "governance_triggerevent": gettext_lazy("Event that demands action"),
    "governance_trustconfirmation": gettext_lazy("Confirmation of trust in a pipeline"),
    "governance_trustend": gettext_lazy("End of trust in a pipeline"),
    "governance_waiverrevocation": gettext_lazy("Revocation of a waiver"),
    "governance_webhookattempt": gettext_lazy("Attempt to deliver a message"),
    "governance_webhookmessage": gettext_lazy("Message for a webhook"),
    "registry_modelfeed": gettext_lazy("Feed of a model by another"),
    "registry_runlink": gettext_lazy("What a run read or wrote"),
    "registry_user_groups": gettext_lazy("Group of an account"),
    "registry_user_user_permissions": gettext_lazy("Permission of an account"),
}
_WAYS = {
    "archive": gettext_lazy("out of the archive"),
    "api": gettext_lazy("through the API"),
    "command": gettext_lazy("by a command"),
    "migration": gettext_lazy("by an update"),
    "page": gettext_lazy("on a page"),
    "task": gettext_lazy("by itself"),
    "witness": gettext_lazy("as a witness"),
    "worker": gettext_lazy("by a worker"),
}
# Who changes rows without being a person or a pipeline.
_PROGRAMS = {
    "audits.key_events": gettext_lazy("Keys of the log"),
    "audits.outside": gettext_lazy("Witnesses of the log"),
    "audits.verification": gettext_lazy("Verification of the log"),
    "baseline": gettext_lazy("Beginning of the log"),
    "command": gettext_lazy("Command line"),
    "migration": gettext_lazy("Update of the database"),
    "system": gettext_lazy("Freigabe itself"),
    "task": gettext_lazy("Clock"),
    "worker": gettext_lazy("Worker process"),
}
COLUMNS = Path(__file__).with_name("columns.csv")


def kind(table: str) -> str:
    """What a row of this table is; of one that the log no longer captures, its name."""
    return str(_WORDS.get(table, table))


def field(table: str, name: str) -> str:
    """What a column is called by people; its own name, spaced, where nobody said."""
    if table == "registry_registeredmodel":
        label = inventory_words.LABELS.get(name.removesuffix("_id"))
        if label:
            return str(label)
    words = columns().get(name, {})
    language = "de" if (get_language() or "").startswith("de") else "en"
    return words.get(language) or _spaced(name)


@lru_cache(maxsize=1)
def columns() -> dict[str, dict[str, str]]:
    """The words of columns; English is empty where the spaced name reads well."""
    with COLUMNS.open(encoding="utf-8", newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def _spaced(name: str) -> str:
    return name.removesuffix("_id").replace("_", " ").capitalize()


def way(via: str) -> str:
    """The way that a change took, in words; an unknown one by its name."""
    return str(_WAYS.get(via, via))


def program(actor: str) -> str:
    """What people call a program that changed rows; empty for all others."""
    return str(_PROGRAMS.get(actor, ""))


def program_named(name: str) -> str:
    """The program that people call so, in their language; else the name itself."""
    called = name.casefold()
    found = (actor for actor in _PROGRAMS if program(actor).casefold() == called)
    return next(found, name)


def yes_or_no(text: str) -> str:
    """JSON's two truths in words; any other text as it is."""
    return {"true": _("yes"), "false": _("no")}.get(text, text)

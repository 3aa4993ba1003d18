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
    "audits_attachment": gettext_lazy("Attached evidence"),
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

"""Separation of duties: who has had a hand in a version, now or at any time."""

import json

from django.utils.translation import gettext as _

from audits import log
from audits.capture import relation
from governance.models import ApprovalRequest
from registry.models import ModelVersion, RegisteredModel, VersionDataset


def hands_in(version: ModelVersion) -> dict[str, str]:
    """People by id who may not sign this version, and what they did.

    Owners and developers are taken from the whole history of the inventory record, as
    the log keeps it: handing a model over, or losing the role, does not free anybody
    to sign it (decisions.md 3.4, rules 1 and 2).
    """
    hands = hands_in_model(version.model)
    for pk in version.version_artifacts.values_list("artifact__uploaded_by", flat=True):
        hands.setdefault(str(pk), _("uploaded a file of this version"))
    learned = version.version_datasets.filter(use=VersionDataset.Use.TRAINING)
    for pk in learned.values_list("dataset_version__registered_by", flat=True):
        hands.setdefault(str(pk), _("provided its training data"))
    hands[str(version.registered_by_id)] = _("registered this version")
    hands[str(version.developer_id)] = _("developed this version")
    if version.run is not None:
        hands[str(version.run.run_by_id)] = _("trained this version")
    return hands


def hands_in_model(model: RegisteredModel) -> dict[str, str]:
    """People by id who own or develop a model, now or at any time."""
    hands = _of_history(model)
    hands[str(model.owner_id)] = _("owns this model")
    hands[str(model.developer_id)] = _("develops this model")
    return hands


def hands_in_request(request: ApprovalRequest) -> dict[str, str]:
    """The same, with those who asked and who judged the risk of what is asked for."""
    return {**hands_in(request.version), **askers(request)}


def askers(request: ApprovalRequest) -> dict[str, str]:
    """Who asked for the approval, and who judged the risk that it rests on, or changed
    the tier that follows: they would choose how many must sign, and be one of them.
    """
    decided = request.assessment.tier_decisions.values_list("decided_by", flat=True)
    return {
        **{str(pk): _("decided on the tier that it rests on") for pk in decided},
        str(request.assessment.assessed_by_id): _("assessed the risk that it rests on"),
        str(request.requested_by_id): _("asked for this approval"),
    }


def _of_history(model: RegisteredModel) -> dict[str, str]:
    found = {}
    entries = log.entries_for(rel=relation(RegisteredModel), pk=str(model.pk))
    for body in entries.values_list("body", flat=True):
        row = json.loads(body).get("new") or {}
        for field, what in (
            ("owner_id", _("owned this model")),
            ("developer_id", _("developed this model")),
        ):
            if row.get(field):
                found[str(row[field])] = what
    return found

"""Separation of duties: who has had a hand in a version, now or at any time."""

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from audits import log
from audits.capture import relation
from governance.models import ApprovalRequest
from registry.models import (
    ModelVersion,
    RegisteredModel,
    VersionArtifact,
    VersionDataset,
)


def hands_in(version: ModelVersion) -> dict[str, str]:
    """People by id who may not sign this version, and what they did.

    Owners and developers are taken from the whole history of the inventory record, as
    the log keeps it: handing a model over, or losing the role, does not free anybody
    to sign it (decisions.md 3.4, rules 1 and 2).
    """
    return hands_by([version])[version.pk]


def hands_by(versions: Iterable[ModelVersion]) -> dict[UUID, dict[str, str]]:
    """The same of many versions by their ids, in three queries."""
    rows = list(versions)
    keys = [version.pk for version in rows]
    of_model = _hands_in_models(list({v.model_id: v.model for v in rows}.values()))
    files = _people(
        VersionArtifact.objects.filter(version__in=keys), "artifact__uploaded_by"
    )
    data = _people(
        VersionDataset.objects.filter(
            version__in=keys, use=VersionDataset.Use.TRAINING
        ),
        "dataset_version__registered_by",
    )
    found = {}
    for version in rows:
        hands = dict(of_model[version.model_id])
        for pk in files[version.pk]:
            hands.setdefault(str(pk), _("uploaded a file of this version"))
        for pk in data[version.pk]:
            hands.setdefault(str(pk), _("provided its training data"))
        hands[str(version.registered_by_id)] = _("registered this version")
        hands[str(version.developer_id)] = _("developed this version")
        if version.run is not None:
            hands[str(version.run.run_by_id)] = _("trained this version")
        found[version.pk] = hands
    return found


def _people(links: QuerySet[Any], who: str) -> dict[UUID, list[UUID]]:
    """Who provided what is linked to versions, by version."""
    found = defaultdict(list)
    for version, person in links.values_list("version_id", who):
        found[version].append(person)
    return found


def hands_in_model(model: RegisteredModel) -> dict[str, str]:
    """People by id who own or develop a model, now or at any time."""
    return _hands_in_models([model])[model.pk]


def _hands_in_models(models: list[RegisteredModel]) -> dict[UUID, dict[str, str]]:
    found = _of_history(models)
    for model in models:
        found[model.pk][str(model.owner_id)] = _("owns this model")
        found[model.pk][str(model.developer_id)] = _("develops this model")
    return found


def hands_in_request(request: ApprovalRequest) -> dict[str, str]:
    """The same, with those who asked and who judged the risk of what is asked for."""
    return {**hands_in(request.version), **askers(request)}


def askers(request: ApprovalRequest, *, decided: bool = True) -> dict[str, str]:
    """Who asked for the approval, and who judged the risk that it rests on, or changed
    the tier that follows: they would choose how many must sign, and be one of them.

    Not `decided`: there is known to be no decision on the tier.
    """
    decisions = request.assessment.tier_decisions.all() if decided else ()
    return {
        **{
            str(row.decided_by_id): _("decided on the tier that it rests on")
            for row in decisions
        },
        str(request.assessment.assessed_by_id): _("assessed the risk that it rests on"),
        str(request.requested_by_id): _("asked for this approval"),
    }


def _of_history(models: list[RegisteredModel]) -> dict[UUID, dict[str, str]]:
    """Who owned or developed models before, as the log keeps it."""
    found: dict[UUID, dict[str, str]] = {model.pk: {} for model in models}
    entries = log.entries_of(rel=relation(RegisteredModel), pks=map(str, found))
    for pk, body in entries.values_list("pk_text", "body"):
        row = json.loads(body).get("new") or {}
        for field, what in (
            ("owner_id", _("owned this model")),
            ("developer_id", _("developed this model")),
        ):
            if row.get(field):
                found[UUID(pk)][str(row[field])] = what
    return found

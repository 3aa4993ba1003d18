"""Emergencies as they stand, and whether the glass can be broken at all."""

from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from governance.emergencies.terms import NotPossible, ends_at, overdue_of, waits
from governance.lifecycle import State, state_of, status_of
from governance.models import Authorisation, Emergency, Status
from registry.models import Environment, ModelVersion, RegisteredModel


def require_possible(
    version: ModelVersion, environment: Environment, at: datetime
) -> str:
    """The digest that may run in an emergency. Raises `NotPossible`.

    Never for prohibited practices, for a file that is unknown or was revoked, or while
    an earlier emergency of the same owner waits too long for its review.
    """
    model = version.model
    part = version.version_artifacts.filter(role="model").select_related("artifact")
    found = part.first()
    if not environment.emergency_allowed:
        raise NotPossible(_("This environment allows no emergencies."))
    if model.ai_act_class == RegisteredModel.AIActClass.PROHIBITED:
        raise NotPossible(_("A prohibited practice (AI Act Art. 5) never runs."))
    if found is None:
        raise NotPossible(_("This version has no model file."))
    if status_of(version) in (Status.RETIRED, Status.REJECTED):
        raise NotPossible(_("This version was retired or rejected."))
    if revoked(found.artifact.sha256):
        raise NotPossible(_("The authorisation of this file was revoked."))
    if overdue_of(model.owner, at):
        raise NotPossible(
            _("An earlier emergency of %(owner)s waits too long for its review.")
            % {"owner": model.owner.printed_name}
        )
    return found.artifact.sha256


def revoked(artifact_sha256: str) -> bool:
    """Whether any authorisation of this file was ever revoked, anywhere."""
    rows = Authorisation.objects.filter(artifact_sha256=artifact_sha256)
    return any(
        state_of(row) == State.REVOKED for row in rows.prefetch_related("changes")
    )


def standing_in(
    version: ModelVersion, environment: Environment, at: datetime
) -> list[Emergency]:
    """The emergencies of a version in an environment that run, or can be confirmed."""
    rows = Emergency.objects.filter(
        version=version,
        environment=environment,
        invoked_at__gt=at - timedelta(days=14),
    ).select_related("authorisation", "extension", "ending", "review")
    return [
        row
        for row in rows
        if (
            at < ends_at(row.authorisation)
            if hasattr(row, "authorisation")
            else waits(row, at)
        )
    ]


def lock(emergency: Emergency) -> Emergency:
    """The emergency as it stands now; two people cannot confirm or extend at once."""
    Emergency.objects.select_for_update(of=("self",)).get(pk=emergency.pk)
    return told().get(pk=emergency.pk)


def told() -> QuerySet[Emergency]:
    """Emergencies with all that is looked at."""
    return Emergency.objects.select_related(
        "version__model__owner",
        "version__run",
        "environment",
        "invoked_by",
        "token__sealed_by",
        "authorisation__confirmed_by",
        "extension__extended_by",
        "ending__ended_by",
        "review__reviewed_by",
    )

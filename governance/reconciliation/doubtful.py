"""What may run without a doubt, found by the database; the rest is judged."""

from datetime import datetime

from django.db.models import Exists, F, OuterRef, QuerySet

from governance.models import (
    Condition,
    GateDecision,
    KeyCompromise,
    PermitRevocation,
    Sighting,
)
from governance.portfolio import Moment, permits_in_force
from registry.models import Deployment, VersionArtifact


def reports(rows: QuerySet[Deployment], *, at: datetime) -> QuerySet[Deployment]:
    """Those of the newest reports that could be unauthorised."""
    sure = _permits(at).filter(
        version=OuterRef("version"),
        environment=OuterRef("environment"),
        authorisation__artifact_sha256=OuterRef("artifact_sha256"),
    )
    permitted = Deployment.objects.filter(Exists(sure), decision_id__isnull=False)
    newest = Deployment.objects.filter(pk__in=rows.values("pk"))
    return newest.exclude(pk__in=permitted.values("pk")).select_related(
        "version__model__owner", "environment", "reported_by"
    )


def sightings(rows: QuerySet[Sighting], *, at: datetime) -> QuerySet[Sighting]:
    """Those of the sightings that could be unauthorised.

    Without a doubt are files that are the model of one version alone, permitted there.
    """
    models = VersionArtifact.objects.filter(role=VersionArtifact.Part.MODEL)
    twin = models.filter(artifact=OuterRef("artifact")).exclude(
        version=OuterRef("version")
    )
    sure = _permits(at).filter(
        version=OuterRef("version"),
        environment=OuterRef(OuterRef("environment")),
        authorisation__artifact_sha256=OuterRef("artifact__sha256"),
    )
    known = models.filter(
        ~Exists(twin), Exists(sure), artifact__sha256=OuterRef("sha256")
    )
    return rows.exclude(Exists(known))


def _permits(at: datetime) -> QuerySet[GateDecision]:
    """Permits that hold without a closer look: no condition, nothing taken back."""
    if KeyCompromise.objects.exists():
        return GateDecision.objects.none()
    revoked = PermitRevocation.objects.filter(permit_id=OuterRef("pk"))
    conditions = Condition.objects.filter(request=OuterRef("authorisation__request"))
    return GateDecision.objects.filter(
        ~Exists(revoked),
        ~Exists(conditions),
        allowed=True,
        expires_at__gt=at,
        authorisation__in=permits_in_force(Moment(at)).values("pk"),
        authorisation__version=F("version"),
        authorisation__environment=F("environment"),
    )

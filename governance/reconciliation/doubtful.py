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


def reports(
    rows: QuerySet[Deployment], *, at: datetime, sure: bool = False
) -> QuerySet[Deployment]:
    """Those of the newest reports that could be unauthorised, or that surely are not.

    The sure ones say in `fresh` whether a permit is valid; else it only lapsed.
    """
    permits = _permits(at).filter(
        version=OuterRef("version"),
        environment=OuterRef("environment"),
        authorisation__artifact_sha256=OuterRef("artifact_sha256"),
    )
    known = Deployment.objects.filter(Exists(permits), decision_id__isnull=False)
    found = Deployment.objects.filter(pk__in=rows.values("pk"))
    if sure:
        fresh = Exists(permits.filter(expires_at__gt=at))
        return found.filter(pk__in=known.values("pk")).annotate(fresh=fresh)
    return found.exclude(pk__in=known.values("pk")).select_related(
        "version__model__owner", "environment", "reported_by"
    )


def sightings(
    rows: QuerySet[Sighting], *, at: datetime, sure: bool = False
) -> QuerySet[Sighting]:
    """Those of the sightings that could be unauthorised, or that surely are not.

    Without a doubt are files that are the model of one version alone, permitted there.
    """
    models = VersionArtifact.objects.filter(role=VersionArtifact.Part.MODEL)
    twin = models.filter(artifact=OuterRef("artifact")).exclude(
        version=OuterRef("version")
    )
    permits = _permits(at).filter(
        version=OuterRef("version"),
        environment=OuterRef(OuterRef("environment")),
        authorisation__artifact_sha256=OuterRef("artifact__sha256"),
    )
    alone = models.filter(~Exists(twin), artifact__sha256=OuterRef("sha256"))
    known = Exists(alone.filter(Exists(permits)))
    if sure:
        valid = alone.filter(Exists(permits.filter(expires_at__gt=at)))
        return rows.filter(known).annotate(fresh=Exists(valid))
    return rows.exclude(known)


def _permits(at: datetime) -> QuerySet[GateDecision]:
    """Permits that hold without a closer look, or only lapsed.

    No condition, nothing taken back, the approval in force.
    """
    if KeyCompromise.objects.exists():
        return GateDecision.objects.none()
    revoked = GateDecision.objects.filter(
        pk__in=PermitRevocation.objects.values("permit_id"),
        authorisation__isnull=False,
    )
    conditions = Condition.objects.filter(request=OuterRef("authorisation__request"))
    return GateDecision.objects.filter(
        ~Exists(conditions),
        allowed=True,
        authorisation__in=permits_in_force(Moment(at)).values("pk"),
        authorisation__version=F("version"),
        authorisation__environment=F("environment"),
    ).exclude(authorisation__in=revoked.values("authorisation"))

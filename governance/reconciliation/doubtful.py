"""What may run without a doubt, found by the database; the rest is judged."""

from datetime import datetime
from typing import Any

from django.db.models import BooleanField, Exists, Model, OuterRef, QuerySet, Value
from django.db.models.expressions import Combinable, RawSQL

from governance.models import (
    Authorisation,
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
    files = ("version_id", "environment_id", "artifact_sha256")
    found = Deployment.objects.filter(pk__in=rows.values("pk"))
    known = found.annotate(known=_among(Deployment, files, _granted(at).values(*files)))
    if sure:
        valid = _granted(at, expires_at__gt=at).values(*files)
        known = known.filter(known=True, decision_id__isnull=False)
        return known.annotate(fresh=_among(Deployment, files, valid))
    return known.exclude(known=True, decision_id__isnull=False).select_related(
        "version__model__owner", "environment", "reported_by"
    )


def sightings(
    rows: QuerySet[Sighting], *, at: datetime, sure: bool = False
) -> QuerySet[Sighting]:
    """Those of the sightings that could be unauthorised, or that surely are not.

    Without a doubt are files that are the model of one version alone, permitted there.
    """
    files = ("environment_id", "sha256")
    known = rows.annotate(known=_among(Sighting, files, _alone(_granted(at))))
    if sure:
        valid = _alone(_granted(at, expires_at__gt=at))
        return known.filter(known=True).annotate(fresh=_among(Sighting, files, valid))
    return known.filter(known=False)


def _alone(granted: QuerySet[Authorisation]) -> QuerySet[Any, Any]:
    """Where a file is granted that is the model of its version and of no other."""
    models = VersionArtifact.objects.filter(role=VersionArtifact.Part.MODEL)
    same = models.filter(artifact__sha256=OuterRef("artifact_sha256"))
    own = same.filter(version=OuterRef("version"))
    others = same.exclude(version=OuterRef("version"))
    alone = granted.filter(Exists(own), ~Exists(others))
    return alone.values("environment_id", "artifact_sha256")


def _among(
    rows: type[Model], columns: tuple[str, ...], granted: QuerySet[Any, Any]
) -> Combinable:
    """Whether the columns of a row are among what was granted.

    Never a join: what is granted is found once and looked up. Of so many conditions
    the planner expects one row, and would compare each with each.
    """
    if KeyCompromise.objects.exists():
        return Value(False)
    sql, values = granted.order_by().query.sql_with_params()
    own = ", ".join(f"{rows._meta.db_table}.{name}" for name in columns)
    return RawSQL(f"(({own}) IN ({sql})) IS TRUE", values, BooleanField())  # noqa: S611


def _granted(at: datetime, **permit: Any) -> QuerySet[Authorisation]:
    """Approvals in force whose permits hold without a closer look, or only lapsed.

    No condition, nothing taken back; `permit` narrows the permits.
    """
    permits = GateDecision.objects.filter(
        authorisation=OuterRef("pk"),
        version=OuterRef("version"),
        environment=OuterRef("environment"),
        allowed=True,
        **permit,
    )
    revoked = GateDecision.objects.filter(
        pk__in=PermitRevocation.objects.values("permit_id"),
        authorisation__isnull=False,
    )
    conditions = Condition.objects.filter(request=OuterRef("request"))
    return (
        permits_in_force(Moment(at))
        .filter(Exists(permits), ~Exists(conditions))
        .exclude(pk__in=revoked.values("authorisation"))
    )

"""Cases of many authorisations at once, read in set-based queries."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch

from audits.evidence import latest_reports_by
from governance import risk
from governance.case import Case
from governance.declared import held_by
from governance.lifecycle import State, state_of
from governance.models import Authorisation, RiskMatrix, Signature
from governance.policy import Shelf
from governance.surroundings import Together
from registry.models import VersionArtifact

AT_ONCE = 500


def active_authorisations(at: datetime) -> list[UUID]:
    """The newest authorisation of each version and environment that is in force."""
    newer = Authorisation.objects.filter(
        version=OuterRef("version"),
        environment=OuterRef("environment"),
        request__sequence__gt=OuterRef("request__sequence"),
    )
    rows = (
        Authorisation.objects.filter(valid_from__lte=at, valid_until__gt=at)
        .exclude(Exists(newer))
        .prefetch_related("changes")
        .order_by("version__model__slug", "version__version", "environment__slug")
    )
    return [row.pk for row in rows if state_of(row) == State.ACTIVE]


def cases(
    keys: Sequence[UUID],
    *,
    at: datetime,
    shelf: Shelf,
    matrices: Sequence[RiskMatrix] | None = None,
) -> Iterator[Case]:
    """The cases of these authorisations, as the gate sees them, in their order."""
    for start in range(0, len(keys), AT_ONCE):
        rows = _rows(keys[start : start + AT_ONCE])
        yield from _chunk(rows, at, shelf, matrices)


def _rows(keys: Iterable[UUID]) -> list[Authorisation]:
    found = (
        Authorisation.objects.select_related(
            "request__assessment", "version__model", "version__run"
        )
        # What many share, such as people, is one object for all of them.
        .prefetch_related(
            "environment",
            "request__requested_by",
            "request__assessment__tier_decisions",
            Prefetch(
                "request__signatures",
                Signature.objects.select_related("delegation__delegator"),
            ),
            "request__signatures__signed_by",
            "version__developer",
            "version__model__owner",
            "version__model__developer",
            "version__model__validator",
            "version__version_datasets__dataset_version",
            Prefetch(
                "version__version_artifacts",
                VersionArtifact.objects.select_related("artifact"),
            ),
        )
        .in_bulk(list(keys))
    )
    return [found[key] for key in keys]


def _chunk(
    rows: Sequence[Authorisation],
    at: datetime,
    shelf: Shelf,
    matrices: Sequence[RiskMatrix] | None,
) -> Iterator[Case]:
    versions = list({row.version_id: row.version for row in rows}.values())
    models = {version.model_id: version.model for version in versions}
    standings = risk.standings(models.values(), at, rows=matrices)
    held = held_by(versions, at)
    reports = latest_reports_by(versions)
    together = Together(
        versions,
        at,
        fairness=[of["fairness"] for of in reports.values() if "fairness" in of],
    )
    for row in rows:
        parts = row.version.version_artifacts.all()
        standing = standings[row.version.model_id]
        case = Case(row.version, row.environment, at, granted=row).knowing(
            shelf=shelf,
            standing=standing,
            assessment=standing.assessment,
            held=held[row.version_id],
            reports=reports[row.version_id],
            around=together.around(row.version),
            data=list(row.version.version_datasets.all()),
            artifact=next((p.artifact for p in parts if p.role == "model"), None),
            signatures=sorted(
                row.request.signatures.all(),
                key=lambda signed: (signed.signed_at, signed.pk),
            ),
        )
        yield case

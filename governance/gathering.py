"""Cases of many authorisations or requests at once, read in set-based queries."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch, prefetch_related_objects

from audits.evidence import latest_reports_by
from governance import policy, risk
from governance.case import Case
from governance.declared import held_by
from governance.lifecycle import State, state_of
from governance.models import ApprovalRequest, Authorisation, RiskMatrix, Signature
from governance.policy import Shelf
from governance.surroundings import Together
from registry.models import ModelVersion, User, VersionArtifact

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


def cases_of_requests(keys: Sequence[UUID], *, at: datetime) -> Iterator[Case]:
    """The cases of these undecided requests, as their signers see them, in order.

    For who only reads, see `Together.look`.
    """
    found = (
        ApprovalRequest.objects.select_related(
            "environment", "assessment", "version__model", "version__run"
        )
        .prefetch_related(*_parts(""))
        .in_bulk(list(keys))
    )
    rows = [found[key] for key in keys]
    _meet((row, row.version) for row in rows)
    read = _Read([row.version for row in rows], at, looking=True)
    none = read.together.absent
    if "tier_decisions" not in none:
        prefetch_related_objects(rows, "assessment__tier_decisions")
    shelf = policy.shelf(
        at=at, ended="pack_ends" not in none, adopted="early_adoptions" not in none
    )
    for row in rows:
        yield Case(row.version, row.environment, at).knowing(
            request=row, shelf=shelf, **read.of(row.version), signatures=_signed(row)
        )


def _rows(keys: Iterable[UUID]) -> list[Authorisation]:
    found = (
        Authorisation.objects.select_related(
            "environment", "request__assessment", "version__model", "version__run"
        )
        .prefetch_related(*_parts("request__"), "request__assessment__tier_decisions")
        .in_bulk(list(keys))
    )
    rows = [found[key] for key in keys]
    _meet((row.request, row.version) for row in rows)
    return rows


def _parts(request: str) -> list[Any]:
    """What is read of each; a data set that many share is one object for all."""
    return [
        Prefetch(
            f"{request}signatures",
            Signature.objects.select_related("delegation__delegator"),
        ),
        "version__version_datasets__dataset_version",
        Prefetch(
            "version__version_artifacts",
            VersionArtifact.objects.select_related("artifact"),
        ),
    ]


def _meet(rows: Iterable[tuple[ApprovalRequest, ModelVersion]]) -> None:
    """Give all of them their people, each of whom is one object, in one query."""
    places: list[tuple[Any, str]] = []
    for request, version in rows:
        places += [(request, "requested_by"), (version, "developer")]
        places += [(version.model, n) for n in ("owner", "developer", "validator")]
        places += [(signed, "signed_by") for signed in request.signatures.all()]
    keys = [getattr(row, f"{name}_id") for row, name in places]
    people = User.objects.in_bulk({key for key in keys if key is not None})
    for (row, name), key in zip(places, keys, strict=True):
        setattr(row, name, people.get(key))


def _signed(request: ApprovalRequest) -> list[Signature]:
    """Its signatures in order of time."""
    return sorted(
        request.signatures.all(), key=lambda signed: (signed.signed_at, signed.pk)
    )


class _Read:
    """What stands around versions, in a few queries for all of them."""

    def __init__(
        self,
        rows: Iterable[ModelVersion],
        at: datetime,
        matrices: Sequence[RiskMatrix] | None = None,
        *,
        looking: bool = False,
    ) -> None:
        """With `looking` what there is none of is found out first."""
        versions = list({version.pk: version for version in rows}.values())
        models = {version.model_id: version.model for version in versions}
        self.reports = latest_reports_by(versions)
        self.together = Together(
            versions,
            at,
            fairness=[r["fairness"] for r in self.reports.values() if "fairness" in r],
        )
        if looking:
            self.together.look()
        none = self.together.absent
        self.held = held_by(versions, at, attached="attachments" not in none)
        self.standings = risk.standings(
            models.values(),
            at,
            rows=matrices,
            decided="tier_decisions" not in none,
            demanded="demands" not in none,
        )
        if matrices is None:
            self.together.standings = self.standings

    def of(self, version: ModelVersion) -> dict[str, Any]:
        """What a case knows of one of them."""
        parts = version.version_artifacts.all()
        standing = self.standings[version.model_id]
        return {
            "standing": standing,
            "assessment": standing.assessment,
            "held": self.held[version.pk],
            "reports": self.reports[version.pk],
            "around": self.together.around(version),
            "data": list(version.version_datasets.all()),
            "artifact": next((p.artifact for p in parts if p.role == "model"), None),
        }


def _chunk(
    rows: Sequence[Authorisation],
    at: datetime,
    shelf: Shelf,
    matrices: Sequence[RiskMatrix] | None,
) -> Iterator[Case]:
    read = _Read([row.version for row in rows], at, matrices)
    for row in rows:
        yield Case(row.version, row.environment, at, granted=row).knowing(
            shelf=shelf, **read.of(row.version), signatures=_signed(row.request)
        )

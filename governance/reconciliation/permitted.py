"""Whether a file that runs may: its version, and the permits that were given for it."""

import enum
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from governance import issued
from governance.models import GateDecision, Sighting
from registry.models import Deployment, ModelVersion, VersionArtifact


class State(enum.StrEnum):
    """How something that runs stands against what may run."""

    PERMITTED = "permitted"
    UNAUTHORISED = "unauthorised"
    STALE = "stale"
    VANISHED = "vanished"


@dataclass(frozen=True)
class Verdict:
    """Whether it may run, why not, and what next."""

    state: State
    because: str = ""
    next_step: str = ""
    version: ModelVersion | None = None


class Verdicts:
    """The verdicts of everything that runs, from a few queries for all of it."""

    def __init__(
        self,
        files: Iterable[tuple[UUID, str]],
        reports: Sequence[Deployment],
        *,
        at: datetime,
    ) -> None:
        self._at = at
        wanted = list(files)
        self._parts = _parts({sha256 for _place, sha256 in wanted if sha256})
        self._named = {
            (sha256, part.version.model.slug, part.version.version): part
            for sha256, parts in self._parts.items()
            for part in parts
        }
        versions = {p.version_id for parts in self._parts.values() for p in parts}
        versions |= {row.version_id for row in reports}
        places = {place for place, _sha256 in wanted}
        places |= {row.environment_id for row in reports}
        self._permits = _permits(versions, places)
        rows = [row for found in self._permits.values() for row in found]
        self._states = issued.states_of(rows, at=at)

    def of_sighting(self, row: Sighting) -> Verdict:
        """Of what was seen: by its digest, and if several fit by what it names."""
        if not row.sha256:
            return _no(
                row.note or _("It names no digest."),
                _("Annotate it with the digest of the model file, or stop it."),
            )
        parts = self._parts.get(row.sha256, [])
        if not parts:
            return _no(
                _("No version with this file is registered."),
                _("An operator stops it, and finds out who started it."),
            )
        part = parts[0] if len(parts) == 1 else self._called(row)
        if part is None:
            return _no(
                _("Several versions have this file, and it does not say which it is."),
                _("Name model and version in its annotations."),
            )
        expected = row.sha256 if part.role == VersionArtifact.Part.MODEL else ""
        return self._of(part.version, row.environment_id, expected)

    def _called(self, row: Sighting) -> VersionArtifact | None:
        """The part of the version that it calls itself."""
        return self._named.get((row.sha256, row.named_model, row.named_version))

    def of_report(self, row: Deployment) -> Verdict:
        """Of what a pipeline reported: as it was judged then, and as it stands now."""
        if not row.authorised:
            return _no(
                _(row.because) if row.because else "",  # kept in English
                _("The pipeline asks the gate and reports again, or it is stopped."),
                row.version,
            )
        return self._of(row.version, row.environment_id, row.artifact_sha256)

    def _of(self, version: ModelVersion, place: UUID, sha256: str) -> Verdict:
        rows = self._permits.get((version.pk, place), [])
        fitting = [row for row in rows if not sha256 or _file_of(row) == sha256]
        if not fitting:
            return _no(
                _("The gate never permitted it here."),
                _("Ask the gate, and stop it until it says yes."),
                version,
            )
        if any(self._states[row.pk] in issued.VALID for row in fitting):
            return Verdict(State.PERMITTED, version=version)
        lapsed = [row for row in fitting if self._only_lapsed(row)]
        if lapsed:
            return Verdict(
                State.STALE,
                _("Its permit ended on %(end)s while it runs.")
                % {"end": max(map(_end, lapsed)).strftime("%Y-%m-%d %H:%M UTC")},
                _("The pipeline asks for a new permit."),
                version,
            )
        return _no(
            _BECAUSE[self._states[fitting[0].pk]](),
            _("Stop it, or deploy a version that is permitted."),
            version,
        )

    def _only_lapsed(self, row: GateDecision) -> bool:
        """Whether the approval stands and only the permit's own time is over."""
        granted = row.authorisation
        over = self._states[row.pk] == "expired"
        return over and granted is not None and self._at < granted.valid_until


_BECAUSE = {
    "expired": lambda: _("The approval has expired."),
    "revoked": lambda: _("Its permit was revoked."),
    "suspended": lambda: _("The authorisation is suspended."),
    "superseded": lambda: _("A newer version or authorisation has taken its place."),
    "breached": lambda: _("A condition of the approval is broken."),
    "invalid": lambda: _("Nothing authorises it."),
}


def _no(because: str, next_step: str, version: ModelVersion | None = None) -> Verdict:
    return Verdict(State.UNAUTHORISED, because, next_step, version)


def _file_of(row: GateDecision) -> str:
    ground = row.emergency or row.authorisation
    return ground.artifact_sha256 if ground is not None else ""


def _end(row: GateDecision) -> datetime:
    assert row.expires_at is not None  # noqa: S101
    return row.expires_at


def _parts(digests: Iterable[str]) -> dict[str, list[VersionArtifact]]:
    """Which versions a file belongs to: as the model, else as a document of it.

    One part of each version.
    """
    rows = VersionArtifact.objects.filter(artifact__sha256__in=list(digests))
    rows = rows.select_related("artifact", "version__model__owner")
    found: dict[str, dict[UUID, VersionArtifact]] = defaultdict(dict)
    for row in rows.order_by("pk"):
        parts = found[row.artifact.sha256]
        if row.role == VersionArtifact.Part.MODEL or row.version_id not in parts:
            parts[row.version_id] = row
    return {sha256: _models(parts.values()) for sha256, parts in found.items()}


def _models(parts: Iterable[VersionArtifact]) -> list[VersionArtifact]:
    """Those that are the model of their version, else all."""
    every = list(parts)
    return [p for p in every if p.role == VersionArtifact.Part.MODEL] or every


def _permits(
    versions: Iterable[UUID], places: Iterable[UUID]
) -> dict[tuple[UUID, UUID], list[GateDecision]]:
    """The last permits of each version and place, one for each ground; newest first."""
    rows = GateDecision.objects.filter(
        allowed=True, version__in=list(versions), environment__in=list(places)
    )
    ground = ("version_id", "environment_id", "authorisation_id", "emergency_id")
    newest = rows.order_by(*ground, "-expires_at").distinct(*ground)
    # By their keys first: all earlier permits are narrow rows of an index.
    told = (
        GateDecision.objects.filter(pk__in=newest.values("pk"))
        .order_by()
        .select_related(
            "authorisation__version",
            "authorisation__environment",
            "authorisation__request",
            "emergency__emergency",
        )
        .prefetch_related("authorisation__changes")
    )
    found: dict[tuple[UUID, UUID], list[GateDecision]] = defaultdict(list)
    for row in told.defer("checks", "vsa", "svr"):
        if row.version_id and row.environment_id:
            found[(row.version_id, row.environment_id)].append(row)
    for key in found:
        found[key].sort(key=_end, reverse=True)
    return found

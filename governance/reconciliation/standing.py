"""What runs and whether it may, judged when it is read."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from governance.models import DeploymentSource, Sighting, SourceRun
from governance.reconciliation.permitted import State, Verdict, Verdicts
from registry.models import (
    Artifact,
    Deployment,
    Environment,
    ModelVersion,
    RegisteredModel,
    User,
)

MISSED = 3  # looks in a row that were missed, before what was seen is stale
VANISHED_FOR = timedelta(days=30)


@dataclass(frozen=True)
class Running:
    """One file at one place, and what of it. `row` is what was reported or seen."""

    row: Sighting | Deployment
    state: State
    because: str
    next_step: str
    environment: Environment
    place: str
    sha256: str
    version: ModelVersion | None
    witness: str
    since: datetime
    seen_at: datetime


@dataclass(frozen=True)
class SourceState:
    """A source, its last look, and the last one that saw anything."""

    source: DeploymentSource
    last: SourceRun | None
    seen_at: datetime | None

    def is_silent(self, at: datetime) -> bool:
        """Whether its word is too old to be believed."""
        patience = timedelta(minutes=self.source.interval_minutes * MISSED)
        return self.seen_at is None or self.seen_at + patience < at


@dataclass(frozen=True)
class _View:
    """Everything that the judgement of one entry needs."""

    at: datetime
    sources: Mapping[UUID, SourceState]
    verdicts: Verdicts
    seen: frozenset[tuple[UUID, str]]
    seen_places: frozenset[tuple[UUID, str, str]]

    def confirmable_since(self, environment: Environment) -> datetime | None:
        """The last good look of a living source in an environment."""
        return looks(self.sources.values(), self.at).get(environment.pk)


def looks(sources: Iterable[SourceState], at: datetime) -> dict[UUID, datetime]:
    """By environment the last good look of a source that is not silent."""
    found: dict[UUID, datetime] = {}
    for one in sources:
        if one.seen_at is not None and not one.is_silent(at):
            key = one.source.environment_id
            found[key] = max(found.get(key, one.seen_at), one.seen_at)
    return found


def source_states(*, ended: bool = False) -> list[SourceState]:
    """The sources by name with their last looks; `ended` adds those that ended."""
    rows = DeploymentSource.objects.select_related(
        "environment", "configured_by", "ended_by"
    )
    if not ended:
        rows = rows.filter(ended_at=None)
    return [_source_state(row) for row in rows]


def _source_state(row: DeploymentSource) -> SourceState:
    runs = row.runs.select_related("run_by").order_by("-sequence")
    good = runs.filter(found__isnull=False).first()
    return SourceState(row, runs.first(), good.began_at if good else None)


def _judged(
    sources: Mapping[UUID, SourceState],
    looked: Sequence[Sighting],
    clusters: Sequence[Sighting],
    reports: Sequence[Deployment],
    gone: Sequence[Sighting],
    at: datetime,
) -> list[Running]:
    view = _View(
        at,
        sources,
        Verdicts(
            [(r.environment_id, r.sha256) for r in (*looked, *clusters, *gone)],
            reports,
            at=at,
        ),
        frozenset((row.environment_id, row.sha256) for row in looked),
        frozenset((row.environment_id, row.place, row.sha256) for row in looked),
    )
    found = [_seen(row, view) for row in looked]
    found += [
        _told(row, row.place, row.seen_at, view)
        for row in clusters
        if (row.environment_id, row.place, row.sha256) not in view.seen_places
    ]
    found += [_reported(row, view) for row in reports if not _is_seen(row, view)]
    ended = (_vanished(row, view) for row in gone)
    found += [one for one in ended if one is not None]
    return sorted(found, key=rank)


Rank = tuple[int, str, str, str]


def rank(one: Running) -> Rank:
    """The place of an entry among the others, which it shares with none."""
    return (
        ORDER.index(one.state),
        one.environment.slug,
        one.place,
        str(one.row.pk),
    )


def judge(
    keys: Collection[UUID], sources: Sequence[SourceState], *, at: datetime
) -> list[Running]:
    """Whether what runs may, by the keys of its rows; the worst first.

    Sightings of living sources, what clusters were let run, the newest report of each
    pipeline, and what is gone; what a source saw itself is not told twice.
    """
    if not keys:
        return []
    seen = Sighting.objects.filter(pk__in=keys).select_related(*_WITNESSES)
    here = [row for row in seen if not hasattr(row, "end")]
    return _judged(
        {one.source.pk: one for one in sources},
        [row for row in here if row.source_id],
        [row for row in here if not row.source_id],
        list(_read(Deployment.objects.filter(pk__in=keys))),
        [row for row in seen if hasattr(row, "end")],
        at,
    )


def running_of(
    model: RegisteredModel, environment: Environment, *, at: datetime
) -> list[Running]:
    """What runs of a model in an environment, but for what is gone."""
    sources = {one.source.pk: one for one in source_states()}
    told = list(reports().filter(version__model=model, environment=environment))
    parts = Artifact.objects.filter(version_artifacts__version__model=model)
    files = {*parts.values_list("sha256", flat=True)}
    files |= {row.artifact_sha256 for row in told}
    here = Q(environment=environment, sha256__in=files)
    found = _judged(
        sources,
        list(open_sightings(sources).filter(here)),
        list(newest(open_cluster_sightings().filter(here))),
        told,
        [],
        at,
    )
    return [one for one in found if one.version and one.version.model_id == model.pk]


_WITNESS = Coalesce("source_id", "reported_by_id")
_WITNESSES = ("environment", "source", "reported_by", "end")
ORDER = (State.UNAUTHORISED, State.VANISHED, State.STALE, State.PERMITTED)


def open_sightings(sources: Iterable[UUID]) -> QuerySet[Sighting]:
    """What living sources see."""
    rows = Sighting.objects.filter(source__in=list(sources), end=None)
    return rows.select_related("environment", "source")


def open_cluster_sightings() -> QuerySet[Sighting]:
    """What clusters were let run."""
    rows = Sighting.objects.filter(source=None, end=None)
    return rows.select_related("environment", "reported_by")


def newest(rows: QuerySet[Sighting]) -> QuerySet[Sighting]:
    """The last sighting of the same by the same cluster."""
    key = ("reported_by_id", "environment_id", "place", "sha256")
    last = rows.order_by(*key, "-seen_at").distinct(*key)
    return rows.filter(pk__in=last.values("pk"))


def reports() -> QuerySet[Deployment]:
    """The newest report of each model, environment and reporter's place."""
    rows = Deployment.objects.order_by(
        "version__model_id", "environment_id", "source", "-reported_at"
    )
    return _read(rows.distinct("version__model_id", "environment_id", "source"))


def _read(rows: QuerySet[Deployment]) -> QuerySet[Deployment]:
    return rows.select_related("version__model__owner", "environment", "reported_by")


def gone(sources: Iterable[UUID], at: datetime) -> QuerySet[Sighting]:
    """The last of what was seen at places where nothing is seen any more."""
    rows = Sighting.objects.filter(end__gone_at__gt=at - VANISHED_FOR)
    rows = rows.filter(Q(source=None) | Q(source__in=list(sources)))
    key = ("source_id", "reported_by_id", "environment_id", "place")
    last = rows.order_by(*key, "-seen_at").distinct(*key)
    still = Sighting.objects.annotate(witness=_WITNESS).filter(
        witness=OuterRef("witness"),
        environment=OuterRef("environment"),
        place=OuterRef("place"),
        end=None,
    )
    found = Sighting.objects.filter(pk__in=last.values("pk")).alias(witness=_WITNESS)
    return found.exclude(Exists(still)).select_related(*_WITNESSES)


def _is_seen(row: Deployment, view: _View) -> bool:
    """Whether a source sees what was rightly reported: then the source tells it."""
    return row.authorised and (row.environment_id, row.artifact_sha256) in view.seen


def _seen(row: Sighting, view: _View) -> Running:
    source = view.sources[row.source_id] if row.source_id else None
    verdict = view.verdicts.of_sighting(row)
    last = source.seen_at if source else None
    if verdict.state == State.PERMITTED and source and source.is_silent(view.at):
        verdict = Verdict(
            State.STALE,
            _("Its source was not seen since %(at)s.") % {"at": _moment(last)},
            _("An operator finds out why the source does not answer."),
            verdict.version,
        )
    witness = row.source.name if row.source else ""
    return _entry(row, verdict, witness, row.place, row.seen_at, last or row.seen_at)


def _told(row: Sighting, place: str, seen_at: datetime, view: _View) -> Running:
    verdict = view.verdicts.of_sighting(row)
    verdict = _aged(verdict, row.environment, seen_at, view)
    witness = row.reported_by.printed_name if row.reported_by else ""
    return _entry(row, verdict, witness, place, seen_at, seen_at)


def _reported(row: Deployment, view: _View) -> Running:
    verdict = view.verdicts.of_report(row)
    verdict = _aged(verdict, row.environment, row.reported_at, view)
    witness = row.reported_by.printed_name
    return _entry(row, verdict, witness, row.source, row.reported_at, row.reported_at)


def _aged(
    verdict: Verdict, environment: Environment, told_at: datetime, view: _View
) -> Verdict:
    """What was only told once: is it still there, and is the word not too old?"""
    if verdict.state != State.PERMITTED:
        return verdict
    look = view.confirmable_since(environment)
    if look is not None and look > told_at + GRACE:
        return Verdict(
            State.VANISHED,
            _("No source of this environment sees it."),
            _("An operator finds out whether it still runs, and where."),
            verdict.version,
        )
    if told_at + timedelta(days=settings.FREIGABE_STALE_DAYS) < view.at:
        return Verdict(
            State.STALE,
            _("Nobody reported it since %(at)s.") % {"at": _moment(told_at)},
            _("The pipeline reports it again, or an operator configures a source."),
            verdict.version,
        )
    return verdict


GRACE = timedelta(minutes=10)  # until what was admitted is there to be seen


def _vanished(row: Sighting, view: _View) -> Running | None:
    """What was permitted and is gone; what was not is welcome to be."""
    verdict = view.verdicts.of_sighting(row)
    if verdict.state != State.PERMITTED:
        return None
    gone = row.end.gone_at
    return _entry(
        row,
        Verdict(
            State.VANISHED,
            _("It was not seen since %(at)s.") % {"at": _moment(gone)},
            _("The owner retires it, or an operator finds out why it stopped."),
            verdict.version,
        ),
        row.source.name if row.source else str(row.reported_by),
        row.place,
        row.seen_at,
        gone,
    )


def _entry(
    row: Sighting | Deployment,
    verdict: Verdict,
    witness: str,
    place: str,
    since: datetime,
    seen_at: datetime,
) -> Running:
    digest = row.sha256 if isinstance(row, Sighting) else row.artifact_sha256
    return Running(
        row=row,
        state=verdict.state,
        because=verdict.because,
        next_step=verdict.next_step,
        environment=row.environment,
        place=place,
        sha256=digest,
        version=verdict.version,
        witness=witness,
        since=since,
        seen_at=seen_at,
    )


def _moment(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC") if at else "–"


def in_scope(one: Running, by: User) -> bool:
    """Whether a token may see it; what belongs to no known model needs one for all."""
    if by.scope is None:
        return True
    slug = one.version.model.slug if one.version else "*"
    places, bounded = by.scope.environments, by.scope.models
    if bounded is not None and slug not in bounded:
        return False
    return fnmatchcase(slug, by.scope.models_pattern) and (
        not places or one.environment.slug in places
    )

"""Recording what was seen: only what is new, and what is gone."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import notifications, roles
from governance.clusters.asking import Seen, text_of
from governance.models import DeploymentSource, Sighting, SightingEnd, SourceRun
from governance.reconciliation.configuring import WrongState
from registry.acts import act
from registry.models import Environment, Role, User, VersionArtifact

AGAIN = timedelta(hours=24)  # what a cluster admits again is noted once a day
LONGEST_PROBLEM = 2000


@act
def record(
    *,
    source: DeploymentSource,
    seen: Sequence[Seen] | None,
    problem: str,
    by: User,
    at: datetime,
) -> SourceRun:
    """Record a look at a source: `seen` is everything that runs there, or None.

    A look that failed (`problem`) ends nothing. One that began before the last one
    changes nothing. Raises `NotAllowed`, `WrongState`.
    """
    if by.username != "system":
        roles.require(by, "reconcile deployments", environment=source.environment)
    locked = (
        DeploymentSource.objects.select_for_update(of=("self",))
        .select_related("environment")
        .get(pk=source.pk)
    )
    if locked.ended_at is not None:
        raise WrongState(_("This source is looked at no more."))
    last = locked.runs.order_by("-sequence").first()
    if last is not None and last.began_at >= at:
        return last
    row = SourceRun.objects.create(
        source=locked,
        sequence=last.sequence + 1 if last else 1,
        began_at=at,
        found=None if seen is None else len(seen),
        problem="" if seen is not None else text_of(problem or "–", LONGEST_PROBLEM),
        run_by=by,
    )
    if seen is not None:
        _compare(locked, seen, at)
    elif last is None or last.found is not None:
        _tell_unreachable(row)
    return row


def _compare(source: DeploymentSource, seen: Sequence[Seen], at: datetime) -> None:
    """Begin what is new and end what is gone."""
    now = {_key(one): one for one in map(_of_run, seen)}
    open_rows = list(Sighting.objects.filter(source=source, end=None))
    before = {_key_of(row) for row in open_rows}
    _end((row for row in open_rows if _key_of(row) not in now), at)
    Sighting.objects.bulk_create(
        Sighting(
            source=source,
            environment=source.environment,
            place=one.place,
            sha256=one.sha256,
            named_model=one.model,
            named_version=one.version,
            note=one.note,
            seen_at=at,
        )
        for key, one in now.items()
        if key not in before
    )


def _key(one: Seen) -> tuple[str, ...]:
    return (one.place, one.sha256, one.model, one.version, one.note)


def _key_of(row: Sighting) -> tuple[str, ...]:
    return (row.place, row.sha256, row.named_model, row.named_version, row.note)


def _of_run(one: Seen) -> Seen:
    """With the digest of the one version whose training run the registry names."""
    if one.sha256 or not one.run:
        return one
    parts = VersionArtifact.objects.filter(role="model", version__run__name=one.run)
    found = list(
        parts.values_list(
            "artifact__sha256", "version__model__slug", "version__version"
        )[:2]
    )
    if len(found) != 1:
        return one
    return Seen(one.place, found[0][0], model=found[0][1], version=found[0][2])


def seen_by_cluster(
    *,
    place: str,
    environment: str,
    digests: Iterable[str],
    named: tuple[str, str],
    by: User,
    at: datetime,
) -> None:
    """Note what a cluster was let run; what ran at the place before is gone.

    Part of the act that admits. Nothing is noted for who may not report deployments.
    """
    if not roles.may(by, "report deployments", environment=environment):
        return
    wanted = list(digests)
    rows = list(_open_of(by, environment, place))
    _end((row for row in rows if row.sha256 not in wanted), at)
    fresh = {row.sha256 for row in rows if row.seen_at > at - AGAIN}
    _end((row for row in rows if row.sha256 in wanted and row.sha256 not in fresh), at)
    where = Environment.objects.get(slug=environment)
    Sighting.objects.bulk_create(
        Sighting(
            reported_by=by,
            environment=where,
            place=place,
            sha256=sha256,
            named_model=named[0] if len(wanted) == 1 else "",
            named_version=named[1] if len(wanted) == 1 else "",
            seen_at=at,
        )
        for sha256 in wanted
        if sha256 not in fresh
    )


def gone_from_cluster(*, place: str, environment: str, by: User, at: datetime) -> None:
    """Note that a cluster deletes what ran at a place. Part of the act that admits."""
    if roles.may(by, "report deployments", environment=environment):
        _end(_open_of(by, environment, place), at)


def _open_of(by: User, environment: str, place: str) -> QuerySet[Sighting]:
    return Sighting.objects.filter(
        reported_by=by, environment__slug=environment, place=place, end=None
    )


def _end(rows: Iterable[Sighting], at: datetime) -> None:
    # Two that end the same thing at once agree.
    SightingEnd.objects.bulk_create(
        [SightingEnd(sighting=row, gone_at=at) for row in rows], ignore_conflicts=True
    )


def _tell_unreachable(row: SourceRun) -> None:
    notifications.tell(
        to=[Role.PLATFORM_ADMIN, Role.OPERATOR],
        subject=gettext_lazy("%(source)s cannot be looked at"),
        text=gettext_lazy(
            "What runs in %(place)s is not known while it stays so: %(problem)s"
        ),
        values={
            "source": row.source.name,
            "place": row.source.environment.name,
            "problem": row.problem,
        },
        link=f"/deployments/sources/{row.source_id}/",
        about=row,
        kind="source.unreachable",
        at=row.began_at,
    )

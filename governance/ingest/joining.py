"""What events name is joined to what is registered, when the run has completed.

Nothing here is decided by guess: a name that fits several things, or contradicts its
own digest, is joined to none of them. What is joined is shown as a pipeline's word,
beside what the version's manifest says, and no rule or gate reads it.
"""

from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import TypeVar

from django.db.models import CharField, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from governance import datasets, roles
from governance.ingest.openlineage import source_of
from governance.models import LineageEvent, LineageName
from governance.records import AlreadyRegistered, Refused, insert
from registry.acts import act
from registry.models import (
    Dataset,
    DatasetVersion,
    ModelVersion,
    Run,
    RunLink,
    User,
)

AT_ONCE = 100
FEW = 10  # documents in memory: each may have a mebibyte
# So long a name waits to be registered; what comes later is sent again.
WAITS = timedelta(days=90)
Kind, State = LineageName.Kind, LineageName.State
T = TypeVar("T", ModelVersion, DatasetVersion)


class CannotJoin(Exception):
    """The name is joined to nothing; the text says why."""


@act
def join_next(*, by: User, at: datetime) -> int:
    """Join some names that can be joined now; how many were looked at, 0: no more.

    Several workers take different names. Whatever was looked at is joined or refused,
    so that none is looked at for ever.
    """
    rows = _joinable(at).select_for_update(of=("self",), skip_locked=True)
    # Many names of one event would each bring its document.
    told = rows.select_related("event__received_by").defer("event__document")
    found = list(told[:AT_ONCE])
    for row in found:
        try:
            row.link = _link(row, at)
            row.state, row.joined_at = State.JOINED, at
        except (CannotJoin, roles.NotAllowed, Refused) as error:
            row.state, row.because = State.REFUSED, str(error)
        row.save(update_fields=["state", "because", "link", "joined_at"])
    return len(found)


def _joinable(at: datetime) -> QuerySet[LineageName]:
    """Names of completed runs that something is registered for."""
    completed = LineageEvent.objects.filter(
        run_id=OuterRef("event__run_id"),
        received_by=OuterRef("event__received_by"),
        event_type="COMPLETE",
    )
    slug = OuterRef("key")
    versions = ModelVersion.objects.filter(model__slug=slug)
    of_version = versions.filter(version=OuterRef("version"))
    of_file = versions.filter(version_artifacts__artifact__sha256=OuterRef("sha256"))
    numbered = DatasetVersion.objects.alias(text=Cast("version", CharField()))
    of_number = numbered.filter(dataset__slug=slug, text=OuterRef("version"))
    # Not asked for each name: the database reads these once, and looks names up.
    states = DatasetVersion.objects.order_by()
    digests, addresses = states.values("sha256"), states.exclude(uri="").values("uri")
    datasets_here = Dataset.objects.order_by().values("slug")
    unnamed, digested = Q(version=""), ~Q(sha256="")
    model = (~unnamed & Exists(of_version)) | (unnamed & Exists(of_file))
    dataset = (~unnamed & Exists(of_number)) | (
        unnamed & digested & Q(key__in=datasets_here)
    )
    address = Q(key__in=addresses) | Q(sha256__in=digests)
    fits = (
        (Q(kind=Kind.MODEL) & model)
        | (Q(kind=Kind.DATASET) & dataset)
        | (Q(kind=Kind.ADDRESS) & address)
    )
    rows = LineageName.objects.filter(fits, Exists(completed), state=State.WAITING)
    return rows.filter(received_at__gt=at - WAITS).order_by("received_at", "pk")


def _link(row: LineageName, at: datetime) -> RunLink:
    if row.kind == Kind.MODEL:
        version, data = _version(row), None
    else:
        version, data = None, _data(row, at)
    link, _created = RunLink.objects.get_or_create(
        run=_run(row.event, at),
        side=row.side,
        version=version,
        dataset_version=data,
        defaults={"reported_by": row.event.received_by, "reported_at": at},
    )
    return link


def _version(row: LineageName) -> ModelVersion:
    if not fnmatchcase(row.key, row.event.models_pattern):
        raise CannotJoin(
            _("This token is for the models %(pattern)s, not for %(slug)s.")
            % {"pattern": row.event.models_pattern, "slug": row.key}
        )
    rows = ModelVersion.objects.filter(model__slug=row.key)
    if row.version:
        rows = rows.filter(version=row.version)
    if row.sha256:
        rows = rows.filter(version_artifacts__artifact__sha256=row.sha256)
    return _only(list(rows.distinct()[:2]))


def _data(row: LineageName, at: datetime) -> DatasetVersion:
    rows = DatasetVersion.objects.all()
    if row.kind == Kind.DATASET:
        rows = rows.filter(dataset__slug=row.key)
        if row.version:
            rows = rows.filter(version=row.version if row.version.isdigit() else 0)
    elif not row.sha256:
        rows = rows.filter(uri=row.key)
    if row.sha256:
        rows = rows.filter(sha256=row.sha256)
    found = list(rows[:2])
    if not found and row.kind == Kind.DATASET and row.sha256 and not row.version:
        return datasets.point_at(
            dataset=Dataset.objects.get(slug=row.key),
            uri=row.uri or f"{row.namespace.rstrip('/')}/{row.name}",
            sha256=row.sha256,
            by=row.event.received_by,
            at=at,
        )
    return _only(found)


def _only(found: list[T]) -> T:
    if not found:
        raise CannotJoin(_("Its digest or version is not that of what is registered."))
    if len(found) > 1:
        raise CannotJoin(_("Several versions fit. Name the version or the digest."))
    return found[0]


def _run(event: LineageEvent, at: datetime) -> Run:
    """The run as it was told up to now; there is one for a sender and run id."""
    known = Run.objects.filter(run_by=event.received_by, reported_id=event.run_id)
    found = known.first()
    if found is not None:
        return found
    told = LineageEvent.objects.filter(
        received_by=event.received_by, run_id=event.run_id
    )
    repository = commit = ""
    documents = told.order_by("event_time").values_list("document", flat=True)
    for document in documents.iterator(chunk_size=FEW):
        place = source_of(document)
        repository, commit = place[0] or repository, place[1] or commit
    run = Run(
        name=event.job[:200],
        code_repository=repository,
        code_commit=commit,
        reported_id=event.run_id,
        run_by=event.received_by,
        recorded_at=at,
    )
    try:
        insert(run, {})
    except AlreadyRegistered:
        # Another worker took another name of this run at the same moment.
        return known.get()
    return run

"""The life cycle of a version: which moves exist, and the latest status."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from governance.models import (
    Authorisation,
    AuthorisationChange,
    Status,
    StatusChange,
)
from registry.models import ModelVersion, User

# Where a version stands that waits for signatures, and what becomes of it.
WAITS = frozenset({Status.IN_VALIDATION, Status.CONDITIONALLY_VALIDATED})
_DECIDED = {
    Status.APPROVED,
    Status.REJECTED,
    Status.CHANGES_REQUESTED,
    Status.DEVELOPMENT,
}
MOVES: dict[Status | None, set[Status]] = {
    None: {Status.DEVELOPMENT},
    Status.DEVELOPMENT: {Status.IN_VALIDATION, Status.RETIRED},
    Status.IN_VALIDATION: {Status.CONDITIONALLY_VALIDATED, *_DECIDED},
    Status.CONDITIONALLY_VALIDATED: {Status.IN_VALIDATION, *_DECIDED},
    Status.CHANGES_REQUESTED: {Status.IN_VALIDATION, Status.RETIRED},
    Status.APPROVED: {Status.SUSPENDED, Status.RETIRED, Status.IN_VALIDATION},
    Status.REJECTED: {Status.IN_VALIDATION, Status.RETIRED},
    Status.SUSPENDED: {Status.APPROVED, Status.IN_VALIDATION, Status.RETIRED},
    Status.RETIRED: set(),
}

State = AuthorisationChange.State


class NoSuchMove(Exception):
    """The life cycle has no such move."""


def status_of(version: ModelVersion) -> Status:
    """Where the version stands; a version without moves is in development."""
    latest = version.status_changes.order_by("-sequence").first()
    return Status(latest.status) if latest else Status.DEVELOPMENT


def state_of(authorisation: Authorisation) -> AuthorisationChange.State:
    """Whether it is active, suspended, revoked or superseded: its latest change."""
    latest = latest_change(authorisation)
    return State(latest.state) if latest else State.ACTIVE


def latest_change(authorisation: Authorisation) -> AuthorisationChange | None:
    """What last happened to an authorisation; None since it was given."""
    return max(authorisation.changes.all(), key=lambda c: c.sequence, default=None)


def stands(authorisation: Authorisation, *, at: datetime) -> bool:
    """Whether an authorisation still authorises: in force, not overtaken, not retired.

    A newer authorisation of the same version and environment supersedes it, whatever
    became of the newer one; one of a newer version does when that version runs, see
    `suspensions.supersede` (decisions.md 3.5, A6).
    """
    return authorisation.pk in standing_among([authorisation], at=at)


def standing_among(
    authorisations: Iterable[Authorisation], *, at: datetime
) -> set[UUID]:
    """The ids of those that `stands` says yes of, of many in a few queries."""
    found = list(authorisations)
    versions = {row.version_id for row in found}
    newest: dict[tuple[UUID, UUID], int] = {}
    rows = Authorisation.objects.filter(version__in=versions).order_by()
    for version, place, number in rows.values_list(
        "version_id", "environment_id", "request__sequence"
    ):
        newest[version, place] = max(number, newest.get((version, place), 0))
    moves = StatusChange.objects.filter(version__in=versions)
    latest = moves.order_by("version_id", "-sequence").distinct("version_id")
    retired = {row.version_id for row in latest if row.status == Status.RETIRED}
    return {
        row.pk
        for row in found
        if state_of(row) == State.ACTIVE
        and row.valid_from <= at < row.valid_until
        and row.request.sequence >= newest[row.version_id, row.environment_id]
        and row.version_id not in retired
    }


def move(
    *, version: ModelVersion, to: Status, by: User, at: datetime, reason: str = ""
) -> StatusChange:
    """Record a move; part of the act that caused it. Raises `NoSuchMove`.

    The version row is locked, so that two moves cannot start from the same status.
    """
    ModelVersion.objects.select_for_update().get(pk=version.pk)
    latest = version.status_changes.order_by("-sequence").first()
    now = Status(latest.status) if latest else None
    if to not in MOVES[now]:
        raise NoSuchMove(
            _("A version that is %(now)s cannot become %(to)s.")
            % {"now": now.label if now else _("new"), "to": to.label}
        )
    return StatusChange.objects.create(
        version=version,
        status=to,
        reason=reason,
        moved_by=by,
        moved_at=at,
        sequence=latest.sequence + 1 if latest else 1,
    )

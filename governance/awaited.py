"""The queue of requests that wait: kept by the acts, so that pages need not judge."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from governance import quorum
from governance.case import Case
from governance.models import ApprovalRequest, WaitingRequest
from governance.policy import NoPolicy
from governance.quorum import Place
from governance.requirements.quorum import Progress, owner_attests, progress


def put(case: Case, request: ApprovalRequest) -> None:
    """Say for whose signatures a request waits now; one that is ended leaves.

    Within the act that changed it, over a case read after the change.
    """
    try:
        found = progress(case)
    except NoPolicy:
        found = Progress((), (), 0, ())
    signers = {row.signed_by_id for row in case.signatures}
    signers |= {
        row.delegation.delegator_id for row in case.signatures if row.delegation
    }
    now = {
        "asked_by_id": request.requested_by_id,
        "tier": case.tier,
        "seats": seats(found),
        "hands": sorted({*map(UUID, case.hands), *signers}),
        "owner_attests": owner_attests(case, found.asked),
        "due_at": _due_at(case, request, found),
    }
    # The clock asks often: a row that says so already is not written again.
    if not WaitingRequest.objects.filter(request=request, **now).exists():
        WaitingRequest.objects.update_or_create(request=request, defaults=now)


def end(request: ApprovalRequest) -> None:
    """Take a request off the queue: approved, rejected, or taken back."""
    WaitingRequest.objects.filter(request=request).delete()


def overtake(request: ApprovalRequest) -> None:
    """A request takes the place of earlier ones, which nobody can sign any more."""
    WaitingRequest.objects.filter(
        request__version=request.version,
        request__environment=request.environment,
        request__sequence__lt=request.sequence,
    ).delete()


def open_places(found: Progress) -> list[Place]:
    """The empty places of the stage of each pack that is signed now."""
    places: list[Place] = []
    for asked in found.asked:
        index = quorum.open_stage(asked, found.signed)
        if index is not None:
            first = replace(asked, stages=asked.stages[: index + 1])
            places += quorum.missing(first, found.signed)
    return places


def seats(found: Progress) -> list[str]:
    """What could be signed now, as `meaning:role`."""
    return sorted(
        {
            f"{seat.meaning}:{role}"
            for place in open_places(found)
            for seat in place.seats
            for role in seat.roles
        }
    )


def _due_at(case: Case, request: ApprovalRequest, found: Progress) -> datetime | None:
    """The deadline of the open stage; it began when the one before it ended."""
    began = max([request.requested_at, *(row.signed_at for row in case.signatures)])
    days = [stage.deadline_days for stage in found.open_stages() if stage.deadline_days]
    return began + timedelta(days=min(days)) if days else None

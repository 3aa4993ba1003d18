"""Reminders and escalations of approvals that wait; the clock only tells."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy

from governance import access, awaited, notifications
from governance.case import Case
from governance.models import ApprovalRequest, Reminder, Signature
from governance.policy import NoPolicy
from governance.requirements.quorum import progress
from governance.seats import Stage, all_seats
from registry.acts import acting
from registry.models import Role

Kind = Reminder.Kind
Due = tuple[Stage, Kind, int, datetime]


def remind(*, at: datetime) -> int:
    """Tell the people of each open stage before its deadline, and others after it.

    What changed meanwhile without an act on the request, such as a role that ended,
    moves it in the queue of what waits.

    Nobody is told the same twice, and nothing is ever approved or rejected by the
    passing of time. How many were told.
    """
    told = 0
    waiting = ApprovalRequest.objects.filter(
        withdrawal=None, authorisation=None
    ).exclude(signatures__meaning=Signature.Meaning.REJECTION)
    for request in waiting.select_related("version__model", "environment"):
        for stage, kind, days, due_at in _due(request, at):
            told += _tell(request, stage, kind, days, due_at, at)
    return told


def _due(request: ApprovalRequest, at: datetime) -> Iterator[Due]:
    case = Case(request.version, request.environment, at)
    if case.request != request:
        return
    with acting(by=access.system_user()):
        awaited.put(case, request)
    if not case.subject_holds:
        return
    try:
        stages = progress(case).open_stages()
    except NoPolicy:
        return
    # A stage begins when the one before it ended: with the newest signature.
    began = max([request.requested_at, *(s.signed_at for s in case.signatures)])
    for stage in stages:
        if not stage.deadline_days:
            continue
        due_at = began + timedelta(days=stage.deadline_days)
        for days in stage.remind_days:
            if due_at - timedelta(days=days) <= at < due_at:
                yield stage, Kind.REMINDER, days, due_at
        if at >= due_at:
            yield stage, Kind.ESCALATION, 0, due_at


def _tell(
    request: ApprovalRequest,
    stage: Stage,
    kind: Kind,
    days: int,
    due_at: datetime,
    at: datetime,
) -> int:
    """Tell once; two clocks at the same moment tell once too."""
    with acting(by=access.system_user()):
        ApprovalRequest.objects.select_for_update(of=("self",)).get(pk=request.pk)
        _row, fresh = Reminder.objects.get_or_create(
            request=request,
            stage=stage.id,
            kind=kind,
            days=days,
            defaults={"reminded_at": at},
        )
        if not fresh:
            return 0
        signers = {role for seat in all_seats(stage.seats) for role in seat.roles}
        escalated = set(stage.escalate_to) if kind == Kind.ESCALATION else set()
        notifications.tell(
            to=[Role(name) for name in sorted(signers | escalated)],
            subject=gettext_lazy("Waits for signatures: %(version)s"),
            text=gettext_lazy(
                "%(version)s waits for signatures of the stage %(stage)s for "
                "%(place)s, due on %(due)s. Without them it is not approved."
            ),
            values={
                "version": str(request.version),
                "stage": stage.name,
                "place": request.environment.name,
                "due": due_at.strftime("%Y-%m-%d %H:%M UTC"),
            },
            link=f"/approvals/{request.pk}/",
            about=request,
            kind=f"approval-{kind}",
            at=at,
        )
    return 1

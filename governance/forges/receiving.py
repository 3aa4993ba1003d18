"""A question that came in: kept once, however often it is sent."""

from collections.abc import Mapping
from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext as _

from governance import nudge
from governance.forges import sealed
from governance.forges.asked import Asked, NotGenuine, read
from governance.models import Forge, ForgeRequest
from governance.records import AlreadyRegistered, insert
from registry.acts import act
from registry.models import User

State = ForgeRequest.State
TRIES = 8


class Contradicted(Exception):
    """This delivery was something else when it came before."""


def find(name: str) -> Forge:
    """The server by its name. Raises `NotGenuine` for an unknown or ended one."""
    rows = Forge.objects.select_related("user").filter(name=name, end__isnull=True)
    row = rows.first()
    if row is None:
        # The same as for a wrong signature: nobody learns which names there are.
        raise NotGenuine(_("The signature of this message is missing or wrong."))
    return row


@act
def receive(
    *, forge: Forge, headers: Mapping[str, str], body: bytes, by: User, at: datetime
) -> ForgeRequest | None:
    """Keep a question for the worker; None for an event that asks nothing.

    What was received before is not asked again: a repeat answers with the same row.
    Only a merge request of GitLab is judged anew, since its check can be. What cannot
    be answered where it came from is kept with the reason, and never answered. Raises
    `NotGenuine`, `NotUnderstood`, `Contradicted`.
    """
    asked = read(forge, headers, body)
    if asked is None:
        return None
    known = _known(forge, asked)
    if known is not None:
        return _again(known, asked, at)
    row = ForgeRequest(
        forge=forge,
        **{name: getattr(asked, name) for name in _KEPT},
        state=State.GIVEN_UP if asked.untied else State.WAITING,
        reason=asked.untied,
        received_at=at,
        tries_left=TRIES,
        due_at=at,
    )
    if asked.token:
        sealed.put_token(row, asked.token)
    try:
        insert(row, {})
    except AlreadyRegistered:
        # The same delivery twice at the same moment: the other one was first.
        known = _known(forge, asked)
        if known is None:
            raise
        return _again(known, asked, at)
    nudge.nudge(nudge.FORGES)
    return row


_KEPT = (
    *("delivery", "content_sha256", "project_id", "owner_id", "project", "target"),
    *("run", "sha", "asked_model", "asked_version", "answer_to"),
)


def _known(forge: Forge, asked: Asked) -> ForgeRequest | None:
    rows = ForgeRequest.objects.select_for_update(of=("self",)).filter(
        Q(delivery=asked.delivery) | Q(content_sha256=asked.content_sha256), forge=forge
    )
    return rows.order_by("received_at").first()


def _again(row: ForgeRequest, asked: Asked, at: datetime) -> ForgeRequest:
    if row.content_sha256 != asked.content_sha256:
        raise Contradicted(_("This delivery was something else when it came before."))
    # Also one whose answer is on its way: it may rest on what has changed since.
    decided = row.state != State.WAITING or row.decided_at is not None
    if row.forge.kind == Forge.Kind.GITLAB and decided:
        requeue(row, at)
    return row


def requeue(row: ForgeRequest, at: datetime) -> None:
    """Judge and answer once more."""
    row.state, row.tries_left, row.due_at = State.WAITING, TRIES, at
    row.decided_at = None
    row.save(update_fields=["state", "tries_left", "due_at", "decided_at"])
    nudge.nudge(nudge.FORGES)

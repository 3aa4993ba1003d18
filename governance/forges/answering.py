"""The worker's part: decide what came in, answer it, try again, give up in the end.

Decision, claim and record of an answer are acts of their own; it is sent between the
last two, outside of any transaction. A worker that is killed meanwhile leaves a claim
that ends by itself: then it is answered once more, and never not at all.
"""

import secrets
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from governance import gate, issued, roles
from governance.forges import calling, meaning, wording
from governance.forges.receiving import TRIES, State, requeue
from governance.models import Forge, ForgeAttempt, ForgeRequest
from registry.acts import act
from registry.models import Scope, User

# An answer rests on a decision that is no older; a later one decides anew.
FRESH = timedelta(seconds=60)
# How long a worker may take to answer: two calls of ten seconds, and to spare.
CLAIMED = timedelta(seconds=60)
# The pauses before each further try; every one is stretched by up to a fifth.
PAUSES = tuple(
    timedelta(seconds=seconds) for seconds in (10, 60, 300, 1800, 7200, 21_600, 43_200)
)
_chance = secrets.SystemRandom()


class CannotAnswer(Exception):
    """The question is not in a state for this."""


@act
def decide_next(*, by: User, at: datetime) -> ForgeRequest | None:
    """Decide the question that is due longest and undecided; None: there is none.

    Whatever cannot be told for sure is refused, with its reason.
    """
    stale = Q(decided_at=None) | Q(decided_at__lt=at - FRESH)
    row = _due(at).filter(stale).first()
    if row is not None:
        _judge(row, at)
    return row


def answer_next(*, by: User, at: datetime) -> ForgeRequest | None:
    """Answer the decided question that is due longest; None: there is none.

    Several workers take different ones. What a worker did not record is done again.
    """
    row = claim_next(by=by, at=at)
    if row is None or row.state != State.WAITING:
        return row
    return record(attempt=calling.attempt(row, at=at), by=by, at=at)


@act
def claim_next(*, by: User, at: datetime) -> ForgeRequest | None:
    """Take the decided question that is due longest: for `CLAIMED` nobody else does."""
    row = _due(at).filter(decided_at__gte=at - FRESH).first()
    if row is None:
        return None
    if not _still(row, at):
        # Suspended, revoked or ended since: what was right before must not arrive.
        _judge(row, at)
    if row.state == State.WAITING:
        row.due_at = at + CLAIMED
        row.save(update_fields=["due_at"])
    return row


@act
def record(*, attempt: ForgeAttempt, by: User, at: datetime) -> ForgeRequest:
    """Keep how an answer went, and what follows for its question.

    Nothing follows when that was claimed or asked anew since: it is answered again.
    """
    claimed = attempt.request
    rows = ForgeRequest.objects.select_for_update(of=("self",))
    row = rows.select_related("forge", "decision").get(pk=claimed.pk)
    attempt.save(force_insert=True)
    ours = (State.WAITING, claimed.due_at, claimed.decided_at)
    if (row.state, row.due_at, row.decided_at) != ours:
        return row
    if attempt.status is not None and not attempt.problem:
        row.state, row.token = State.ANSWERED, ""
    else:
        _later(row, attempt, at)
    row.save(update_fields=["state", "token", "tries_left", "due_at"])
    return row


@act
def answer_again(*, request: ForgeRequest, by: User, at: datetime) -> ForgeRequest:
    """Decide anew and answer once more, also what was given up.

    Raises `NotAllowed`, and `CannotAnswer` while it waits or cannot be answered.
    """
    roles.require(by, "trust pipelines", model="*", environment="*")
    rows = ForgeRequest.objects.select_for_update(of=("self",))
    row = rows.select_related("forge").get(pk=request.pk)
    if row.state == State.WAITING:
        raise CannotAnswer(_("This question waits for its answer already."))
    if not _answerable(row):
        raise CannotAnswer(_("There is no address that this could be answered to."))
    requeue(row, at)
    return row


def _answerable(row: ForgeRequest) -> bool:
    if hasattr(row.forge, "end"):
        return False
    if row.forge.kind == Forge.Kind.AZURE:
        return bool(row.token)
    return bool(row.run) if row.forge.kind == Forge.Kind.GITHUB else True


def _due(at: datetime) -> QuerySet[ForgeRequest]:
    rows = ForgeRequest.objects.select_for_update(of=("self",), skip_locked=True)
    rows = rows.select_related("forge__user", "forge__end", "decision")
    waiting = rows.filter(state=State.WAITING, due_at__lte=at)
    return waiting.order_by("due_at", "id")


def _judge(row: ForgeRequest, at: datetime) -> None:
    """Ask the gate in the name of the server, within the place that was agreed."""
    row.decision, row.allowed, row.decided_at = None, False, at
    if hasattr(row.forge, "end"):
        row.state, row.reason = State.GIVEN_UP, _("This server has ended.")
        row.token = ""
    else:
        try:
            place = meaning.place_of(row)
            question = meaning.question_of(row, place)
            by = row.forge.user
            by.scope = Scope(place.models_pattern, (place.environment.slug,))
            decision = gate.decide(question=question, by=by, at=at)
        except (meaning.NoMeaning, roles.NotAllowed, gate.AmbiguousQuestion) as error:
            row.reason = str(error)
        else:
            row.decision, row.allowed = decision, decision.allowed
            row.reason = wording.of_decision(decision)
    row.save(
        update_fields=[
            *("decision", "allowed", "decided_at", "reason", "state", "token"),
        ]
    )


def _still(row: ForgeRequest, at: datetime) -> bool:
    """Whether what was decided holds now: the server, the place, the permit."""
    if hasattr(row.forge, "end"):
        return False
    if not row.allowed or row.decision is None:
        return True
    try:
        meaning.place_of(row)
    except meaning.NoMeaning:
        return False
    return issued.state_of(row.decision, at=at) in issued.VALID


def _later(row: ForgeRequest, attempt: ForgeAttempt, at: datetime) -> None:
    """When to try again; jitter keeps a returning server from a stampede."""
    row.tries_left = max(0, row.tries_left - 1)
    # GitLab: the merge request has another head by now, and asks for that.
    gone = row.forge.kind == Forge.Kind.GITLAB and attempt.status == 409
    if gone or not row.tries_left:
        row.state = State.GIVEN_UP
        return
    row.due_at = at + PAUSES[TRIES - 1 - row.tries_left] * _chance.uniform(1.0, 1.2)

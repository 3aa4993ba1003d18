"""Which approval requests wait, and for whom: read from the queue, a page at a time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from governance import awaited, delegation, gathering, policy, roles
from governance.case import Case
from governance.models import ApprovalRequest, Signature, WaitingRequest
from governance.quorum import Place
from governance.requirements.quorum import in_words, progress
from registry.models import Role, User

Meaning = Signature.Meaning
MOST = 25  # requests on a page
OTHERS = 10  # that wait for somebody else: the list of all requests tells the rest
_MEANINGS = (Meaning.REVIEW, Meaning.APPROVAL, Meaning.RESPONSIBILITY)


@dataclass(frozen=True)
class Waiting:
    """A request that waits for signatures, and the seats that are open now.

    It stands while what was submitted is what is there now; else nobody can sign it.
    """

    request: ApprovalRequest
    places: tuple[Place, ...]
    signed: int
    wanted: int
    stands: bool
    tier: int = 1
    due_at: datetime | None = None

    @property
    def missing(self) -> list[str]:
        """The empty places in words: how many, which meaning, by whom."""
        return in_words(self.places)


def signing_roles(user: User, held: frozenset[Role], at: datetime) -> frozenset[Role]:
    """The roles in which this person may sign: their own, and those lent to them.

    A delegate holds a role that signs, too, and the delegator holds theirs still; see
    `delegation.delegate`.
    """
    own = held & roles.RIGHTS["sign"]
    if not own:
        return own
    lent = delegation.active(at=at).filter(
        delegate=user,
        delegator__is_active=True,
        delegator__role_assignments__role=F("role"),
        delegator__role_assignments__ended_at=None,
    )
    return own | {Role(name) for name in lent.values_list("role", flat=True)}


def queue_of(user: User, may: Iterable[Role]) -> QuerySet[WaitingRequest]:
    """The queue of those requests that this person could sign now, the worst first.

    A preview: `approvals.sign` alone decides, and looks at more.
    """
    seats = [f"{meaning}:{role}" for meaning in _MEANINGS for role in may]
    mine = Q(seats__overlap=seats) & ~Q(hands__contains=[user.pk])
    # Few are attested by their owner: asked for apart, they cost nobody a join.
    owned = WaitingRequest.objects.filter(
        owner_attests=True, request__version__model__owner=user
    ).exclude(seats=[])
    return WaitingRequest.objects.filter(mine | Q(pk__in=owned.values("pk")))


def waiting_for(user: User, *, most: int = MOST) -> list[Waiting]:
    """What waits for this person's signature and stands, the worst first."""
    at = timezone.now()
    may = signing_roles(user, roles.roles_of(user), at)
    return [item for item in read(queue_of(user, may), at, most=most) if item.stands]


def waiting(user: User, held: frozenset[Role]) -> tuple[list[Waiting], list[Waiting]]:
    """What waits for this person's signature and stands, and all else that waits, the
    worst first, `OTHERS` at most; both are judged in one reading."""
    at = timezone.now()
    mine = _due(queue_of(user, signing_roles(user, held, at)))
    every = _due(WaitingRequest.objects.all(), OTHERS + len(mine))
    others = dict(islice(((k, d) for k, d in every.items() if k not in mine), OTHERS))
    found = {item.request.pk: item for item in _judged(mine | others, at)}
    ours = [key for key in mine if key in found and found[key].stands]
    # What was overtaken is nobody's to sign: it stands in its place among the others.
    rest = [key for key in every if key in found and key not in ours]
    return [found[key] for key in ours], [found[key] for key in rest[:OTHERS]]


def overtaken(user: User, *, most: int = MOST) -> list[Waiting]:
    """What this person submitted and must submit again, as it changed since."""
    mine = WaitingRequest.objects.filter(asked_by=user)
    return [item for item in read(mine, timezone.now(), most=most) if not item.stands]


def read(
    rows: QuerySet[WaitingRequest], at: datetime, *, most: int = MOST
) -> list[Waiting]:
    """The first of a queue, judged as they stand now, in a fixed number of queries."""
    return _judged(_due(rows, most), at)


def _due(
    rows: QuerySet[WaitingRequest], most: int = MOST
) -> dict[UUID, datetime | None]:
    """The first requests of a queue, in its order, with their deadlines."""
    return dict(rows.values_list("request_id", "due_at")[:most])


def _judged(due: Mapping[UUID, datetime | None], at: datetime) -> list[Waiting]:
    if not due:
        return []
    cases = gathering.cases_of_requests(list(due), at=at)
    return [
        _waiting(case, case.request, due[case.request.pk])
        for case in cases
        if case.request is not None
    ]


def of(request: ApprovalRequest, case: Case) -> list[Waiting]:
    """How one request waits, where it does."""
    queued = WaitingRequest.objects.filter(request=request).first()
    if queued is None or case.request != request:
        return []
    return [_waiting(case, request, queued.due_at)]


def _waiting(case: Case, request: ApprovalRequest, due_at: datetime | None) -> Waiting:
    try:
        found = progress(case)
    except policy.NoPolicy:
        return Waiting(request, (), 0, 0, stands=False, tier=case.tier, due_at=due_at)
    return Waiting(
        request,
        tuple(awaited.open_places(found)),
        found.have,
        found.wanted,
        stands=case.subject_holds,
        tier=case.tier,
        due_at=due_at,
    )

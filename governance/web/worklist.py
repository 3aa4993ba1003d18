"""Which approval requests wait, and for whom."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.utils import timezone

from governance import delegation, policy, roles
from governance.case import Case
from governance.models import ApprovalRequest, Signature
from governance.quorum import Place
from governance.requirements.quorum import in_words, owner_attests, progress
from registry.models import Role, User

Meaning = Signature.Meaning


@dataclass(frozen=True)
class Waiting:
    """A request that waits for signatures, and the seats that are still empty.

    It stands while what was submitted is what is there now; else nobody can sign it.
    """

    request: ApprovalRequest
    places: tuple[Place, ...]
    signed: int
    wanted: int
    stands: bool
    owner_attests: bool = False

    @property
    def missing(self) -> list[str]:
        """The empty places in words: how many, which meaning, by whom."""
        return in_words(self.places)


def open_requests() -> QuerySet[ApprovalRequest]:
    """Requests that nobody decided, withdrew or overtook, newest first."""
    newer = ApprovalRequest.objects.filter(
        version=OuterRef("version"),
        environment=OuterRef("environment"),
        sequence__gt=OuterRef("sequence"),
        withdrawal=None,
    )
    rejection = Signature.objects.filter(
        request=OuterRef("pk"), meaning=Meaning.REJECTION
    )
    return (
        ApprovalRequest.objects.filter(withdrawal=None, authorisation=None)
        .exclude(Exists(newer))
        .exclude(Exists(rejection))
        .select_related("version__model", "version__run", "environment", "assessment")
        .select_related("requested_by")
        .prefetch_related(Prefetch("signatures", Signature.objects.all()))
    )


def waiting() -> list[Waiting]:
    """All requests that wait for signatures."""
    return _all(open_requests())


def waiting_for(user: User) -> list[Waiting]:
    """The requests with an empty seat that this person could take.

    A preview: `approvals.sign` alone decides, and looks at more.
    """
    held = roles.roles_of(user) & roles.RIGHTS["sign"]
    # A delegate holds a role that signs, too; see `delegation.delegate`.
    lent = {Role(row.role) for row in delegation.to(user, at=timezone.now())}
    may = (held | lent) if held else held
    return [
        item
        for item in waiting()
        if item.stands
        and (_attests(item, user) or (may and _could_sign(item, user, may)))
    ]


def overtaken(user: User) -> list[Waiting]:
    """What this person submitted and must submit again, as it changed since."""
    mine = open_requests().filter(requested_by=user)
    return [item for item in _all(mine) if not item.stands]


def _all(requests: QuerySet[ApprovalRequest]) -> list[Waiting]:
    at = timezone.now()
    shelf = policy.shelf(at=at)
    return [_waiting(request, shelf, at) for request in requests]


def _waiting(request: ApprovalRequest, shelf: policy.Shelf, at: datetime) -> Waiting:
    case = Case(request.version, request.environment, at).knowing(shelf=shelf)
    try:
        found = progress(case)
    except policy.NoPolicy:
        return Waiting(request, (), 0, 0, stands=False)
    return Waiting(
        request,
        found.missing,
        found.have,
        found.wanted,
        stands=case.subject_holds,
        owner_attests=owner_attests(case, found.asked),
    )


def _attests(item: Waiting, user: User) -> bool:
    """Whether it waits for the owner, who attests it (startup-light, tier 4)."""
    owns = user.pk == item.request.version.model.owner_id
    return item.owner_attests and owns and bool(item.places)


def _could_sign(item: Waiting, user: User, held: frozenset[Role]) -> bool:
    request = item.request
    version = request.version
    hands = {
        version.developer_id,
        version.registered_by_id,
        version.model.developer_id,
        version.model.owner_id,
        request.requested_by_id,
        version.run.run_by_id if version.run else None,
        *(s.signed_by_id for s in request.signatures.all()),
    }
    if user.pk in hands:
        return False
    return any(
        held & {Role(name) for name in seat.roles}
        for place in item.places
        for seat in place.seats
    )

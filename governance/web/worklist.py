"""Which approval requests wait, and for whom."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.utils.translation import gettext as _

from governance import policy, roles
from governance.models import ApprovalRequest, Signature
from governance.policy import Seat
from registry.models import Role, User

Meaning = Signature.Meaning


@dataclass(frozen=True)
class Waiting:
    """A request that waits for signatures, and the seats that are still empty."""

    request: ApprovalRequest
    seats: tuple[Seat, ...]
    signed: int
    wanted: int

    @property
    def missing(self) -> list[str]:
        """The empty seats in words: how many, which meaning, by whom."""
        meanings = dict(Meaning.choices)
        return [
            _("%(count)s × %(meaning)s (%(roles)s)")
            % {
                "count": seat.count,
                "meaning": meanings.get(seat.meaning, seat.meaning),
                "roles": " / ".join(str(Role(name).label) for name in seat.roles),
            }
            for seat in self.seats
        ]


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
        .select_related(
            "version__model", "version__run", "environment", "assessment", "pack"
        )
        .select_related("requested_by")
        .prefetch_related(Prefetch("signatures", Signature.objects.all()))
    )


def waiting() -> list[Waiting]:
    """All requests that wait for signatures."""
    return [_waiting(request) for request in open_requests()]


def waiting_for(user: User) -> list[Waiting]:
    """The requests with an empty seat that this person could take.

    A preview: `approvals.sign` alone decides, and looks at more.
    """
    held = roles.roles_of(user) & roles.RIGHTS["sign"]
    if not held:
        return []
    return [item for item in waiting() if _could_sign(item, user, held)]


def _waiting(request: ApprovalRequest) -> Waiting:
    seats = policy.parse(request.pack.document).seats(request.assessment.tier)
    used: set[object] = set()
    empty = []
    for seat in seats:
        fitting = [
            s.pk
            for s in request.signatures.all()
            if s.meaning == seat.meaning and s.role in seat.roles and s.pk not in used
        ][: seat.count]
        used.update(fitting)
        if len(fitting) < seat.count:
            empty.append(Seat(seat.meaning, seat.roles, seat.count - len(fitting)))
    wanted = sum(seat.count for seat in seats)
    return Waiting(request, tuple(empty), len(used), wanted)


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
    return any(held & {Role(name) for name in seat.roles} for seat in item.seats)

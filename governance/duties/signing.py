"""The signature that is judged, and the questions that several rules ask about it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _

from governance import persons
from governance.models import ApprovalRequest, Delegation, Signature
from governance.persons import Same
from governance.separation import hands_in
from registry.models import Role, RoleAssignment, User

Meaning = Signature.Meaning


@dataclass(frozen=True)
class Signing:
    """A signature that somebody is about to give on a request.

    `others` are the people whose signatures stand there already. `delegation` is set
    where it is given for somebody else.
    """

    request: ApprovalRequest
    by: User
    role: Role
    meaning: str
    tier: int
    at: datetime
    others: tuple[User, ...] = ()
    owner_may_sign: bool = False
    delegation: Delegation | None = None

    @cached_property
    def hands(self) -> dict[str, str]:
        """Who has had a hand in the version."""
        return hands_in(self.request.version)

    @property
    def registered_at(self) -> datetime:
        """Since when the version exists."""
        return self.request.version.registered_at


def named(signing: Signing, what: str) -> str:
    """The sentence of a rule that speaks against whoever is about to sign."""
    return _("%(name)s %(what)s and cannot sign it.") % {
        "name": signing.by.printed_name,
        "what": what,
    }


def is_one(by: User, other: User | None) -> bool:
    """Whether both accounts are known to be of one person."""
    return other is not None and persons.same_person(by, other) == Same.YES


def among(by: User, ids: Iterable[UUID]) -> bool:
    """Whether the person is one of these, with this account or another known one."""
    keys = set(ids)
    return by.pk in keys or (
        persons.twin_of_ids(by, keys, unknown_is_one=False) is not None
    )


def has_held(signing: Signing, roles: Sequence[Role]) -> bool:
    """Whether the person, with any account, holds such a role, or held it since the
    version exists."""
    holders = RoleAssignment.objects.filter(
        Q(ended_at=None) | Q(ended_at__gte=signing.registered_at), role__in=roles
    )
    return among(signing.by, holders.values_list("user", flat=True))

"""Whether two accounts belong to one human (decisions.md 3.4, rule 12)."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from uuid import UUID

from django.utils.translation import gettext as _

from governance import roles
from governance.models import PersonIdentity, PersonLink
from registry.acts import act
from registry.models import User

Kind = PersonIdentity.Kind
# Two different ones under one issuer are two humans; two mailboxes one may have.
TELLING = (Kind.EXTERNAL_ID, Kind.SUBJECT)
# Kind, issuer and value.
Identifier = tuple[str, str, str]


class Same(StrEnum):
    """The answer; `UNKNOWN` counts as one human where the tier is strictest."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class CannotRecord(Exception):
    """What is said about a person cannot be kept; `field` names what is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Register:
    """Which accounts are of one human, as is known now: three queries for them all,
    two where nobody declared anything (`linked`).

    The address in an account counts although nobody verified it: equality only ever
    forbids.
    """

    def __init__(self, *, linked: bool = True) -> None:
        self.machines: set[UUID] = set()
        self.left: set[UUID] = set()
        self.known: dict[UUID, set[Identifier]] = defaultdict(set)
        users = User.objects.values_list("pk", "email", "is_machine", "is_active")
        for pk, email, is_machine, is_active in users:
            if email:
                self.known[pk].add((Kind.EMAIL, "", address(email)))
            if is_machine:
                self.machines.add(pk)
            if not is_active:
                self.left.add(pk)
        identities = PersonIdentity.objects.filter(ended_at=None)
        for pk, kind, issuer, value in identities.values_list(
            "user", "kind", "issuer", "value"
        ):
            self.known[pk].add((kind, issuer, value))
        links = PersonLink.objects.order_by("sequence")
        self.declared = {
            frozenset((first, second)): same
            for first, second, same in (
                links.values_list("first", "second", "same") if linked else ()
            )
        }
        self._accounts = self._of_one_human()

    def _of_one_human(self) -> dict[UUID, set[UUID]]:
        """By account, those of its human. What is one with one other is one with all
        that the other is."""
        bearers: dict[Identifier, set[UUID]] = defaultdict(set)
        for pk, identifiers in self.known.items():
            for identifier in identifiers:
                bearers[identifier].add(pk)
        alike = [pks for pks in bearers.values() if len(pks) > 1]
        alike += [set(pair) for pair, same in self.declared.items() if same]
        found: dict[UUID, set[UUID]] = {}
        for pks in alike:
            human = set(pks).union(*(found.get(pk, ()) for pk in pks))
            found |= dict.fromkeys(human, human)
        return found

    def same(self, a: UUID, b: UUID) -> Same:
        """Whether one human stands behind both accounts.

        `YES`: any identifier is the same, an address however it is spelt, or somebody
        declared so, of these two or along others. `NO`: under one issuer their external
        ids or subjects differ, the second line declared two humans, or exactly one
        account is a machine's. Equality outweighs difference. Everything else is
        `UNKNOWN`: that two mailboxes differ proves nothing.
        """
        if a == b or b in self._accounts.get(a, ()):
            return Same.YES
        apart = (
            frozenset((a, b)) in self.declared
            or (a in self.machines) != (b in self.machines)
            or _told_apart(self.known.get(a, ()), self.known.get(b, ()))
        )
        return Same.NO if apart else Same.UNKNOWN

    def twin(
        self, pk: UUID, others: Iterable[UUID], *, unknown_is_one: bool
    ) -> UUID | None:
        """The first of the others that is, or may be, of the same human.

        `unknown_is_one` for tier 1, where what nobody knows counts as a conflict.
        """
        conflicts = {Same.YES, Same.UNKNOWN} if unknown_is_one else {Same.YES}
        return next((one for one in others if self.same(pk, one) in conflicts), None)


def same_person(a: User, b: User) -> Same:
    """Whether one human stands behind both accounts, see `Register.same`."""
    return Register().same(a.pk, b.pk)


def twin_among(
    user: User, others: Iterable[User], *, unknown_is_one: bool
) -> User | None:
    """The first of the others who is, or may be, the same human."""
    by_id = {other.pk: other for other in others}
    twin = Register().twin(user.pk, by_id, unknown_is_one=unknown_is_one)
    return None if twin is None else by_id[twin]


def twin_of_ids(
    user: User, ids: Iterable[object], *, unknown_is_one: bool
) -> User | None:
    """The same among accounts by their ids, without the user's own."""
    keys = {str(pk) for pk in ids} - {str(user.pk), "None"}
    others = User.objects.filter(pk__in=keys).order_by("username")
    return twin_among(user, others, unknown_is_one=unknown_is_one)


def _told_apart(mine: Iterable[Identifier], theirs: Iterable[Identifier]) -> bool:
    """Whether both have a telling identifier of one issuer. That none is equal, the
    caller knows."""
    issuers = {(kind, issuer) for kind, issuer, _value in mine if kind in TELLING}
    return any((kind, issuer) in issuers for kind, issuer, _value in theirs)


def declaration(a: User, b: User) -> PersonLink | None:
    """What was declared last about the two accounts."""
    first, second = sorted((a.pk, b.pk))
    rows = PersonLink.objects.filter(first_id=first, second_id=second)
    return rows.order_by("-sequence").first()


@act
def record_identity(
    *, user: User, kind: str, value: str, by: User, at: datetime, issuer: str = ""
) -> PersonIdentity:
    """Record an identifier of the human behind an account, as SCIM or an
    administrator says; the same one twice is one row.

    Raises `NotAllowed`, `CannotRecord`.
    """
    if by.username != "system":
        roles.require(by, "record identities")
    value, issuer = _normal(kind, value, issuer)
    row, _created = PersonIdentity.objects.get_or_create(
        user=user,
        kind=kind,
        issuer=issuer,
        value=value,
        ended_at=None,
        defaults={"recorded_by": by, "recorded_at": at},
    )
    return row


@act
def end_identity(
    *, identity: PersonIdentity, reason: str, by: User, at: datetime
) -> PersonIdentity:
    """Say that an identifier was recorded by mistake or is no longer this human's.

    Raises `NotAllowed`, `CannotRecord`.
    """
    roles.require(by, "record identities")
    if not reason.strip():
        raise CannotRecord("reason", _("Say why it no longer counts."))
    row = PersonIdentity.objects.select_for_update(of=("self",)).get(pk=identity.pk)
    if row.ended_at is None:
        row.ended_by, row.ended_at, row.end_reason = by, at, reason
        row.save(update_fields=["ended_by", "ended_at", "end_reason"])
    return row


@act
def declare(
    *, a: User, b: User, same: bool, reason: str, by: User, at: datetime
) -> PersonLink:
    """Declare that two accounts are one human, or two; never about oneself.

    The second line declares, not who manages the accounts. Raises `NotAllowed`,
    `CannotRecord`.
    """
    roles.require(by, "declare persons")
    roles.require_person(by)
    if by.pk in (a.pk, b.pk):
        raise roles.NotAllowed(_("Nobody declares this about their own account."))
    if a.pk == b.pk:
        raise CannotRecord("second", _("Name two different accounts."))
    if not reason.strip():
        raise CannotRecord("reason", _("Say how you know it."))
    pair = sorted((a, b), key=lambda user: user.pk)
    # Both rows, in order: two declarations about them at once are one after the other.
    ids = [user.pk for user in pair]
    list(User.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk"))
    last = declaration(a, b)
    return PersonLink.objects.create(
        first=pair[0],
        second=pair[1],
        same=same,
        reason=reason,
        declared_by=by,
        declared_at=at,
        sequence=last.sequence + 1 if last else 1,
    )


def _normal(kind: str, value: str, issuer: str) -> tuple[str, str]:
    """Value and issuer as they are compared."""
    value, issuer = unicodedata.normalize("NFKC", value).strip(), issuer.strip()
    if kind not in Kind.values:
        names = ", ".join(Kind.values)
        raise CannotRecord("kind", _("Must be one of: %(names)s.") % {"names": names})
    if not value or not value.isprintable():
        raise CannotRecord("value", _("Give the identifier, in characters one sees."))
    if kind == Kind.EMAIL:
        if "@" not in value.strip("@"):
            raise CannotRecord("value", _("This is no e-mail address."))
        return address(value), ""
    if not issuer:
        raise CannotRecord(
            "issuer", _("Say whose identifier it is: the directory or provider.")
        )
    return value, issuer.rstrip("/")


@lru_cache(maxsize=65_536)
def address(text: str) -> str:
    """An address as mail servers deliver it: spelling, case and +tag make no other
    mailbox (RFC 5321, 2.4; RFC 5233)."""
    folded = unicodedata.normalize("NFKC", text).strip().casefold()
    local, _at, domain = unicodedata.normalize("NFKC", folded).rpartition("@")
    # What is no name of a mail server is compared as it stands.
    with suppress(UnicodeError):
        domain = domain.rstrip(".").encode("idna").decode()
    return f"{local.partition('+')[0]}@{domain}"

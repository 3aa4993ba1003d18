"""Erasing a person: the act, what it takes away, and what stays for which reason."""

import json
import secrets
from dataclasses import dataclass
from datetime import datetime

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from audits import keeping
from audits.capture import relation
from audits.models import Entry, Erasure
from governance import roles
from governance.models import (
    ApprovalRequest,
    IdempotentReply,
    PersonIdentity,
    Signature,
    Token,
)
from registry.acts import act
from registry.models import User

USERS = relation(User)
ADDRESSES = relation(EmailAddress)
IDENTITIES = relation(PersonIdentity)


class CannotErase(Exception):
    """The person cannot be erased now; the text says why, and what to do first."""


@dataclass(frozen=True)
class Erased:
    """What an erasure did, and sentences on what stays and why."""

    erasure: Erasure
    username: str
    stays: tuple[str, ...]


@act
def erase(*, user: User, because: str, by: User, at: datetime) -> Erased:
    """Take a person's name and addresses out of the accounts and out of the log.

    GDPR Art. 17. The log keeps commitments whose openings are gone, and verifies as
    before; what stays elsewhere is said. Raises `NotAllowed`, `CannotErase` and
    `keeping.UnderLegalHold`.
    """
    roles.require_person(by)
    roles.require(by, "erase people")
    user = User.objects.select_for_update().get(pk=user.pk)
    _require_erasable(user, because, by)
    addresses = _addresses_ever(user)
    keeping.require_free(rel=USERS, pk=str(user.pk))
    for pk in addresses:
        keeping.require_free(rel=ADDRESSES, pk=pk)
    named = records_naming(user)
    _end_ways_in(user, at)
    _anonymise(user)
    EmailAddress.objects.filter(user=user).delete()
    openings = _erase_openings(USERS, str(user.pk))
    openings += sum(_erase_openings(ADDRESSES, pk) for pk in addresses)
    openings += _erase_identities(user, by, at)
    erasure = Erasure.objects.create(
        rel=USERS,
        pk_text=str(user.pk),
        openings=openings,
        because=because.strip(),
        erased_by=by,
        erased_at=at,
    )
    return Erased(erasure, user.username, tuple(_what_stays(named)))


def records_naming(user: User) -> dict[str, int]:
    """Count, by table, the records whose text has the person's name or address in it.

    Reads the whole log once. A name in other words, or in a file, is not found.
    """
    words = [user.get_full_name(), user.email]
    known = [json.dumps(word, ensure_ascii=False)[1:-1] for word in words if word]
    known.append(json.dumps(user.username, ensure_ascii=False))  # whole strings only
    found = Q()
    for word in known:
        found |= Q(body__contains=word)
    rows = Entry.objects.filter(found, pk_text__isnull=False).values("rel")
    counts = {
        row["rel"].removeprefix("public."): row["count"]
        for row in rows.annotate(count=Count("pk_text", distinct=True)).order_by("rel")
    }
    if replies := IdempotentReply.objects.filter(found).count():
        counts[IdempotentReply._meta.db_table] = replies
    return counts


def _what_stays(named: dict[str, int]) -> list[str]:
    """Say which records an erasure leaves, and by which rule."""
    stays = []
    signed = named.pop(Signature._meta.db_table, 0)
    if signed:
        stays.append(
            _(
                "%(count)d signatures keep the printed name and the signed text: they "
                "are records that must name their signer (21 CFR 11.50, 11.70), which "
                "comes before erasure (GDPR Art. 17(3)(b))."
            )
            % {"count": signed}
        )
    if named:
        tables = ", ".join(f"{count} of {table}" for table, count in named.items())
        stays.append(
            _(
                "These records have the name in their text and stay as what was "
                "decided (GDPR Art. 17(3)(b)): %(tables)s."
            )
            % {"tables": tables}
        )
    stays.append(
        _(
            "The log keeps who did what by a random identifier, with commitments in "
            "place of names: without their openings they say nothing."
        )
    )
    stays.append(
        _(
            "Stored files (dossiers, mails) and backups made before were not searched: "
            "docs/keeping.md says what to do with them."
        )
    )
    return stays


def _require_erasable(user: User, because: str, by: User) -> None:
    if not because.strip():
        raise CannotErase(_("Say why the person is erased; the log will keep it."))
    if user.pk == by.pk:
        raise CannotErase(_("Nobody erases themselves: ask another officer."))
    if user.is_machine:
        raise CannotErase(_("This is a machine; it has no personal data to erase."))
    if Erasure.objects.filter(rel=USERS, pk_text=str(user.pk)).exists():
        raise CannotErase(_("This person was erased already."))
    if _has_open_request(user):
        raise CannotErase(
            _(
                "A request of this person waits for signatures: "
                "withdraw it or decide it first."
            )
        )
    if user.is_active or roles.roles_of(user):
        raise CannotErase(
            _(
                "This account is still in use: "
                "an administrator ends it first (manage.py access --deactivate)."
            )
        )


def _has_open_request(user: User) -> bool:
    open_requests = ApprovalRequest.objects.filter(
        requested_by=user, withdrawal=None, authorisation=None
    ).exclude(signatures__meaning=Signature.Meaning.REJECTION)
    # A newer request for the same place has overtaken an older one.
    return any(
        not ApprovalRequest.objects.filter(
            version=request.version_id,
            environment=request.environment_id,
            sequence__gt=request.sequence,
        ).exists()
        for request in open_requests
    )


def _addresses_ever(user: User) -> list[str]:
    """Return the keys of all e-mail rows that the person has or had.

    Former ones are found in the log, where the owner of the row stands in the open.
    """
    mark = f'"user_id": "{user.pk}"'
    found = Entry.objects.filter(rel=ADDRESSES, body__contains=mark)
    keys = {pk for pk in found.values_list("pk_text", flat=True) if pk}
    live = EmailAddress.objects.filter(user=user).values_list("pk", flat=True)
    return sorted(keys | {str(pk) for pk in live})


def _end_ways_in(user: User, at: datetime) -> None:
    """End what could still open the account: tokens, second factors, sessions."""
    Token.objects.filter(user=user, revoked_at=None).update(revoked_at=at)
    Authenticator.objects.filter(user=user).delete()
    mine = [
        session.pk
        for session in Session.objects.iterator(chunk_size=500)
        if session.get_decoded().get("_auth_user_id") == str(user.pk)
    ]
    Session.objects.filter(pk__in=mine).delete()


def _anonymise(user: User) -> None:
    user.username = f"erased-{secrets.token_hex(4)}"
    user.first_name = user.last_name = user.email = user.unit = ""
    user.is_active = False
    user.last_login = None
    user.set_unusable_password()
    user.save()


def _erase_identities(user: User, by: User, at: datetime) -> int:
    """Take away by what the human was known outside; how many openings were erased."""
    openings = 0
    for row in PersonIdentity.objects.select_for_update(of=("self",)).filter(user=user):
        row.value, row.end_reason = f"erased-{row.pk}", row.end_reason or "erased"
        row.ended_by, row.ended_at = row.ended_by or by, row.ended_at or at
        row.save()
        openings += _erase_openings(IDENTITIES, str(row.pk))
    return openings


def _erase_openings(rel: str, pk: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT public.audits_erase(%s, %s)", [rel, pk])
        return int(cursor.fetchone()[0])

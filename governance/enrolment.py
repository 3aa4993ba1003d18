"""The right to sign after an administrator took part in somebody's credentials.

21 CFR 11.200(a)(3): whoever would sign as somebody else needs two people. So one makes
the password useless, another one sees who it is, and the owner chooses a password.
"""

import secrets
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import notifications, roles
from governance.models import CredentialReset, IdentityProof
from registry.acts import act
from registry.digests import sha256_hex
from registry.models import User


class CannotSign(Exception):
    """This account has no right to sign now; the text says what to do."""


class CannotEnrol(Exception):
    """The step is not possible; `field` names what is wrong, if it is a field."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


def require_right(user: User) -> None:
    """Refuse while somebody else may know the user's password. Raises `CannotSign`."""
    reset = last_reset(user)
    if reset is None:
        return
    proof = IdentityProof.objects.filter(reset=reset).first()
    if proof is None:
        raise CannotSign(
            _(
                "Your credentials were reset on %(day)s. Show a second person who you "
                "are; then you can sign again."
            )
            % {"day": reset.reset_at.date().isoformat()}
        )
    if sha256_hex(user.password.encode()) == proof.password_sha256:
        raise CannotSign(
            _(
                "You still have the password that was handed to you. Choose your own "
                "on the account page; then you can sign again."
            )
        )


def last_reset(user: User) -> CredentialReset | None:
    """The newest reset of the user's credentials."""
    return CredentialReset.objects.filter(user=user).order_by("-sequence").first()


def trusted_since(user: User) -> datetime | None:
    """Only passkeys added after this moment are the owner's; None: all are."""
    reset = last_reset(user)
    if reset is None:
        return None
    proof = IdentityProof.objects.filter(reset=reset).first()
    return proof.proved_at if proof is not None else reset.reset_at


@act
def reset(*, user: User, reason: str, by: User, at: datetime) -> CredentialReset:
    """Make a forgotten or lost password useless (21 CFR 11.300(c)).

    Nobody can log in with a password until another person has seen who it is.
    Raises `NotAllowed`, `CannotEnrol`.
    """
    roles.require(by, "manage access")
    roles.require_person(by)
    locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if locked == by:
        raise CannotEnrol(_("Nobody resets their own credentials."))
    if locked.is_machine or not locked.is_active:
        raise CannotEnrol(_("Only people with an active account have credentials."))
    if not reason.strip():
        raise CannotEnrol(_("Say why they are reset."), "reason")
    locked.set_unusable_password()
    locked.save(update_fields=["password"])
    last = last_reset(locked)
    row = CredentialReset.objects.create(
        user=locked,
        reason=reason,
        reset_by=by,
        reset_at=at,
        sequence=last.sequence + 1 if last else 1,
    )
    notifications.tell(
        to=[locked],
        subject=gettext_lazy("Your credentials were reset"),
        text=gettext_lazy(
            "%(name)s reset them: %(reason)s. You cannot sign until a second person "
            "has seen who you are."
        ),
        values={"name": by.printed_name, "reason": reason},
        kind="credentials.reset",
        about=row,
        at=at,
    )
    return row


@act
def prove_identity(*, reset: CredentialReset, seen: str, by: User, at: datetime) -> str:
    """Confirm who somebody is after a reset; the password for one use to hand over.

    By somebody else than who reset and who is seen. Its owner chooses another one
    before signing. Raises `NotAllowed`, `CannotEnrol`.
    """
    roles.require(by, "prove identities")
    roles.require_person(by)
    row = CredentialReset.objects.select_for_update().get(pk=reset.pk)
    if by.pk in (row.user_id, row.reset_by_id):
        raise roles.NotAllowed(
            _("It takes a second person: neither who was reset nor who did it.")
        )
    user = User.objects.select_for_update(no_key=True).get(pk=row.user_id)
    if last_reset(user) != row or IdentityProof.objects.filter(reset=row).exists():
        raise CannotEnrol(_("This reset was followed up already, or done anew."))
    if not seen.strip():
        raise CannotEnrol(_("Say by what you know the person."), "seen")
    password = secrets.token_urlsafe(12)
    user.set_password(password)
    user.save(update_fields=["password"])
    IdentityProof.objects.create(
        reset=row,
        seen=seen,
        password_sha256=sha256_hex(user.password.encode()),
        proved_by=by,
        proved_at=at,
    )
    return password

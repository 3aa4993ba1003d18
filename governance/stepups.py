"""A signer asked again at the identity provider: for one intent, used once.

The provider's answer itself is verified in `single_sign_on`; here is what a signature
takes of it. OpenID Connect Core 1.0, 3.1.2.1 (`prompt`, `max_age`) and 2 (`auth_time`).
"""

import secrets
import unicodedata
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from governance.models import PersonIdentity, StepUp, StepUpAnswer, StepUpUse
from registry.acts import act
from registry.digests import sha256_of_json
from registry.models import User

LIFE = timedelta(minutes=5)  # to answer, and then to sign
STEP_UP = gettext_noop("single sign-on, asked again")


class NotConfirmed(Exception):
    """The identity provider confirmed nothing that counts here; the text says why."""


class NoSingleSignOn(Exception):
    """This person cannot be asked at an identity provider."""


def configured() -> bool:
    """Whether an identity provider is set up at all."""
    return bool(settings.FREIGABE_SSO_ISSUER and settings.FREIGABE_SSO_CLIENT_ID)


def identities_of(user: User) -> QuerySet[PersonIdentity]:
    """By what the configured identity provider knows the person; ended ones do not
    count."""
    return _recorded().filter(user=user)


def offered(user: User) -> bool:
    """Whether the person can be asked again at the identity provider."""
    return identities_of(user).exists()


def account_of(subject: str) -> User | None:
    """The one active person's account with this subject; None for none or several.

    An e-mail address counts for nothing here: providers let people choose it.
    """
    if unicodedata.normalize("NFKC", subject).strip() != subject:
        return None
    rows = _recorded().filter(value=subject).select_related("user")
    found = {row.user_id: row.user for row in rows}
    if len(found) != 1:
        return None
    user = next(iter(found.values()))
    return user if user.is_active and not user.is_machine else None


@act
def ask(
    *, session_sha256: str, intent_sha256: str, address: str, by: User, at: datetime
) -> StepUp:
    """Begin to ask a person again for this intent, in this session, for `LIFE`.

    Raises `NoSingleSignOn`.
    """
    if not address.isprintable():
        raise NoSingleSignOn(_("Say to which address the form is sent."))
    if not offered(by):
        raise NoSingleSignOn(
            _(
                "Your account has no subject at the identity provider. Ask an "
                "administrator to record it."
            )
        )
    return StepUp.objects.create(
        user=by,
        session_sha256=session_sha256,
        intent_sha256=intent_sha256,
        address=address[:500],
        issuer=settings.FREIGABE_SSO_ISSUER,
        nonce=secrets.token_hex(32),
        made_at=at,
    )


def nonce_of(row: StepUp) -> str:
    """What the provider's answer has to carry: it fits no other person, log-in or
    intent, for it is their digest."""
    return sha256_of_json(
        {
            "id": str(row.pk),
            "nonce": row.nonce,
            "user": str(row.user_id),
            "session": row.session_sha256,
            "intent": row.intent_sha256,
            "issuer": row.issuer,
        }
    )


def require_open(row: StepUp, *, by: User, at: datetime) -> None:
    """Refuse one that is somebody else's, answered or too old.

    Raises `NotConfirmed`.
    """
    if row.user_id != by.pk or row.issuer != settings.FREIGABE_SSO_ISSUER:
        raise NotConfirmed(_("Somebody else was to be asked."))
    if not row.made_at <= at < row.made_at + LIFE:
        raise NotConfirmed(
            _("The identity provider was asked too long ago. Sign again.")
        )
    if StepUpAnswer.objects.filter(step_up=row).exists():
        raise NotConfirmed(_("The identity provider answered this already."))


def use(
    *,
    user: User,
    step_up: str,
    session_sha256: str,
    intent_sha256: str,
    at: datetime,
) -> str:
    """Use an answer up; the method, with what the provider said of it.

    Raises `NotConfirmed` when there is no answer, it is for somebody or something
    else, from another log-in, older than `LIFE`, used already, or its subject is no
    longer the person's.
    """
    row = _asked(step_up)
    if row is None or row.user_id != user.pk or row.session_sha256 != session_sha256:
        raise NotConfirmed(_("You were not asked for this."))
    if row.intent_sha256 != intent_sha256:
        raise NotConfirmed(
            _("You were asked for something else. Somewhere a field was changed since.")
        )
    answer = StepUpAnswer.objects.filter(step_up=row).first()
    if answer is None:
        raise NotConfirmed(_("The identity provider has not confirmed it yet."))
    if not answer.answered_at <= at < answer.answered_at + LIFE:
        raise NotConfirmed(
            _("The identity provider was asked too long ago. Sign again.")
        )
    if not identities_of(user).filter(pk=answer.identity_id).exists():
        raise NotConfirmed(_("This is no longer your identity at the provider."))
    try:
        with transaction.atomic():
            StepUpUse.objects.create(answer=answer, used_at=at)
    except IntegrityError as error:
        raise NotConfirmed(_("This confirmation was used already.")) from error
    return _method(row, answer)


def _asked(step_up: str) -> StepUp | None:
    try:
        key = UUID(step_up)
    except ValueError:
        return None
    return StepUp.objects.filter(pk=key).first()


def _method(row: StepUp, answer: StepUpAnswer) -> str:
    """As it is stored, signed and printed: method, place, `auth_time`, `acr`, `amr`."""
    asked_at = answer.authenticated_at.astimezone(UTC).isoformat()
    return "; ".join(
        [
            f"{STEP_UP} at {urlsplit(row.issuer).hostname}",
            f"auth_time {asked_at}",
            f"acr {answer.acr or '-'}",
            f"amr {' '.join(answer.amr) or '-'}",
            f"step-up {row.pk}",
        ]
    )


def _recorded() -> QuerySet[PersonIdentity]:
    """What counts of the subjects at the configured provider."""
    if not configured():
        return PersonIdentity.objects.none()
    return PersonIdentity.objects.filter(
        kind=PersonIdentity.Kind.SUBJECT,
        issuer=settings.FREIGABE_SSO_ISSUER.rstrip("/"),
        ended_at=None,
    )

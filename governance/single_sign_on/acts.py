"""What becomes of a verified answer: a log-in, or a confirmation for one signing."""

from datetime import datetime
from typing import NoReturn

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from governance import signatures, stepups
from governance.identities.keys import Key
from governance.models import PersonIdentity, StepUp, StepUpAnswer
from governance.single_sign_on.claims import (
    Claims,
    NotProven,
    read,
    require_fresh,
    require_strong,
)
from registry.models import User


def enter(
    *, token: str, key: Key | None, nonce: str, at: datetime
) -> tuple[User, Claims]:
    """The account of whom the provider names; none is ever made. Raises `NotProven`."""
    claims = read(token, key, nonce=nonce, at=at)
    user = stepups.account_of(claims.subject)
    if user is None:
        raise NotProven(
            _(
                "No account is recorded for you here. Ask an administrator to record "
                "your subject at the identity provider: %(subject)s"
            )
            % {"subject": claims.subject}
        )
    return user, claims


@signatures.signed_act
def answer(
    *,
    step_up: StepUp,
    token: str,
    key: Key | None,
    came_as: str,
    came_at: datetime | None,
    by: User,
    at: datetime,
) -> StepUpAnswer:
    """Keep the provider's answer to a step-up, if it proves what it has to.

    `came_as` and `came_at` are subject and `auth_time` of the log-in, where the person
    came in by single sign-on. An answer that proves nothing is a failed attempt to
    sign. Raises `signatures.WrongStepUp`, `signatures.LockedOut`.
    """
    signatures.require_unlocked(by, at)
    try:
        claims, identity = _proven(step_up, token, key, came_as=came_as, by=by, at=at)
        shown = require_fresh(
            claims, asked_at=step_up.made_at, after=_latest(by, came_at), at=at
        )
        require_strong(claims)
        with transaction.atomic():
            return StepUpAnswer.objects.create(
                step_up=step_up,
                identity=identity,
                authenticated_at=shown,
                acr=claims.acr,
                amr=list(claims.amr),
                sid=claims.sid,
                key_id=claims.key_id,
                token_sha256=claims.token_sha256,
                answered_at=at,
            )
    except (NotProven, stepups.NotConfirmed) as refusal:
        raise signatures.WrongStepUp(
            _("%(why)s Nothing was signed.") % {"why": refusal}
        ) from refusal
    except IntegrityError as error:
        raise signatures.WrongStepUp(
            _("The identity provider answered this already. Nothing was signed.")
        ) from error


@signatures.signed_act
def fail(*, because: str, by: User, at: datetime) -> NoReturn:
    """Keep that somebody did not prove at the provider who they are.

    Raises `signatures.WrongStepUp`, always, or `signatures.LockedOut`.
    """
    signatures.require_unlocked(by, at)
    raise signatures.WrongStepUp(_("%(why)s Nothing was signed.") % {"why": because})


def _proven(
    step_up: StepUp,
    token: str,
    key: Key | None,
    *,
    came_as: str,
    by: User,
    at: datetime,
) -> tuple[Claims, PersonIdentity]:
    """What is claimed, of the person who was asked and nobody else."""
    stepups.require_open(step_up, by=by, at=at)
    claims = read(token, key, nonce=stepups.nonce_of(step_up), at=at)
    identity = stepups.identities_of(by).filter(value=claims.subject).first()
    # A subject of two accounts says of neither whose it is.
    alone = stepups.account_of(claims.subject) == by
    if identity is None or not alone or (came_as and claims.subject != came_as):
        raise NotProven(_("Somebody else answered at the identity provider."))
    return claims, identity


def _latest(by: User, came_at: datetime | None) -> datetime | None:
    """The last time that the person was asked, as far as we know."""
    last = (
        StepUpAnswer.objects.filter(step_up__user=by)
        .order_by("-authenticated_at")
        .values_list("authenticated_at", flat=True)
        .first()
    )
    return max([moment for moment in (last, came_at) if moment], default=None)

"""Electronic signatures: the statement, re-authentication, the record's digest."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ParamSpec, TypeVar
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from governance import enrolment, notifications, passkeys, series, stepups
from governance.models import (
    ApprovalRequest,
    RecordSignature,
    Signature,
    SignatureAttempt,
)
from registry.acts import act, acting
from registry.digests import sha256_of_json
from registry.models import Role, User

ATTEMPTS_ALLOWED = 5
LOCKED_FOR = timedelta(minutes=15)
# How the signer proved who signs, as it stands in the signature.
PASSWORD = gettext_noop("user name and password")  # noqa: S105
TOKEN = gettext_noop("token and password")  # noqa: S105
IN_SERIES = gettext_noop("password, in a series")
PASSKEY = gettext_noop("passkey with user verification")
# The first half of the key of the lock under which a person's attempts are counted.
_TURN = 0x5167

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Proof:
    """What the signer shows beside being logged in (21 CFR 11.200(a)(1)).

    Exactly one of `password`, `assertion`, a passkey's answer as JSON text to the
    challenge for `intent_sha256`, and `step_up`, the id of a confirmation by the
    identity provider for the same. `user_name` is what the signer typed; None where the
    door knows it otherwise, by a `token`, or by an earlier signing in the series of
    the log-in `session_sha256`. Code that passes a password alone vouches for the
    user name.
    """

    password: str = ""
    assertion: str = ""
    step_up: str = ""
    intent_sha256: str = ""
    user_name: str | None = None
    session_sha256: str = ""
    token: bool = False

    @property
    def ways(self) -> int:
        """How many ways to prove it are shown; one is right."""
        return sum(map(bool, (self.password, self.assertion, self.step_up)))


class NotSigned(Exception):
    """The signer did not prove who signs, or may not; `field` is where to say so."""

    field = "password"


class WrongPassword(NotSigned):
    """Re-authentication failed, so nothing was signed."""


class WrongPasskey(WrongPassword):
    """A passkey's answer proved nothing, so nothing was signed."""

    field = "assertion"


class WrongStepUp(WrongPassword):
    """The identity provider confirmed nothing that counts, so nothing was signed."""

    field = "step_up"


class NothingShown(NotSigned):
    """A component is missing: nothing was signed, and nothing failed."""

    def __init__(self, message: str, field: str = "password") -> None:
        super().__init__(message)
        self.field = field


class LockedOut(NotSigned):
    """Too many failed attempts to sign (21 CFR 11.300(d))."""


class NoRightToSign(NotSigned):
    """The account has nothing to sign with, or its owner must enrol anew."""


def authenticate(*, by: User, proof: Proof, at: datetime) -> str:
    """Check what the signer shows; the method, as it stands in the signature.

    The session is not touched. Raises `NotSigned`, which is one of `WrongPassword`,
    `WrongPasskey`, `WrongStepUp`, `NothingShown`, `LockedOut` and `NoRightToSign`.
    """
    take_turn(by)
    require_unlocked(by, at)
    # As it is now: what the session or the token loaded may be older.
    account = User.objects.get(pk=by.pk)
    try:
        enrolment.require_right(account)
    except enrolment.CannotSign as refusal:
        raise NoRightToSign(str(refusal)) from refusal
    if proof.ways != 1:
        raise NothingShown(one_way())
    if settings.FREIGABE_SSO_REQUIRED and not proof.step_up:
        raise NothingShown(one_way(), "step_up")
    if proof.step_up:
        method = _by_step_up(account, proof, at)
    elif proof.assertion:
        method = _by_passkey(account, proof, at)
    else:
        method = _by_password(account, proof, at)
    if not proof.token:
        session = proof.session_sha256
        series.go_on(user=account, session_sha256=session, method=method, at=at)
    return method


def one_way() -> str:
    """What a signer is told who showed nothing, or too much."""
    if settings.FREIGABE_SSO_REQUIRED:
        return _(
            "Your organisation has you asked again at its identity provider before "
            "you sign."
        )
    if stepups.configured():
        return _(
            "Sign with your password, with a passkey or with single sign-on, one of "
            "the three."
        )
    return _("Sign with your password or with a passkey, one of the two.")


def _by_step_up(account: User, proof: Proof, at: datetime) -> str:
    try:
        return stepups.use(
            user=account,
            step_up=proof.step_up,
            session_sha256=proof.session_sha256,
            intent_sha256=proof.intent_sha256,
            at=at,
        )
    except stepups.NotConfirmed as refusal:
        raise WrongStepUp(
            _("%(why)s Nothing was signed.") % {"why": refusal}
        ) from refusal


def _by_passkey(account: User, proof: Proof, at: datetime) -> str:
    try:
        passkeys.verify(
            user=account,
            assertion=proof.assertion,
            session_sha256=proof.session_sha256,
            intent_sha256=proof.intent_sha256,
            at=at,
        )
    except passkeys.NotVerified as refusal:
        raise WrongPasskey(
            _("%(why)s Nothing was signed.") % {"why": refusal}
        ) from refusal
    return PASSKEY


def _by_password(account: User, proof: Proof, at: datetime) -> str:
    if not account.has_usable_password() and stepups.offered(account):
        raise NoRightToSign(
            _(
                "This account has no password here. Sign with single sign-on: your "
                "identity provider asks you again."
            )
        )
    if not account.has_usable_password():
        raise NoRightToSign(
            _(
                "This account has no password here, and no identity provider is set up "
                "that could ask you again. Sign with a passkey; add one on the account "
                "page."
            )
        )
    method = _identified(account, proof, at)
    if proof.user_name is not None and proof.user_name != account.username:
        raise WrongPassword(
            _("The user name or the password is wrong. Nothing was signed.")
        )
    if not check_password(proof.password, account.password):
        raise WrongPassword(_("The password is wrong. Nothing was signed."))
    return method


def _identified(account: User, proof: Proof, at: datetime) -> str:
    """The method, by where the user name comes from. Raises `NothingShown`."""
    if proof.user_name is not None or not proof.session_sha256:
        return PASSWORD
    if proof.token:
        return TOKEN
    session = proof.session_sha256
    if series.current(user=account, session_sha256=session, at=at) is None:
        raise NothingShown(
            _("Sign with your user name, too: no series of signings is open."),
            "user_name",
        )
    return IN_SERIES


def take_turn(by: User) -> None:
    """Wait until no other attempt of this person is under way, until the commit.

    Else two workers would each see four failures, and the fifth would be two.
    """
    half = int.from_bytes(by.pk.bytes[:4], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_TURN, half])


def require_unlocked(by: User, at: datetime) -> None:
    """Refuse who failed too often. Raises `LockedOut`."""
    if _failures(by, at) >= ATTEMPTS_ALLOWED:
        raise LockedOut(
            _("Too many failed attempts. Signing is locked for %(minutes)s minutes.")
            % {"minutes": int(LOCKED_FOR.total_seconds() // 60)}
        )


def _failures(by: User, at: datetime) -> int:
    return SignatureAttempt.objects.filter(
        attempted_by=by, attempted_at__gt=at - LOCKED_FOR
    ).count()


def signed_act(function: Callable[P, R]) -> Callable[P, R]:
    """Make a keyword-only function with `by=` and `at=` one act that ends in signing.

    A failed attempt is kept although nothing else is (21 CFR 11.300(d)), before the
    person's next attempt is looked at. It names the `request=` of the act, if any.
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        by, at = kwargs["by"], kwargs["at"]
        if not isinstance(by, User) or not isinstance(at, datetime):
            raise TypeError("A signed act has a person and a moment.")
        about = kwargs.get("request")
        request = about if isinstance(about, ApprovalRequest) else None
        with acting(by=by):
            take_turn(by)
            try:
                with transaction.atomic():
                    return function(*args, **kwargs)
            except WrongPassword as error:
                refusal = error
            record_failure(request=request, by=by, at=at)
        raise refusal

    return wrapper


def sign_record(
    *,
    record_type: str,
    record_id: UUID,
    subject_sha256: str,
    statement: str,
    role: Role,
    meaning: str,
    proof: Proof,
    by: User,
    at: datetime,
    comment: str = "",
) -> RecordSignature:
    """Sign a record of any kind, as part of the act that calls this.

    `subject_sha256` covers all that the signer saw of the record. Whether this person
    may sign it, that act has checked. Raises `NotSigned`.
    """
    signature = RecordSignature(
        record_type=record_type,
        record_id=record_id,
        subject_sha256=subject_sha256,
        signed_by=by,
        printed_name=by.printed_name,
        role=role,
        meaning=meaning,
        method=authenticate(by=by, proof=proof, at=at),
        statement=statement,
        comment=comment,
        signed_at=at,
    )
    signature.record_sha256 = record_digest(signature)
    signature.save(force_insert=True)
    return signature


@act
def record_failure(
    *, request: ApprovalRequest | None, by: User, at: datetime
) -> SignatureAttempt:
    """Keep a failed attempt; the one that locks the signer out is told to people.

    `request` is None where something else was to be signed; all attempts count.
    """
    row = SignatureAttempt.objects.create(
        request=request, attempted_by=by, attempted_at=at
    )
    if _failures(by, at) == ATTEMPTS_ALLOWED:
        notifications.tell(
            to=[by, Role.PLATFORM_ADMIN, Role.COMPLIANCE],
            subject=gettext_lazy("Signing is locked for %(name)s"),
            text=gettext_lazy(
                "%(count)s attempts to sign failed within %(minutes)s minutes. Ask "
                "whether it was the account's owner."
            ),
            values={
                "name": by.printed_name,
                "count": ATTEMPTS_ALLOWED,
                "minutes": int(LOCKED_FOR.total_seconds() // 60),
            },
            kind="security.signing-locked",
            about=row,
            at=at,
        )
    return row


def record_digest(signature: Signature | RecordSignature) -> str:
    """SHA-256 that ties a signature to its record, signer, meaning and time.

    A signature copied to another record gives another digest (21 CFR 11.70).
    """
    if isinstance(signature, RecordSignature):
        return sha256_of_json(
            {
                "record": [signature.record_type, str(signature.record_id)],
                "subject_sha256": signature.subject_sha256,
                **_signed(signature),
            }
        )
    return sha256_of_json(
        {
            "request": str(signature.request_id),
            **_lent(signature),
            "subject_sha256": signature.request.subject_sha256,
            **_signed(signature),
        }
    )


def _lent(signature: Signature) -> dict[str, object]:
    """For whom, and in spite of which warnings, where there is any."""
    found: dict[str, object] = {}
    if signature.delegation_id is not None:
        found["delegation"] = str(signature.delegation_id)
    if signature.warned:
        found["warned"] = list(signature.warned)
    return found


def holds(signature: Signature | RecordSignature) -> bool:
    """Whether the signature is the one that was given, on the record it stands at.

    One that was edited, or copied to another record, counts as none (21 CFR 11.70).
    """
    return record_digest(signature) == signature.record_sha256


def _signed(signature: Signature | RecordSignature) -> dict[str, str]:
    return {
        "signed_by": str(signature.signed_by_id),
        "printed_name": signature.printed_name,
        "role": str(signature.role),
        "meaning": str(signature.meaning),
        "method": signature.method,
        "statement": signature.statement,
        "comment": signature.comment,
        "signed_at": signature.signed_at.isoformat(),
    }

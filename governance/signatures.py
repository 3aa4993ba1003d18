"""Electronic signatures: the statement, re-authentication, the record's digest."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ParamSpec, TypeVar
from uuid import UUID

from django.contrib.auth.hashers import check_password
from django.utils.translation import gettext as _

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
PASSWORD = "user name and password"  # noqa: S105


P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Proof:
    """What the signer shows beside being logged in (21 CFR 11.200(a)(1)).

    Exactly one of `password` and `assertion`, a passkey's answer as JSON text.
    """

    password: str = ""
    assertion: str = ""


class NotSigned(Exception):
    """The signer did not prove who they are; `field` names what was wrong."""

    field = "password"


class WrongPassword(NotSigned):
    """Re-authentication failed, so nothing was signed."""


class LockedOut(NotSigned):
    """Too many failed attempts to sign (21 CFR 11.300(d))."""


def statement(
    *, request: ApprovalRequest, by: User, role: Role, meaning: str, comment: str = ""
) -> str:
    """The exact sentence that the signer reads and signs (21 CFR 11.50)."""
    version = request.version
    acts = {
        "review": _("have reviewed"),
        "approval": _("approve"),
        "rejection": _("reject"),
    }
    text = _(
        "I, %(name)s, acting as %(role)s, %(act)s %(model)s, version %(version)s "
        "(SHA-256 %(digest)s), for the environment %(environment)s, having seen its "
        "evidence, its risk assessment (%(band)s %(score)s, tier %(tier)s) and the "
        "policy %(pack)s, all bound by the record %(subject)s."
    ) % {
        "name": by.printed_name,
        "role": role.label,
        "act": acts.get(meaning, meaning),
        "model": version.model.name,
        "version": version.version,
        "digest": version.sha256,
        "environment": request.environment.name,
        "band": request.assessment.get_band_display(),
        "score": request.assessment.score,
        "tier": request.assessment.tier,
        "pack": f"{request.pack.slug} {request.pack.version}",
        "subject": request.subject_sha256,
    }
    return f"{text}\n{comment.strip()}" if comment.strip() else text


def reauthenticate(*, by: User, password: str, at: datetime) -> None:
    """Second component of the signature. Raises `WrongPassword` or `LockedOut`.

    The password is checked without touching the session (21 CFR 11.200(a)(1)).
    """
    recent = SignatureAttempt.objects.filter(
        attempted_by=by, attempted_at__gt=at - LOCKED_FOR
    ).count()
    if recent >= ATTEMPTS_ALLOWED:
        raise LockedOut(
            _("Too many failed attempts. Signing is locked for %(minutes)s minutes.")
            % {"minutes": int(LOCKED_FOR.total_seconds() // 60)}
        )
    if not check_password(password, by.password):
        raise WrongPassword(_("The password is wrong. Nothing was signed."))


def authenticate(*, by: User, proof: Proof, at: datetime) -> str:
    """Check what the signer shows; the method, as it stands in the signature.

    Raises `WrongPassword` or `LockedOut`.
    """
    reauthenticate(by=by, password=proof.password, at=at)
    return PASSWORD


def signed_act(function: Callable[P, R]) -> Callable[P, R]:
    """Make a keyword-only function with `by=` and `at=` one act that ends in signing.

    A failed attempt is kept although nothing else is (21 CFR 11.300(d)).
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        by, at = kwargs["by"], kwargs["at"]
        try:
            with acting(by=by):
                return function(*args, **kwargs)
        except WrongPassword:
            record_failure(request=None, by=by, at=at)  # type: ignore[arg-type]
            raise

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
    may sign it, that act has checked. Raises `WrongPassword`, `LockedOut`.
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
    signature.record_sha256 = sha256_of_json(
        {
            "record": [record_type, str(record_id)],
            "subject_sha256": subject_sha256,
            **_signed(signature),
        }
    )
    signature.save(force_insert=True)
    return signature


@act
def record_failure(
    *, request: ApprovalRequest | None, by: User, at: datetime
) -> SignatureAttempt:
    """Keep a failed attempt, in a transaction of its own.

    `request` is None where something else was to be signed; all attempts count.
    """
    return SignatureAttempt.objects.create(
        request=request, attempted_by=by, attempted_at=at
    )


def record_digest(signature: Signature) -> str:
    """SHA-256 that ties a signature to its record, signer, meaning and time.

    A signature copied to another request gives another digest (21 CFR 11.70).
    """
    return sha256_of_json(
        {
            "request": str(signature.request_id),
            "subject_sha256": signature.request.subject_sha256,
            **_signed(signature),
        }
    )


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

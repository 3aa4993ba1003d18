"""RFC 3161 time stamps over our checkpoints, from a configured authority."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    Verifier,
    VerifierBuilder,
    decode_timestamp_response,
)

from audits import log
from audits.findings import Findings
from audits.models import Checkpoint, TimeStamp
from audits.outside.http import CallFailed, post

QUERY, REPLY = "application/timestamp-query", "application/timestamp-reply"


class NotStamped(Exception):
    """There is no trustworthy time stamp; the text says why."""


def stamp(*, at: datetime) -> TimeStamp | None:
    """Have the latest checkpoint stamped when that is due; store the verified token.

    Due: an authority is configured, the log has grown, and the last token is older
    than FREIGABE_TSA_EVERY_SECONDS. Raises NotStamped, ImproperlyConfigured.
    """
    signed = log.latest_checkpoint()
    if not settings.FREIGABE_TSA_URL or signed is None or not _is_due(signed, at):
        return None
    builder = TimestampRequestBuilder().hash_algorithm(HashAlgorithm.SHA256)
    request = builder.data(signed.note.encode()).build()
    try:
        answer = post(
            settings.FREIGABE_TSA_URL,
            request.as_bytes(),
            headers={"Content-Type": QUERY, "Accept": REPLY},
        )
    except CallFailed as error:
        raise NotStamped(str(error)) from error
    if answer.status != 200:
        raise NotStamped(f"The time-stamp authority answers {answer.status}.")
    made_at = verify(answer.body, signed.note.encode(), nonce=request.nonce)
    return TimeStamp.objects.create(
        tree_size=signed.tree_size,
        authority=settings.FREIGABE_TSA_URL,
        token=answer.body,
        stamped_at=made_at,
    )


def verify(token: bytes, message: bytes, *, nonce: int | None = None) -> datetime:
    """Verify a response over a message by the configured roots; return its time, UTC.

    Checks status, signature, chain, key usage and digest (RFC 3161, 2.4.2; by
    rfc3161-client). Raises NotStamped, ImproperlyConfigured.
    """
    return _verified(token, nonce, lambda by, said: by.verify_message(said, message))


def verify_digest(token: bytes, digest: bytes, *, nonce: int | None = None) -> datetime:
    """Verify a response over a digest that was asked for, as `verify` does."""
    return _verified(token, nonce, lambda by, said: by.verify(said, digest))


def _verified(
    token: bytes,
    nonce: int | None,
    verifying: Callable[[Verifier, TimeStampResponse], bool],
) -> datetime:
    roots, intermediates = certificates()
    builder = VerifierBuilder(roots=roots, intermediates=intermediates, nonce=nonce)
    try:
        response = decode_timestamp_response(token)
        verifying(builder.build(), response)
        return _time_of(response)
    except (ValueError, VerificationError) as error:
        raise NotStamped(f"The time stamp does not hold: {error}") from error


def check(found: Findings) -> None:
    """Verify every stored token again."""
    if not settings.FREIGABE_TSA_CERTIFICATES:
        count = TimeStamp.objects.count()
        if count:
            found.not_covered.append(
                f"{count} time stamps were not verified: FREIGABE_TSA_CERTIFICATES "
                "names no roots."
            )
        return
    notes = dict(
        Checkpoint.objects.filter(
            tree_size__in=TimeStamp.objects.values("tree_size")
        ).values_list("tree_size", "note")
    )
    for item in TimeStamp.objects.iterator(chunk_size=200):
        found.checked["time stamps"] += 1
        try:
            verify(bytes(item.token), notes.get(item.tree_size, "").encode())
        except NotStamped as error:
            found.add(
                "timestamp",
                f"{item.authority} on {item.tree_size} leaves: {error}",
                "a stored time stamp fits its checkpoint",
            )


def _is_due(signed: Checkpoint, at: datetime) -> bool:
    last = TimeStamp.objects.first()
    if last is None:
        return True
    pause = timedelta(seconds=settings.FREIGABE_TSA_EVERY_SECONDS)
    return last.tree_size < signed.tree_size and at - last.stamped_at >= pause


def certificates() -> tuple[list[x509.Certificate], list[x509.Certificate]]:
    """Read FREIGABE_TSA_CERTIFICATES: self-signed ones are roots, others lead there.

    Raises ImproperlyConfigured.
    """
    path = settings.FREIGABE_TSA_CERTIFICATES
    try:
        found = x509.load_pem_x509_certificates(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise ImproperlyConfigured(
            f"FREIGABE_TSA_CERTIFICATES: {path!r} holds no certificates: {error}"
        ) from error
    roots = [one for one in found if one.issuer == one.subject]
    if not roots:
        raise ImproperlyConfigured(
            f"FREIGABE_TSA_CERTIFICATES: {path} holds no root certificate."
        )
    return roots, [one for one in found if one.issuer != one.subject]


def _time_of(response: TimeStampResponse) -> datetime:
    made_at = response.tst_info.gen_time
    return made_at if made_at.tzinfo else made_at.replace(tzinfo=UTC)

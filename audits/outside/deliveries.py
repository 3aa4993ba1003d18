"""Checkpoints handed to people outside, by mail and webhook; and alarms."""

import hashlib
import hmac
import json
import smtplib
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage

from audits import log
from audits.models import Checkpoint, Delivery
from audits.outside.http import CallFailed, post

# Backends that keep what they are given on this machine, where nobody outside has it.
STAYS_HERE = {
    f"django.core.mail.backends.{name}.EmailBackend"
    for name in ("console", "dummy", "filebased")
}
SIGNATURE_HEADER = "X-Freigabe-Signature-256"


class NotDelivered(Exception):
    """A recipient cannot be reached; the text names it. The next tick tries again."""


def deliver(*, at: datetime) -> tuple[list[Delivery], list[str]]:
    """Hand the latest checkpoint to every recipient for whom that is due.

    Returns what was delivered and recorded, and what failed in sentences. Due: the log
    has grown and the last delivery is FREIGABE_CHECKPOINT_EVERY_HOURS old.
    """
    signed = log.latest_checkpoint()
    done: list[Delivery] = []
    failed: list[str] = []
    if signed is None:
        return done, failed
    for channel, recipient, send in recipients():
        if not _is_due(recipient, signed, at):
            continue
        try:
            send(recipient, signed)
        except NotDelivered as error:
            failed.append(str(error))
            continue
        done.append(
            Delivery.objects.create(
                channel=channel,
                recipient=recipient,
                tree_size=signed.tree_size,
                delivered_at=at,
            )
        )
    return done, failed


def alarm(subject: str, text: str) -> list[str]:
    """Tell every recipient that something is wrong; return failures in sentences."""
    failed = []
    for recipient in settings.FREIGABE_CHECKPOINT_MAIL:
        try:
            _mail(recipient, f"Freigabe: {subject}", text)
        except NotDelivered as error:
            failed.append(str(error))
    if settings.FREIGABE_CHECKPOINT_WEBHOOK:
        try:
            _post({"event": "alarm", "subject": subject, "text": text})
        except NotDelivered as error:
            failed.append(str(error))
    return failed


def signature(body: bytes) -> str:
    """Return the header's value: HMAC-SHA256 over the body, with the shared secret."""
    key = settings.FREIGABE_CHECKPOINT_WEBHOOK_SECRET.encode()
    return "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()


def mail_leaves() -> bool:
    """Say whether mail leaves this machine, as far as the settings tell."""
    return settings.EMAIL_BACKEND not in STAYS_HERE


def recipients() -> list[tuple[str, str, Callable[[str, Checkpoint], None]]]:
    """Return channel, recipient and way of everybody outside who gets checkpoints."""
    found: list[tuple[str, str, Callable[[str, Checkpoint], None]]] = []
    if mail_leaves():
        found += [
            ("mail", address, _mail_checkpoint)
            for address in settings.FREIGABE_CHECKPOINT_MAIL
        ]
    if settings.FREIGABE_CHECKPOINT_WEBHOOK:
        url = settings.FREIGABE_CHECKPOINT_WEBHOOK
        found.append(("webhook", url, _post_checkpoint))
    return found


def _is_due(recipient: str, signed: Checkpoint, at: datetime) -> bool:
    last = Delivery.objects.filter(recipient=recipient).first()
    if last is None:
        return True
    pause = timedelta(hours=settings.FREIGABE_CHECKPOINT_EVERY_HOURS)
    return last.tree_size < signed.tree_size and at - last.delivered_at >= pause


def _mail_checkpoint(recipient: str, signed: Checkpoint) -> None:
    text = (
        f"The log {log.origin()} has {signed.tree_size} entries.\n"
        f"Its root hash is {bytes(signed.root_hash).hex()}.\n\n"
        "Keep the attached checkpoint where the operators of Freigabe cannot reach it. "
        "Whoever rewrites the log cannot rewrite your copy. To compare:\n\n"
        "    manage.py verify_log --trusted checkpoint.txt\n"
    )
    subject = f"Freigabe: checkpoint of {signed.tree_size} entries"
    _mail(recipient, subject, text, attachment=signed.note)


def _mail(recipient: str, subject: str, text: str, *, attachment: str = "") -> None:
    message = EmailMessage(subject, text, to=[recipient])
    if attachment:
        message.attach("checkpoint.txt", attachment, "text/plain")
    try:
        message.send()
    except (OSError, smtplib.SMTPException) as error:
        raise NotDelivered(f"No mail to {recipient}: {error}") from error


def _post_checkpoint(_url: str, signed: Checkpoint) -> None:
    _post({"event": "checkpoint", "checkpoint": signed.note})


def _post(document: dict[str, str]) -> None:
    body = json.dumps(document, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json"}
    if settings.FREIGABE_CHECKPOINT_WEBHOOK_SECRET:
        headers[SIGNATURE_HEADER] = signature(body)
    try:
        answer = post(settings.FREIGABE_CHECKPOINT_WEBHOOK, body, headers=headers)
    except CallFailed as error:
        raise NotDelivered(str(error)) from error
    if not 200 <= answer.status < 300:
        raise NotDelivered(
            f"{settings.FREIGABE_CHECKPOINT_WEBHOOK} answers {answer.status}."
        )

"""The worker's part: queue what was told, send it, try again, give up in the end.

Claim and record of an attempt are acts of their own; it is sent between them, outside
of any transaction. A worker that is killed meanwhile leaves a claim that ends by
itself: then the message goes out once more, under the same id, by which receivers
know it.
"""

import base64
import hashlib
import hmac
import json
import secrets
from datetime import datetime, timedelta
from urllib.parse import urljoin

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from governance import notifications, outgoing, roles
from governance.models import (
    Announcement,
    WebhookAttempt,
    WebhookEndpoint,
    WebhookMessage,
)
from governance.sealing import CannotOpen, unseal
from governance.webhooks import endpoints
from registry.acts import act
from registry.models import Role, User

State = WebhookMessage.State
# The pauses before each further try; every one is stretched by up to a fifth.
PAUSES = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
TRIES = len(PAUSES) + 1
# How long a worker may take to send: one call of ten seconds, and to spare.
CLAIMED = timedelta(seconds=60)
FAILURES_ALLOWED = 20  # in a row, before an endpoint is disabled
_chance = secrets.SystemRandom()


@act
def redeliver(*, message: WebhookMessage, by: User, at: datetime) -> WebhookMessage:
    """Send a message again, delivered or given up, under the same id.

    Raises `NotAllowed`, `CannotChange` while it waits.
    """
    roles.require(by, "manage webhooks")
    row = WebhookMessage.objects.select_for_update().get(pk=message.pk)
    if row.state == State.WAITING:
        raise endpoints.CannotChange(_("This message waits to be sent already."))
    row.state, row.tries_left, row.due_at = State.WAITING, TRIES, at
    row.save(update_fields=["state", "tries_left", "due_at"])
    return row


@act
def queue(*, by: User, at: datetime) -> int:
    """Give every announcement its places in the queue; how many were new.

    Announcements from before an endpoint was registered are not for it. Whenever this
    runs, and however often, each endpoint gets each announcement once.
    """
    made = 0
    for endpoint in WebhookEndpoint.objects.filter(disabled_at=None):
        news = Announcement.objects.filter(told_at__gte=endpoint.registered_at)
        if endpoint.kinds:
            news = news.filter(kind__in=endpoint.kinds)
        news = news.exclude(webhook_messages__endpoint=endpoint)
        rows = [
            WebhookMessage(
                endpoint=endpoint,
                announcement=one,
                tries_left=TRIES,
                queued_at=at,
                due_at=at,
            )
            for one in news
        ]
        WebhookMessage.objects.bulk_create(rows, ignore_conflicts=True)
        made += len(rows)
    return made


def send_next(*, by: User, at: datetime) -> WebhookAttempt | None:
    """Send the message that is due longest, and keep how it went; None: none is due.

    Several workers take different ones. What a worker did not record is sent again.
    """
    message = claim_next(by=by, at=at)
    if message is None:
        return None
    return record(attempt=_attempt(message, at), by=by, at=at)


@act
def claim_next(*, by: User, at: datetime) -> WebhookMessage | None:
    """Take the message that is due longest: for `CLAIMED` nobody else does."""
    row = (
        WebhookMessage.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("endpoint", "announcement")
        .filter(state=State.WAITING, due_at__lte=at, endpoint__disabled_at=None)
        .order_by("due_at", "id")
        .first()
    )
    if row is not None:
        row.due_at = at + CLAIMED
        row.save(update_fields=["due_at"])
    return row


@act
def record(*, attempt: WebhookAttempt, by: User, at: datetime) -> WebhookAttempt:
    """Keep how an attempt went, and what follows for its message.

    Nothing follows when that was claimed or queued anew since: it is sent again.
    """
    claimed = attempt.message
    rows = WebhookMessage.objects.select_for_update(of=("self",))
    row = rows.select_related("endpoint").get(pk=claimed.pk)
    attempt.save(force_insert=True)
    if (row.state, row.due_at) != (State.WAITING, claimed.due_at):
        return attempt
    if _good(attempt):
        row.state = State.DELIVERED
    else:
        _later(row, at)
    row.save(update_fields=["state", "tries_left", "due_at"])
    if row.state != State.DELIVERED:
        _disable_if_dead(row.endpoint, at)
    return attempt


def _attempt(message: WebhookMessage, at: datetime) -> WebhookAttempt:
    """Send once, and say how it went; nothing is stored here."""
    made = WebhookAttempt(message=message, attempted_at=at)
    body = payload(message.announcement)
    try:
        answer = outgoing.post(
            message.endpoint.url,
            body,
            headers=headers(message, body, at),
            allowed=settings.FREIGABE_WEBHOOK_ALLOW,
        )
    except (outgoing.AddressRefused, outgoing.CallFailed, CannotOpen) as error:
        made.problem = str(error)
    else:
        made.status = answer.status
        made.response_start = answer.start.replace("\x00", "\ufffd")
    return made


def _good(attempt: WebhookAttempt) -> bool:
    return attempt.status is not None and 200 <= attempt.status < 300


def payload(announcement: Announcement) -> bytes:
    """A CloudEvent 1.0 in JSON: the kind, which record, and where to read about it."""
    link = urljoin(f"{settings.FREIGABE_INSTANCE_URL}/", announcement.link)
    document = {
        "specversion": "1.0",
        "id": str(announcement.pk),
        "source": settings.FREIGABE_INSTANCE_URL,
        "type": announcement.kind,
        "time": announcement.told_at.isoformat(),
        "datacontenttype": "application/json",
        "data": {
            "about": announcement.about_type or None,
            "about_id": announcement.about_id or None,
            "url": link if announcement.link else None,
        },
    }
    return json.dumps(document).encode()


def headers(message: WebhookMessage, body: bytes, at: datetime) -> dict[str, str]:
    """Id, time of this attempt, and the HMAC over both and the body.

    Receivers refuse a time more than five minutes off, so that nobody replays it.
    Raises `CannotOpen`: what is not sealed, or not for this endpoint, signs nothing.
    """
    row = message.endpoint
    secret = unseal(row.secret, about=str(row.pk))
    name, moment = f"msg_{message.pk.hex}", str(int(at.timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{name}.{moment}.".encode() + body
    mac = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "Content-Type": "application/cloudevents+json",
        "webhook-id": name,
        "webhook-timestamp": moment,
        "webhook-signature": f"v1,{mac}",
    }


def _later(message: WebhookMessage, at: datetime) -> None:
    """When to try again; jitter keeps a returning receiver from a stampede."""
    message.tries_left = max(0, message.tries_left - 1)
    if not message.tries_left:
        message.state = State.GIVEN_UP
        return
    pause = PAUSES[TRIES - 1 - message.tries_left]
    message.due_at = at + pause * _chance.uniform(1.0, 1.2)


def _disable_if_dead(endpoint: WebhookEndpoint, at: datetime) -> None:
    row = endpoints.locked(endpoint)
    since = WebhookAttempt.objects.filter(
        message__endpoint=row, attempted_at__gte=row.enabled_at
    )
    newest = list(since.order_by("-attempted_at")[:FAILURES_ALLOWED])
    good = any(_good(one) for one in newest)
    if row.disabled_at is not None or good or len(newest) < FAILURES_ALLOWED:
        return
    endpoints.put_out(row, gettext_noop("It failed too often in a row."), at)
    notifications.tell(
        to=[Role.PLATFORM_ADMIN],
        subject=gettext_lazy("The webhook %(name)s is disabled"),
        text=gettext_lazy(
            "It failed %(count)s times in a row. What waits for it is kept; enable it "
            "once the receiver answers."
        ),
        values={"name": row.name, "count": FAILURES_ALLOWED},
        kind="webhook.disabled",
        about=row,
        link="/webhooks/",
        at=at,
    )

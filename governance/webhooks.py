"""Webhooks as Standard Webhooks 1.0 signs them; the tables are the queue.

https://www.standardwebhooks.com: id, timestamp and HMAC-SHA256 in headers. What is
sent carries ids and links, no words and no names.
"""

import base64
import hashlib
import hmac
import json
import secrets
import uuid
from datetime import datetime, timedelta
from urllib.parse import urljoin

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import notifications, outgoing, roles
from governance.models import (
    Announcement,
    WebhookAttempt,
    WebhookEndpoint,
    WebhookMessage,
)
from governance.records import Refused, insert, require_printable
from governance.sealing import CannotOpen, seal, unseal
from registry.acts import act
from registry.models import Role, User

State = WebhookMessage.State
# The pauses before each further try; every one is stretched by up to a fifth.
PAUSES = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
TRIES = len(PAUSES) + 1
FAILURES_ALLOWED = 20  # in a row, before an endpoint is disabled
_chance = secrets.SystemRandom()


class CannotChange(Exception):
    """The endpoint or message is not in a state for this."""


@act
def register(
    *, name: str, url: str, kinds: list[str], by: User, at: datetime
) -> tuple[WebhookEndpoint, str]:
    """Register an address to be told; its secret, which is shown only now.

    `kinds` are those of announcements, none means all. Raises `NotAllowed`,
    `Refused`, `AlreadyRegistered`.
    """
    roles.require(by, "manage webhooks")
    roles.require_person(by)
    require_printable({"name": name, "url": url})
    if not name.strip():
        raise Refused({"name": [_("Give it a name.")]})
    _require_callable(url)
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    key = uuid.uuid4()
    row = WebhookEndpoint(
        id=key,
        name=name.strip(),
        url=url,
        kinds=sorted(set(kinds)),
        secret=seal(secret, about=str(key)),
        registered_by=by,
        registered_at=at,
        enabled_at=at,
    )
    insert(row, {"name": [_("There is an endpoint of this name already.")]})
    return row, secret


def _require_callable(url: str) -> None:
    try:
        outgoing.check(url, allowed=settings.FREIGABE_WEBHOOK_ALLOW)
    except outgoing.AddressRefused as refusal:
        raise Refused({"url": [str(refusal)]}) from refusal


@act
def disable(
    *, endpoint: WebhookEndpoint, reason: str, by: User, at: datetime
) -> WebhookEndpoint:
    """Call an address no more; what waits for it waits on. Raises `NotAllowed`,
    `Refused`, `CannotChange`."""
    roles.require(by, "manage webhooks")
    if not reason.strip():
        raise Refused({"reason": [_("Say why it is disabled.")]})
    row = _lock(endpoint)
    if row.disabled_at is not None:
        raise CannotChange(_("This endpoint is disabled already."))
    return _disable(row, reason, at)


@act
def enable(*, endpoint: WebhookEndpoint, by: User, at: datetime) -> WebhookEndpoint:
    """Call an address again: first with what waited. Raises `NotAllowed`, `Refused`,
    `CannotChange`."""
    roles.require(by, "manage webhooks")
    row = _lock(endpoint)
    if row.disabled_at is None:
        raise CannotChange(_("This endpoint is enabled."))
    _require_callable(row.url)
    row.disabled_at, row.disabled_reason, row.enabled_at = None, "", at
    row.save(update_fields=["disabled_at", "disabled_reason", "enabled_at"])
    return row


@act
def redeliver(*, message: WebhookMessage, by: User, at: datetime) -> WebhookMessage:
    """Send a message again, delivered or given up, under the same id.

    Raises `NotAllowed`, `CannotChange` while it waits.
    """
    roles.require(by, "manage webhooks")
    row = WebhookMessage.objects.select_for_update().get(pk=message.pk)
    if row.state == State.WAITING:
        raise CannotChange(_("This message waits to be sent already."))
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


@act
def send_next(*, by: User, at: datetime) -> WebhookAttempt | None:
    """Send the message that is due longest, and keep how it went; None: none is due.

    Several workers take different messages. One that is killed loses nothing: the
    message is due until its attempt is committed, and goes out again under the same
    id, by which receivers know it.
    """
    message = (
        WebhookMessage.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("endpoint", "announcement")
        .filter(Q(state=State.WAITING, due_at__lte=at, endpoint__disabled_at=None))
        .order_by("due_at", "id")
        .first()
    )
    if message is None:
        return None
    attempt = _try(message, at)
    attempt.save(force_insert=True)
    if attempt.status is not None and 200 <= attempt.status < 300:
        message.state = State.DELIVERED
    else:
        _later(message, at)
    message.save(update_fields=["state", "tries_left", "due_at"])
    if message.state != State.DELIVERED:
        _disable_if_dead(message.endpoint, at)
    return attempt


def _try(message: WebhookMessage, at: datetime) -> WebhookAttempt:
    attempt = WebhookAttempt(message=message, attempted_at=at)
    body = payload(message.announcement)
    try:
        answer = outgoing.post(
            message.endpoint.url,
            body,
            headers=headers(message, body, at),
            allowed=settings.FREIGABE_WEBHOOK_ALLOW,
        )
    except (outgoing.AddressRefused, outgoing.CallFailed, CannotOpen) as error:
        attempt.problem = str(error)
    else:
        attempt.status = answer.status
        attempt.response_start = answer.start.replace("\x00", "\ufffd")
    return attempt


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
    row = _lock(endpoint)
    since = WebhookAttempt.objects.filter(
        message__endpoint=row, attempted_at__gte=row.enabled_at
    )
    newest = list(since.order_by("-attempted_at")[:FAILURES_ALLOWED])
    good = any(one.status and 200 <= one.status < 300 for one in newest)
    if row.disabled_at is not None or good or len(newest) < FAILURES_ALLOWED:
        return
    _disable(row, _("%s failures in a row.") % FAILURES_ALLOWED, at)
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


def _disable(row: WebhookEndpoint, reason: str, at: datetime) -> WebhookEndpoint:
    row.disabled_at, row.disabled_reason = at, reason
    row.save(update_fields=["disabled_at", "disabled_reason"])
    return row


def _lock(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    return WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)

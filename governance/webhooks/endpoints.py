"""Whom we tell: registered with a secret of its own, disabled and enabled again."""

import base64
import secrets
import uuid
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext as _

from governance import outgoing, roles
from governance.models import WebhookEndpoint
from governance.records import Refused, insert, require_printable
from governance.sealing import seal
from registry.acts import act
from registry.models import User


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
    secret = _new_secret()
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


@act
def replace_secret(
    *, endpoint: WebhookEndpoint, by: User, at: datetime
) -> tuple[WebhookEndpoint, str]:
    """Sign with a new secret from now on, which is shown only now; the one before
    signs nothing more, whether it opens or not. Raises `NotAllowed`."""
    roles.require(by, "manage webhooks")
    roles.require_person(by)
    row = locked(endpoint)
    secret = _new_secret()
    row.secret = seal(secret, about=str(row.pk))
    row.save(update_fields=["secret"])
    return row, secret


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


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
    row = locked(endpoint)
    if row.disabled_at is not None:
        raise CannotChange(_("This endpoint is disabled already."))
    return put_out(row, reason, at)


@act
def enable(*, endpoint: WebhookEndpoint, by: User, at: datetime) -> WebhookEndpoint:
    """Call an address again: first with what waited. Raises `NotAllowed`, `Refused`,
    `CannotChange`."""
    roles.require(by, "manage webhooks")
    row = locked(endpoint)
    if row.disabled_at is None:
        raise CannotChange(_("This endpoint is enabled."))
    _require_callable(row.url)
    row.disabled_at, row.disabled_reason, row.enabled_at = None, "", at
    row.save(update_fields=["disabled_at", "disabled_reason", "enabled_at"])
    return row


def put_out(row: WebhookEndpoint, reason: str, at: datetime) -> WebhookEndpoint:
    """Disable an endpoint that is locked."""
    row.disabled_at, row.disabled_reason = at, reason
    row.save(update_fields=["disabled_at", "disabled_reason"])
    return row


def locked(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """The endpoint as it stands; nobody else changes it meanwhile."""
    return WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)

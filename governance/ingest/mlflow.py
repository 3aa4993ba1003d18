"""What an MLflow registry tells: a new version is suggested, a moved alias looked at.

Webhooks of MLflow 3 (mlflow.org/docs/latest/ml/webhooks): HMAC-SHA256 over
`delivery.timestamp.body`. They name no person and no digest, so nothing is ever
registered from them, and nothing is decided: MLflow is asked again instead.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import notifications, nudge
from governance.clusters.mlflow import TAG
from governance.models import DeploymentSource, RegistryEvent
from governance.reconciliation.configuring import TASK, WEBHOOK
from governance.records import AlreadyRegistered, insert
from governance.sealing import CannotOpen, unseal
from registry.acts import act
from registry.digests import sha256_hex
from registry.models import ModelVersion, RegisteredModel, User

LARGEST = 1024 * 1024  # bytes of a body
FRESH = timedelta(minutes=5)
MOST_SIGNATURES = 5
_WORD = re.compile(r"[a-z_]{1,60}")
_DELIVERY = re.compile(r"[A-Za-z0-9_-]{1,100}")
_SECONDS = re.compile(r"[0-9]{1,11}")

Headers = Mapping[str, str]


class NotGenuine(Exception):
    """Nothing shows that this is from a registry of ours, and of now."""


class Replayed(Exception):
    """This delivery came before."""


class TooLarge(Exception):
    """More than a registry would tell; it is not read."""


class NotUnderstood(Exception):
    """It is from a registry, and cannot be read."""


@dataclass(frozen=True)
class _Told:
    entity: str
    action: str
    model: str
    version: str
    alias: str
    key: str


@act
def receive(*, headers: Headers, body: bytes, by: User, at: datetime) -> RegistryEvent:
    """Keep what a registry told, and do what follows from it, once.

    An alias that moved, or our tag, makes every source of this registry due at once. A
    new version of a registered model is suggested to its owner and developer. Raises
    `TooLarge` and `NotGenuine` before anything of the body is read, `NotUnderstood`,
    and `Replayed` for a delivery that came before.
    """
    if len(body) > LARGEST:
        raise TooLarge(_("The message is larger than 1 MiB."))
    source, delivery, sent_at = _proved(headers, body, at)
    told = _read(body)
    row = RegistryEvent(
        source=source,
        delivery=delivery,
        entity=told.entity,
        action=told.action,
        model_name=told.model,
        version=told.version,
        alias=told.alias,
        content_sha256=sha256_hex(body),
        sent_at=sent_at,
        received_at=at,
    )
    try:
        insert(row, {})
    except AlreadyRegistered as error:
        raise Replayed(_("This delivery came before.")) from error
    if _moved(told):
        _look_again(source, at)
    elif (told.entity, told.action) == ("model_version", "created"):
        _suggest(row, at)
    return row


def _proved(
    headers: Headers, body: bytes, at: datetime
) -> tuple[DeploymentSource, str, datetime]:
    """Whose message it is. Every known secret is tried, none of them is favoured."""
    delivery = headers.get("X-MLflow-Delivery-Id", "")
    stamp = headers.get("X-MLflow-Timestamp", "")
    if not _DELIVERY.fullmatch(delivery) or not _SECONDS.fullmatch(stamp):
        raise _wrong()
    shown = headers.get("X-MLflow-Signature", "").split()[:MOST_SIGNATURES]
    signed = f"{delivery}.{stamp}.".encode() + body
    found = [row for row in _listening() if _fits(row, signed, shown)]
    if len(found) != 1:
        raise _wrong()
    sent_at = datetime.fromtimestamp(int(stamp), UTC)
    if abs(at - sent_at) > FRESH:
        raise NotGenuine(_("This message is not of the last five minutes."))
    return found[0], delivery, sent_at


def _listening() -> list[DeploymentSource]:
    rows = DeploymentSource.objects.filter(
        kind=DeploymentSource.Kind.MLFLOW, ended_at=None
    )
    return list(rows.exclude(webhook_secret=""))


def _fits(row: DeploymentSource, signed: bytes, shown: list[str]) -> bool:
    try:
        secret = unseal(row.webhook_secret, about=f"{row.pk} {WEBHOOK}")
    except CannotOpen:
        return False
    mac = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(mac).decode()}".encode()
    fits = [
        hmac.compare_digest(one.encode("utf-8", "replace"), expected) for one in shown
    ]
    return any(fits)


def _wrong() -> NotGenuine:
    return NotGenuine(_("The signature of this message is missing or wrong."))


def _read(body: bytes) -> _Told:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotUnderstood(_("The message is no JSON.")) from error
    data = said.get("data") if isinstance(said, dict) else None
    if not isinstance(data, dict):
        raise _missing("data")
    for name in ("entity", "action"):
        if not isinstance(said.get(name), str) or not _WORD.fullmatch(said[name]):
            raise _missing(name)
    return _Told(
        entity=said["entity"],
        action=said["action"],
        model=_text(data, "name", 300),
        version=_text(data, "version", 200, optional=True),
        alias=_text(data, "alias", 200, optional=True),
        key=_text(data, "key", 250, optional=True),
    )


def _text(
    data: Mapping[str, Any], name: str, longest: int, *, optional: bool = False
) -> str:
    found = data.get(name)
    if found is None and optional:
        return ""
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    if not isinstance(found, str) or not found.isprintable():
        raise _missing(name)
    if not 1 <= len(found) <= longest:
        raise _missing(name)
    return found


def _missing(name: str) -> NotUnderstood:
    return NotUnderstood(_("%(name)s is missing or wrong.") % {"name": name})


def _moved(told: _Told) -> bool:
    """Whether what a look would see may be another now."""
    tagged = told.entity == "model_version_tag" and told.key == TAG
    return tagged or told.entity == "model_version_alias"


def _look_again(source: DeploymentSource, at: datetime) -> None:
    """Make due all that look at this registry; another alias is another source."""
    rows = DeploymentSource.objects.select_for_update().filter(
        kind=DeploymentSource.Kind.MLFLOW, url=source.url, ended_at=None
    )
    for row in rows.order_by("pk"):
        row.asked_at = at
        row.save(update_fields=["asked_at"])
    nudge.nudge(TASK)


def _suggest(row: RegistryEvent, at: datetime) -> None:
    """Tell who could register the version; once, however many sources say so."""
    told = RegistryEvent.objects.filter(
        entity=row.entity,
        action=row.action,
        model_name=row.model_name,
        version=row.version,
    )
    if row.pk not in suggesting([row]) or told.exclude(pk=row.pk).exists():
        return
    model = RegisteredModel.objects.get(slug=row.model_name)
    notifications.tell(
        to=[model.owner, model.developer],
        subject=gettext_lazy("MLflow has version %(version)s of %(model)s"),
        text=gettext_lazy(
            "It is not registered here, so the gate permits it nowhere. Upload its "
            "file and register the version, or leave it."
        ),
        values={"version": row.version, "model": model.name},
        kind="version.suggested",
        about=row,
        link=f"/models/{model.slug}/",
        at=at,
    )


def suggesting(rows: Sequence[RegistryEvent]) -> frozenset[UUID]:
    """Which messages name a version that could be registered here and is not."""
    new = [
        row
        for row in rows
        if (row.entity, row.action) == ("model_version", "created") and row.version
    ]
    names = {row.model_name for row in new}
    models = RegisteredModel.objects.filter(slug__in=names)
    slugs = set(models.values_list("slug", flat=True))
    versions = ModelVersion.objects.filter(
        model__slug__in=names, version__in={row.version for row in new}
    )
    known = set(versions.values_list("model__slug", "version"))
    return frozenset(
        row.pk
        for row in new
        if row.model_name in slugs and (row.model_name, row.version) not in known
    )

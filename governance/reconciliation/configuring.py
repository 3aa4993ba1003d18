"""Sources: where Freigabe looks, with which secret, and when it stops."""

import secrets
import ssl
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext as _

from governance import nudge, outgoing, roles
from governance.models import DeploymentSource
from governance.records import Refused, insert, require_printable, valid
from governance.sealing import seal
from registry.acts import act
from registry.models import Environment, User

RIGHT = "configure deployment sources"
TASK = "governance.tasks.pull_deployments"
WEBHOOK = "webhook"
MOST_PLACES = 50
LONGEST_SECRET = 8000


class WrongState(Exception):
    """The source has ended: it is looked at no more."""


@dataclass(frozen=True)
class Wish:
    """The source that is asked for.

    `places` are namespaces (Kubernetes) or aliases (MLflow, at least one).
    `certificate` is the PEM of the authority that vouches for the address, empty for a
    public one.
    """

    name: str
    kind: str
    url: str
    environment: Environment
    places: Sequence[str] = ()
    interval_minutes: int = 15
    secret: str = ""
    certificate: str = ""


@act
def configure(*, wish: Wish, by: User, at: datetime) -> DeploymentSource:
    """Look at a source from now on; its secret is kept sealed and shown to nobody.

    Raises `NotAllowed`, `Refused`, `AlreadyRegistered`.
    """
    roles.require(by, RIGHT, model="*", environment=wish.environment)
    roles.require_person(by)
    if errors := _faults(wish):
        raise Refused(errors)
    name = uuid.uuid4()
    row = DeploymentSource(
        id=name,
        name=wish.name,
        kind=wish.kind,
        url=wish.url.strip(),
        environment=wish.environment,
        places=sorted({place.strip() for place in wish.places}),
        interval_minutes=wish.interval_minutes,
        secret=seal(wish.secret, about=str(name)) if wish.secret else "",
        certificate=wish.certificate,
        configured_by=by,
        configured_at=at,
        asked_at=at,
    )
    valid(row)
    insert(row, {"name": [_("There is a source of this name, or there was one.")]})
    nudge.nudge(TASK)
    return row


def _faults(wish: Wish) -> dict[str, list[str]]:
    require_printable({"url": wish.url, "places": "".join(wish.places)})
    found: dict[str, list[str]] = {}
    if "?" in wish.url or "#" in wish.url or not wish.url.isascii():
        found["url"] = [_("An address begins with https:// and names a host.")]
    else:
        try:
            outgoing.check(wish.url, allowed=settings.FREIGABE_SOURCES_ALLOW)
        except outgoing.AddressRefused as refusal:
            found["url"] = [str(refusal)]
    if len(wish.places) > MOST_PLACES or not all(p.strip() for p in wish.places):
        found["places"] = [_("Name at most 50, none of them empty.")]
    elif wish.kind == DeploymentSource.Kind.MLFLOW and not wish.places:
        found["places"] = [_("Name the aliases that stand for the environment.")]
    if fault := _secret_fault(wish.secret):
        found["secret"] = [fault]
    if wish.certificate and not _is_certificate(wish.certificate):
        found["certificate"] = [_("This is no certificate in PEM.")]
    return found


def _secret_fault(secret: str) -> str:
    visible = secret.isascii() and secret.isprintable() and " " not in secret
    if len(secret) > LONGEST_SECRET or not visible:
        return _("A token has up to 8000 visible ASCII characters, without spaces.")
    return ""


def _is_certificate(text: str) -> bool:
    try:
        ssl.create_default_context(cadata=text)
    except (ssl.SSLError, ValueError):
        return False
    return "PRIVATE KEY" not in text


@act
def replace_secret(
    *, source: DeploymentSource, secret: str, by: User, at: datetime
) -> DeploymentSource:
    """Look with another token from now on, at once. Raises `NotAllowed`, `Refused`,
    `WrongState`."""
    row = _locked(source, RIGHT, by)
    if not secret or _secret_fault(secret):
        fault = _secret_fault(secret) or _("Give the new token.")
        raise Refused({"secret": [fault]})
    row.secret = seal(secret, about=str(row.pk))
    row.asked_at = at
    row.save(update_fields=["secret", "asked_at"])
    nudge.nudge(TASK)
    return row


@act
def listen(
    *, source: DeploymentSource, by: User, at: datetime
) -> tuple[DeploymentSource, str]:
    """Take messages of this MLflow registry from now on; and the secret that it signs
    them with, which is told only now. The secret before counts no more.

    Raises `NotAllowed`, `Refused`, `WrongState`.
    """
    row = _locked(source, RIGHT, by)
    if row.kind != DeploymentSource.Kind.MLFLOW:
        raise Refused({"kind": [_("Only MLflow sends messages.")]})
    secret = secrets.token_urlsafe(32)
    # Bound to its use: a token put into this column by hand signs nothing.
    row.webhook_secret = seal(secret, about=f"{row.pk} {WEBHOOK}")
    row.save(update_fields=["webhook_secret"])
    return row, secret


@act
def ask(*, source: DeploymentSource, by: User, at: datetime) -> DeploymentSource:
    """Have a source looked at now, by the next free worker.

    Raises `NotAllowed`, `WrongState`.
    """
    row = _locked(source, "reconcile deployments", by)
    row.asked_at = at
    row.save(update_fields=["asked_at"])
    nudge.nudge(TASK)
    return row


@act
def end(
    *, source: DeploymentSource, reason: str, by: User, at: datetime
) -> DeploymentSource:
    """Look no more; its secrets are forgotten, what it saw stays in the log.

    Raises `NotAllowed`, `Refused`, `WrongState`.
    """
    row = _locked(source, RIGHT, by)
    if not reason.strip():
        raise Refused({"reason": [_("Say why it is looked at no more.")]})
    row.secret, row.webhook_secret = "", ""
    row.ended_by, row.ended_at, row.ended_reason = by, at, reason.strip()
    row.save(
        update_fields=[
            *("secret", "webhook_secret", "ended_by", "ended_at", "ended_reason")
        ]
    )
    return row


def _locked(source: DeploymentSource, right: str, by: User) -> DeploymentSource:
    roles.require(by, right, model="*", environment=source.environment)
    roles.require_person(by)
    row = (
        DeploymentSource.objects.select_for_update(of=("self",))
        .select_related("environment", "configured_by", "ended_by")
        .get(pk=source.pk)
    )
    if row.ended_at is not None:
        raise WrongState(_("This source is looked at no more."))
    return row

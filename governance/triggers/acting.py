"""What a trigger does: once for each cause, by the table of decisions.md 3.6."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy

from governance import findings, notifications, suspensions
from governance.models import Severity, TriggerEvent
from registry.acts import act
from registry.models import ModelVersion, RegisteredModel, Role, User

Kind = TriggerEvent.Kind
Effect = TriggerEvent.Effect


@dataclass(frozen=True)
class Cause:
    """Something that happened and must be acted on once.

    `key` names it within its kind. `severity` and `days` are those of the finding, if
    one is raised; `suspends` stops every authorisation of the version. One that names
    a `first` is due when that cause of its kind was seen a `grace` ago.
    """

    kind: TriggerEvent.Kind
    key: str
    text: str
    model: RegisteredModel
    version: ModelVersion | None = None
    severity: Severity | None = None
    days: int = 0
    suspends: bool = False
    first: str = ""
    grace: timedelta = timedelta()

    @property
    def effect(self) -> TriggerEvent.Effect:
        """The gravest of what it does."""
        if self.suspends:
            return Effect.SUSPENSION
        return Effect.FINDING if self.severity else Effect.NOTICE


def seen(cause: Cause) -> bool:
    """Whether this cause was acted on already."""
    return TriggerEvent.objects.filter(kind=cause.kind, key=cause.key).exists()


def take(cause: Cause, *, by: User, at: datetime) -> TriggerEvent | None:
    """Act on a cause; None when somebody else did, now or before."""
    if seen(cause):
        return None
    try:
        with transaction.atomic():
            return _take(cause=cause, by=by, at=at)
    except IntegrityError:
        if seen(cause):
            return None
        raise


@act
def _take(*, cause: Cause, by: User, at: datetime) -> TriggerEvent:
    finding = None
    if cause.severity is not None:
        finding = findings.raise_finding(
            model=cause.model,
            version=cause.version,
            severity=cause.severity,
            # No words of others here: a title is one printable line.
            title=str(Kind(cause.kind).label),
            text=cause.text,
            due_on=(at + timedelta(days=cause.days)).date(),
            source=findings.Source.TRIGGER,
            by=by,
            at=at,
        )
    event = TriggerEvent.objects.create(
        kind=cause.kind,
        key=cause.key,
        effect=cause.effect,
        model=cause.model,
        version=cause.version,
        finding=finding,
        text=cause.text,
        seen_at=at,
    )
    if cause.suspends and cause.version is not None:
        suspensions.suspend_all(version=cause.version, reason=cause.text, at=at)
    _tell(event)
    return event


def _tell(event: TriggerEvent) -> None:
    if event.model is None:
        return
    notifications.tell(
        to=[event.model.owner, Role.RISK_MANAGER],
        subject=gettext_lazy("%(kind)s: %(about)s"),
        text=gettext_lazy("%(text)s"),
        values={
            "kind": Kind(event.kind).label,
            "about": event.version or event.model,
            "text": event.text,
        },
        link=f"/models/{event.model.slug}/",
        about=event,
        kind=f"trigger.{event.kind}",
        at=event.seen_at,
    )

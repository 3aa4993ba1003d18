"""Incidents: recorded, reported in time, closed (EU AI Act, Art. 73)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import notifications, records, roles, suspensions
from governance.models import Incident, IncidentClosure, IncidentReport
from registry.acts import act
from registry.models import Environment, ModelVersion, RegisteredModel, Role, User

Kind = Incident.Kind
# Art. 73(2), (4), (3): fifteen days; ten for a death; two when widespread.
REPORT_WITHIN = {
    Kind.SERIOUS: timedelta(days=15),
    Kind.DEATH: timedelta(days=10),
    Kind.WIDESPREAD: timedelta(days=2),
}


class WrongState(Exception):
    """The incident was reported or closed already, or needs no report."""


@dataclass(frozen=True)
class Account:
    """What is known of an incident when it is recorded."""

    model: RegisteredModel
    kind: Incident.Kind
    title: str
    text: str
    aware_at: datetime
    version: ModelVersion | None = None
    environment: Environment | None = None


@act
def record(*, account: Account, by: User, at: datetime) -> Incident:
    """Record an incident. A serious one starts its clock and suspends at once.

    Without a version all versions of the model are suspended. Raises `NotAllowed`,
    `records.Refused`.
    """
    model = account.model
    roles.require(by, "record incidents", model=model, environment=account.environment)
    roles.require_person(by)
    errors = {
        name: [_("This field is needed.")]
        for name in ("title", "text")
        if not getattr(account, name).strip()
    }
    if account.version is not None and account.version.model_id != model.pk:
        errors["version"] = [_("This version is of another model.")]
    if not at - timedelta(days=3650) < account.aware_at <= at:
        errors["aware_at"] = [_("Say when you became aware: not in the future.")]
    if errors:
        raise records.Refused(errors)
    records.require_printable({"title": account.title})
    within = REPORT_WITHIN.get(account.kind)
    row = Incident.objects.create(
        model=model,
        version=account.version,
        environment=account.environment,
        kind=account.kind,
        title=account.title.strip(),
        text=account.text.strip(),
        aware_at=account.aware_at,
        report_due_at=account.aware_at + within if within else None,
        recorded_by=by,
        recorded_at=at,
    )
    if within is not None:
        _stop(row, at=at)
    return row


def _stop(row: Incident, *, at: datetime) -> None:
    """Suspend at once, whoever recorded it (decisions.md 3.6, 11), and tell."""
    reason = _("Serious incident: %(title)s") % {"title": row.title}
    versions = [row.version] if row.version else list(row.model.versions.all())
    for version in versions:
        suspensions.suspend_all(version=version, reason=reason, at=at)
    assert row.report_due_at is not None  # noqa: S101
    notifications.tell(
        to=[row.model.owner, *_TOLD],
        subject=gettext_lazy("Serious incident: %(title)s"),
        text=gettext_lazy("The authority is told by %(due)s at the latest (Art. 73)."),
        values={
            "title": row.title,
            "due": row.report_due_at.strftime("%Y-%m-%d %H:%M UTC"),
        },
        link=f"/incidents/{row.pk}/",
        about=row,
        kind="incident.serious",
        at=at,
    )


_TOLD = (Role.RISK_MANAGER, Role.COMPLIANCE, Role.EXECUTIVE, Role.AUDITOR)


@act
def report(
    *,
    incident: Incident,
    authority: str,
    reference: str,
    sent_at: datetime,
    by: User,
    at: datetime,
) -> IncidentReport:
    """Record that the authority was told.

    Raises `NotAllowed`, `WrongState`, `records.Refused`.
    """
    locked = _lock(incident)
    roles.require(by, "close incidents", model=locked.model)
    roles.require_person(by)
    if locked.report_due_at is None:
        raise WrongState(_("This incident is not serious: no report is due."))
    if hasattr(locked, "report"):
        raise WrongState(_("The authority was told already."))
    errors = {}
    if not authority.strip():
        errors["authority"] = [_("Name the authority.")]
    if not locked.aware_at <= sent_at <= at:
        errors["sent_at"] = [
            _("It was sent after the incident, and not in the future.")
        ]
    if errors:
        raise records.Refused(errors)
    return IncidentReport.objects.create(
        incident=locked,
        authority=authority.strip(),
        reference=reference.strip(),
        sent_at=sent_at,
        reported_by=by,
        reported_at=at,
    )


@act
def close(
    *,
    incident: Incident,
    root_cause: str,
    corrective_action: str,
    by: User,
    at: datetime,
) -> IncidentClosure:
    """Close an incident: a serious one only when its authority was told.

    Raises `NotAllowed`, `WrongState`, `records.Refused`.
    """
    locked = _lock(incident)
    roles.require(by, "close incidents", model=locked.model)
    roles.require_person(by)
    if hasattr(locked, "closure"):
        raise WrongState(_("This incident is closed."))
    if locked.report_due_at is not None and not hasattr(locked, "report"):
        raise WrongState(_("The authority is told first (Art. 73)."))
    texts = {"root_cause": root_cause, "corrective_action": corrective_action}
    errors = {
        name: [_("This field is needed.")]
        for name, text in texts.items()
        if not text.strip()
    }
    if errors:
        raise records.Refused(errors)
    return IncidentClosure.objects.create(
        incident=locked, closed_by=by, closed_at=at, **texts
    )


def overdue(incident: Incident, at: datetime) -> bool:
    """Whether the report to the authority is late."""
    due = incident.report_due_at
    return due is not None and at >= due and not hasattr(incident, "report")


def _lock(incident: Incident) -> Incident:
    Incident.objects.select_for_update(of=("self",)).get(pk=incident.pk)
    return Incident.objects.select_related("model__owner", "report", "closure").get(
        pk=incident.pk
    )

"""Findings: raising them, and how each stands. `remedying` brings them to an end."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext as _

from governance import records, roles
from governance.models import Finding, FindingChange, Severity
from registry.acts import act
from registry.models import ModelVersion, RegisteredModel, Role, User

State = FindingChange.State
Source = Finding.Source
SEVERITIES = tuple(Severity)


@dataclass(frozen=True)
class Standing:
    """A finding as it stands at a moment."""

    finding: Finding
    state: FindingChange.State
    severity: Severity
    owner: User
    due_on: date
    accepted_until: datetime | None
    changes: tuple[FindingChange, ...]
    at: datetime

    @property
    def is_open(self) -> bool:
        """Whether it still counts: not closed, and no risk acceptance covers it now."""
        return self.state not in (State.CLOSED, State.ACCEPTED)

    @property
    def overdue(self) -> bool:
        """Whether it is open after its due date (in UTC)."""
        return self.is_open and self.due_on < self.at.date()

    @property
    def has_plan(self) -> bool:
        """Whether a plan was proposed since it was raised or reopened."""
        return self.state in (State.PLANNED, State.PLAN_ACCEPTED, State.RESOLVED)


def standing(finding: Finding, at: datetime) -> Standing:
    """How a finding stands. A risk acceptance that has ended leaves it open again."""
    changes = sorted(finding.changes.all(), key=lambda change: change.sequence)
    latest = changes[-1]
    state = State(latest.state)
    until = latest.accepted_until
    if state == State.ACCEPTED and (until is None or until <= at):
        state = State.OPEN
    return Standing(
        finding=finding,
        state=state,
        severity=Severity(latest.severity),
        owner=latest.owner,
        due_on=latest.due_on,
        accepted_until=until,
        changes=tuple(changes),
        at=at,
    )


def open_of(about: RegisteredModel | ModelVersion, at: datetime) -> list[Standing]:
    """The findings that count now, the worst first.

    Of a model: all. Of a version: its own, and those about the whole model.
    """
    return [row for row in all_of(about, at) if row.is_open]


def all_of(about: RegisteredModel | ModelVersion, at: datetime) -> list[Standing]:
    """All findings about a model or a version, the worst first."""
    rows = listed()
    if isinstance(about, RegisteredModel):
        rows = rows.filter(model=about)
    else:
        rows = rows.filter(model=about.model_id, version=None) | rows.filter(
            version=about
        )
    return worst_first([standing(row, at) for row in rows])


def open_by(
    versions: Iterable[ModelVersion], at: datetime
) -> dict[UUID, list[Standing]]:
    """What `open_of` says of each of many versions, in a few queries."""
    rows = list(versions)
    known = told().filter(model__in={version.model_id for version in rows})
    of_model: dict[UUID, list[Standing]] = defaultdict(list)
    for finding in known:
        now = standing(finding, at)
        if now.is_open:
            of_model[finding.model_id].append(now)
    return {
        version.pk: worst_first(
            [
                now
                for now in of_model[version.model_id]
                if now.finding.version_id in (None, version.pk)
            ]
        )
        for version in rows
    }


def worst_first(found: Sequence[Standing]) -> list[Standing]:
    """By severity, then by due date."""
    return sorted(found, key=lambda row: (SEVERITIES.index(row.severity), row.due_on))


def told() -> QuerySet[Finding]:
    """Findings with all that `standing` looks at."""
    return Finding.objects.select_related(
        "model__owner", "version__model", "raised_by"
    ).prefetch_related(_changes())


def listed() -> QuerySet[Finding]:
    """The same for a line of a list: of the models only their names."""
    names = ("model__name", "version__version", "version__model__name")
    return (
        Finding.objects.select_related("model", "version__model")
        .only("source", "title", "raised_at", *names)
        .prefetch_related(_changes())
    )


def _changes() -> "Prefetch[str]":
    rows = FindingChange.objects.select_related("owner", "changed_by")
    return Prefetch("changes", rows)


@act
def raise_finding(
    *,
    model: RegisteredModel,
    severity: Severity,
    title: str,
    text: str,
    due_on: date,
    by: User,
    at: datetime,
    version: ModelVersion | None = None,
    owner: User | None = None,
    source: Finding.Source = Source.VALIDATION,
) -> Finding:
    """Record a weakness; the model's owner answers for it unless another is named.

    The second line and internal audit raise findings; those of an auditor are audit
    findings, which only audit closes (decisions.md 3.4, 7). Raises `NotAllowed` and
    `records.Refused`.
    """
    if by.username != "system":
        roles.require(by, "raise findings", model=model)
    roles.require_person(by)
    audit = Role.AUDITOR in roles.roles_of(by)
    require_terms(title=title, text=text, due_on=due_on, owner=owner, at=at)
    if version is not None and version.model_id != model.pk:
        raise records.Refused({"version": [_("This version is of another model.")]})
    row = Finding(
        model=model,
        version=version,
        source=Source.AUDIT if audit else source,
        title=title.strip(),
        text=text.strip(),
        raised_by=by,
        raised_at=at,
    )
    records.valid(row)
    row.save(force_insert=True)
    FindingChange.objects.create(
        finding=row,
        state=State.OPEN,
        severity=severity,
        owner=owner or model.owner,
        due_on=due_on,
        text=row.text,
        changed_by=by,
        changed_at=at,
        sequence=1,
    )
    return row


def require_terms(
    *, title: str, text: str, due_on: date, owner: User | None, at: datetime
) -> None:
    """What every finding needs. Raises `records.Refused`."""
    errors = {
        name: [_("This field is needed.")]
        for name, value in (("title", title), ("text", text))
        if not value.strip()
    }
    if due_on < at.date():
        errors["due_on"] = [_("The due date lies in the past.")]
    if owner is not None and (owner.is_machine or not owner.is_active):
        errors["owner"] = [_("An active person answers for a finding.")]
    if errors:
        raise records.Refused(errors)
    records.require_printable({"title": title})

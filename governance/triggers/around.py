"""Triggers from around a model: versions, packs, data, waivers, vendors, people."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext as _

from governance import emergencies, waived
from governance.case import Case
from governance.lifecycle import State, state_of
from governance.models import (
    Authorisation,
    Incident,
    PolicyPack,
    Severity,
    VendorNotice,
)
from governance.triggers.acting import Cause, Kind
from registry.models import DatasetVersion, ModelVersion, Role, RoleAssignment

LOOK_BACK = timedelta(days=30)
LEFT_GRACE = timedelta(days=14)


def new_versions(at: datetime) -> Iterator[Cause]:
    """1: a new version starts in development; what is approved stays."""
    rows = ModelVersion.objects.filter(
        registered_at__gt=at - LOOK_BACK, registered_at__lte=at
    ).select_related("model__owner")
    for row in rows:
        text = _("Version %(number)s was registered.") % {"number": row.version}
        yield Cause(Kind.NEW_VERSION, str(row.pk), text, row.model, row)


def new_packs(at: datetime) -> list[PolicyPack]:
    """The packs that came into force lately."""
    rows = PolicyPack.objects.filter(
        effective_from__gt=at - LOOK_BACK, effective_from__lte=at
    )
    return list(rows)


def policy_changed(case: Case, packs: Iterable[PolicyPack]) -> Iterator[Cause]:
    """9: a pack came into force; what runs is judged anew, the failing is told."""
    granted = case.granted
    for pack in packs:
        if granted is None or granted.valid_from >= pack.effective_from:
            continue
        yield Cause(
            Kind.POLICY_CHANGE,
            f"{pack.pk}:{granted.pk}",
            _("%(pack)s is in force since %(day)s: this version is judged by it.")
            % {"pack": pack, "day": f"{pack.effective_from:%Y-%m-%d}"},
            case.version.model,
            case.version,
        )


def newest_data(at: datetime) -> dict[UUID, DatasetVersion]:
    """The newest version of each data set, by its id."""
    rows = DatasetVersion.objects.filter(registered_at__lte=at)
    newest = rows.order_by("dataset_id", "-version").distinct("dataset_id")
    return {row.dataset_id: row for row in newest.select_related("dataset")}


def upstream(case: Case, newest: Mapping[UUID, DatasetVersion]) -> Iterator[Cause]:
    """10: training data have a newer version than the one that was learned from."""
    for link in case.data:
        used = link.dataset_version
        newer = newest.get(used.dataset_id)
        if link.use != "training" or newer is None or newer.version <= used.version:
            continue
        yield Cause(
            Kind.UPSTREAM_CHANGE,
            f"{case.version.pk}:{newer.pk}",
            _("Its training data %(name)s have a newer version.")
            % {"name": newer.dataset},
            case.version.model,
            case.version,
            severity=Severity.MEDIUM,
            days=10,
        )


def waivers_ended(at: datetime) -> Iterator[Cause]:
    """12: a waiver ended: its rules apply again."""
    rows = waived.told().filter(decision__granted=True, valid_from__lte=at)
    recent = rows.filter(valid_until__gt=at - timedelta(days=180))
    for ending in waived.endings(recent, at):
        row = ending.waiver
        if ending.state(at) == "ended":
            yield Cause(
                Kind.WAIVER_EXPIRY,
                str(row.pk),
                _("The waiver of %(rules)s has ended.")
                % {"rules": ", ".join(row.rules)},
                row.model,
                row.version,
            )


def vendors(at: datetime) -> Iterator[Cause]:
    """13: a vendor's notice is a finding; the end of support one more."""
    for row in VendorNotice.objects.select_related("model__owner"):
        yield Cause(
            Kind.VENDOR,
            str(row.pk),
            row.text[:500],
            row.model,
            severity=Severity.MEDIUM,
            days=30,
        )
        ends = row.support_ends_on
        if ends is not None and ends < at.date():
            yield Cause(
                Kind.VENDOR,
                f"{row.pk}:ended",
                _("The vendor's support ended on %(day)s.") % {"day": ends},
                row.model,
                severity=Severity.HIGH,
                days=30,
            )


def owners_now() -> frozenset[UUID]:
    """Everybody who has the role of an owner."""
    rows = RoleAssignment.objects.filter(role=Role.OWNER, ended_at=None)
    return frozenset(rows.values_list("user", flat=True))


def left(case: Case, owners: frozenset[UUID]) -> Iterator[Cause]:
    """14: the owner left, or lost the role; tier 1 is suspended after 14 days."""
    model = case.version.model
    owner = model.owner
    if owner.is_active and owner.pk in owners:
        return
    key = f"{model.pk}:{owner.pk}"
    yield Cause(
        Kind.PERSON_LEFT,
        key,
        _("%(name)s no longer owns models here; name another owner.")
        % {"name": owner.printed_name},
        model,
        severity=Severity.HIGH,
        days=14,
    )
    if case.tier == 1:
        yield Cause(
            Kind.PERSON_LEFT,
            f"{key}:{case.version.pk}:suspend",
            _("This model of tier 1 has had no owner for 14 days."),
            model,
            case.version,
            suspends=True,
            first=key,
            grace=LEFT_GRACE,
        )


def incidents(at: datetime) -> Iterator[Cause]:
    """11: a serious incident whose report is late is said again to everybody."""
    rows = Incident.objects.filter(report_due_at__lte=at, report=None)
    for row in rows.select_related("model__owner", "version"):
        yield Cause(
            Kind.SERIOUS_INCIDENT,
            f"{row.pk}:late",
            _("The report of “%(title)s” to the authority is late (Art. 73).")
            % {"title": row.title},
            row.model,
            row.version,
            severity=Severity.CRITICAL,
            days=1,
        )


def reviews_overdue(at: datetime) -> Iterator[Cause]:
    """Break-glass that nobody reviewed in time is escalated (decisions.md 3.8, 7)."""
    rows = emergencies.told().filter(authorisation__isnull=False, review=None)
    for row in rows:
        if emergencies.review_overdue(row, at):
            yield Cause(
                Kind.REVIEW_OVERDUE,
                str(row.pk),
                _("Nobody reviewed the emergency %(incident)s in time.")
                % {"incident": row.incident},
                row.version.model,
                row.version,
                severity=Severity.HIGH,
                days=5,
            )


Stopped = Mapping[UUID | None, list[tuple[Authorisation, State]]]


def stopped() -> Stopped:
    """By training run, the authorisations that are suspended or revoked."""
    found: dict[UUID | None, list[tuple[Authorisation, State]]] = defaultdict(list)
    rows = Authorisation.objects.filter(
        changes__isnull=False, version__run__isnull=False
    )
    for row in (
        rows.distinct().select_related("version__model").prefetch_related("changes")
    ):
        if (state := state_of(row)) in (State.SUSPENDED, State.REVOKED):
            found[row.version.run_id].append((row, state))
    return found


def upstream_stopped(case: Case, stopped: Stopped) -> Iterator[Cause]:
    """10: a version trained by the same run was suspended or revoked."""
    for row, state in stopped.get(case.version.run_id, ()):
        if row.version_id == case.version.pk:
            continue
        yield Cause(
            Kind.UPSTREAM_CHANGE,
            f"{case.version.pk}:{row.pk}:{state}",
            _("%(other)s, of the same training run, is %(state)s.")
            % {"other": row.version, "state": state.label},
            case.version.model,
            case.version,
            severity=Severity.MEDIUM,
            days=10,
        )

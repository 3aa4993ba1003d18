"""Triggers from around a model: versions, packs, data, waivers, vendors, people."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from governance import emergencies, waived
from governance.case import Case
from governance.lifecycle import State, state_of
from governance.models import (
    Incident,
    PolicyPack,
    Severity,
    TriggerEvent,
    VendorNotice,
)
from governance.triggers.acting import Cause, Kind
from registry.models import DatasetVersion, ModelVersion, Role

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


def policy_changed(cases: list[Case], at: datetime) -> Iterator[Cause]:
    """9: a pack came into force; what runs is judged anew, the failing is told."""
    rows = PolicyPack.objects.filter(
        effective_from__gt=at - LOOK_BACK, effective_from__lte=at
    )
    for pack in rows:
        for case in cases:
            granted = case.granted
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


def upstream(case: Case) -> Iterator[Cause]:
    """10: training data have a newer version than the one that was learned from."""
    for link in case.version.version_datasets.filter(use="training").select_related(
        "dataset_version__dataset"
    ):
        used = link.dataset_version
        newer = (
            DatasetVersion.objects.filter(
                dataset=used.dataset,
                version__gt=used.version,
                registered_at__lte=case.at,
            )
            .order_by("-version")
            .first()
        )
        if newer is not None:
            yield Cause(
                Kind.UPSTREAM_CHANGE,
                f"{case.version.pk}:{newer.pk}",
                _("Its training data %(name)s have a newer version.")
                % {"name": used.dataset},
                case.version.model,
                case.version,
                severity=Severity.MEDIUM,
                days=10,
            )


def waivers_ended(at: datetime) -> Iterator[Cause]:
    """12: a waiver ended: its rules apply again."""
    rows = waived.told().filter(decision__granted=True, valid_from__lte=at)
    for row in rows.filter(valid_until__gt=at - timedelta(days=180)):
        if waived.state_of(row, at) == "ended":
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


def left(case: Case) -> Iterator[Cause]:
    """14: the owner left, or lost the role; tier 1 is suspended after 14 days."""
    model = case.version.model
    owner = model.owner
    holds = owner.role_assignments.filter(role=Role.OWNER, ended_at=None).exists()
    if owner.is_active and holds:
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
    first = TriggerEvent.objects.filter(kind=Kind.PERSON_LEFT, key=key).first()
    late = first is not None and case.at >= first.seen_at + LEFT_GRACE
    if late and case.tier == 1:
        yield Cause(
            Kind.PERSON_LEFT,
            f"{key}:{case.version.pk}:suspend",
            _("This model of tier 1 has had no owner for 14 days."),
            model,
            case.version,
            suspends=True,
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


def upstream_stopped(cases: list[Case]) -> Iterator[Cause]:
    """10: a version trained by the same run was suspended or revoked."""
    for case in cases:
        run = case.version.run
        if run is None:
            continue
        for other in run.versions.exclude(pk=case.version.pk):
            rows = other.authorisations.prefetch_related("changes")
            for row in rows:
                state = state_of(row)
                if state == State.ACTIVE:
                    continue
                yield Cause(
                    Kind.UPSTREAM_CHANGE,
                    f"{case.version.pk}:{row.pk}:{state}",
                    _("%(other)s, of the same training run, is %(state)s.")
                    % {"other": other, "state": state.label},
                    case.version.model,
                    case.version,
                    severity=Severity.MEDIUM,
                    days=10,
                )

"""Triggers seen in what runs: files, drift, fairness, evidence, risk, approval."""

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext as _

from audits.models import EvidenceReport
from governance.case import Case
from governance.gathering import active_authorisations, cases
from governance.lifecycle import State, state_of
from governance.models import (
    Authorisation,
    GateDecision,
    Severity,
    Status,
)
from governance.policy import Check, NoPolicy, shelf
from governance.requirements import DEPLOY, evaluate
from governance.triggers.acting import Cause, Kind

AMBER, RED = 0.10, 0.25  # population stability index, the rule of thumb of credit risk
GRAVE_TIERS = (1, 2)
NOTICE_DAYS = (60, 30, 14, 3)
GRACE = timedelta(days=14)
NO_GRACE = "nyc-ll144"
MISMATCHES_WITHIN = timedelta(hours=24)
READ = 50  # documents at a time
# No evidence that expires: an open finding has its owner and its day, the log its own
# check. A finding because a finding is open would be the cause of the next one.
_SPOKEN_FOR = frozenset({"finding_list", "audit_trail_verification"})


def standing_cases(at: datetime) -> Iterator[Case]:
    """Every version that is authorised now, seen from its authorisation."""
    for case in cases(active_authorisations(at), at=at, shelf=shelf(at=at)):
        if case.around.moves[-1:] != [Status.RETIRED]:
            yield case


def mismatches(at: datetime) -> Iterator[Cause]:
    """2: another file than the approved one was asked for; twice in a day suspends."""
    refused = (
        GateDecision.objects.filter(
            decided_at__gt=at - 2 * MISMATCHES_WITHIN,
            decided_at__lte=at,
            allowed=False,
            authorisation__isnull=False,
            version__isnull=False,
            checks__contains=[{"requirement": "gate-digest", "passed": False}],
        )
        .exclude(asked_digest="")
        .select_related("version__model__owner")
        .order_by("decided_at")
    )
    last: dict[object, datetime] = {}
    for row in refused:
        if row.version is None:
            continue
        before = last.get(row.version_id)
        second = before is not None and row.decided_at - before <= MISMATCHES_WITHIN
        last[row.version_id] = row.decided_at
        yield Cause(
            Kind.DIGEST_MISMATCH,
            str(row.pk),
            _("The gate was asked for another file than the approved one: %(digest)s.")
            % {"digest": row.asked_digest[:80]},
            row.version.model,
            row.version,
            suspends=second,
        )


def drifted(case: Case) -> Iterator[Cause]:
    """4: amber is a finding; red suspends tiers 1 and 2, and is a finding for all."""
    report = case.reports.get("drift")
    if report is None:
        return
    # NaN compares with nothing: what nobody can read is taken for the worst.
    found = [
        (math.inf if math.isnan(m.value) else m.value, m.group)
        for m in report.measurements.all()
        if m.name == "psi" and m.value is not None
    ]
    worst, group = max(found, default=(0.0, ""))
    if worst < AMBER:
        return
    red = worst >= RED
    yield Cause(
        Kind.DRIFT,
        f"{report.pk}:{'red' if red else 'amber'}",
        _("Drift is %(level)s: the population stability index of %(name)s is %(psi)s.")
        % {
            "level": _("red") if red else _("amber"),
            "name": group or _("the scores"),
            "psi": f"{worst:.2f}",
        },
        case.version.model,
        case.version,
        severity=Severity.HIGH if red else Severity.MEDIUM,
        days=10,
        suspends=red and case.tier in GRAVE_TIERS,
    )


def failing(case: Case) -> Iterator[Cause]:
    """5, 8: a fairness limit crossed, or evidence that expired or is gone."""
    try:
        checks = [check for check in evaluate(case, DEPLOY) if not check.passed]
        asked = {
            found.rule.id: {item["type"] for item in found.rule.evidence}
            for found in case.rules
        }
    except NoPolicy:
        return
    report, granted = case.reports.get("fairness"), case.granted
    for check in checks:
        types = asked.get(check.requirement, set())
        if "fairness_report" in types and report is not None:
            yield _crossed(case, check, report)
        elif check.blocks and granted is not None and not types & _SPOKEN_FOR:
            yield from _expired(case, granted, check)


def _crossed(case: Case, check: Check, report: EvidenceReport) -> Cause:
    return Cause(
        Kind.FAIRNESS,
        f"{report.pk}:{check.requirement}",
        f"{check.title}: {check.observed}",
        case.version.model,
        case.version,
        severity=Severity.HIGH,
        days=10,
        suspends=check.blocks and case.tier in GRAVE_TIERS,
    )


def _expired(case: Case, granted: Authorisation, check: Check) -> Iterator[Cause]:
    """First a finding, then, after a grace, a suspension; LL144 knows no grace."""
    about = f"{check.requirement} {check.observed}".encode()
    key = f"{granted.pk}:{hashlib.sha256(about).hexdigest()[:32]}"
    text = f"{check.title}: {check.observed}"
    # No grace where the law gives none (LL144: one year, no day more).
    strict = check.pack.startswith(NO_GRACE)
    yield Cause(
        Kind.EVIDENCE_EXPIRY,
        key,
        text,
        case.version.model,
        case.version,
        severity=Severity.HIGH,
        days=GRACE.days,
        suspends=strict,
    )
    if not strict:
        yield Cause(
            Kind.EVIDENCE_EXPIRY,
            f"{key}:suspend",
            _("%(check)s, also after its grace.") % {"check": text},
            case.version.model,
            case.version,
            suspends=True,
            first=key,
            grace=GRACE,
        )


def changed(case: Case) -> Iterator[Cause]:
    """6: risk, use, jurisdiction or data changed; suspends unless the risk fell."""
    if case.subject_holds or case.granted is None or case.request is None:
        return
    milder = case.tier > case.request.assessment.tier
    stands_now = case.assessment.pk if case.assessment else "none"
    yield Cause(
        Kind.RISK_CHANGE,
        f"{case.granted.pk}:{stands_now}",
        _("Risk, use, jurisdiction or data differ from what was signed."),
        case.version.model,
        case.version,
        severity=None if milder else Severity.HIGH,
        days=30,
        suspends=not milder,
    )


def ending(at: datetime) -> Iterator[Cause]:
    """7: notices before an authorisation ends, and when it has."""
    longest = timedelta(days=max(NOTICE_DAYS))
    rows = Authorisation.objects.filter(
        valid_until__gt=at - timedelta(days=7), valid_until__lte=at + longest
    ).select_related("version__model__owner", "environment")
    for row in rows.prefetch_related("changes"):
        if state_of(row) in (State.REVOKED, State.SUPERSEDED):
            continue
        left = row.valid_until - at
        due = [days for days in NOTICE_DAYS if left <= timedelta(days=days)]
        days = 0 if left <= timedelta() else min(due)
        yield Cause(
            Kind.APPROVAL_EXPIRY,
            f"{row.pk}:{days}",
            _("The authorisation for %(place)s ends on %(day)s.")
            % {"place": row.environment.name, "day": f"{row.valid_until:%Y-%m-%d}"},
            row.version.model,
            row.version,
        )


@dataclass(frozen=True)
class Explained:
    """An explainability report, and what it was made with."""

    report: UUID
    made_with: tuple[object, ...]


def explained_twice(
    versions: Sequence[UUID], at: datetime
) -> dict[UUID, tuple[Explained, Explained]]:
    """Of the versions that were explained more than once, the last two, newest first.

    Documents are long: each is read once, and left as soon as it was looked into.
    """
    rows = EvidenceReport.objects.filter(
        run__version__in=versions, run__kind="explainability", reported_at__lte=at
    ).order_by("run__version", "-reported_at")
    keys: dict[UUID, list[UUID]] = defaultdict(list)
    for version, pk in rows.values_list("run__version", "pk"):
        keys[version].append(pk)
    pairs = {version: pks[:2] for version, pks in keys.items() if len(pks) > 1}
    wanted = [pk for pks in pairs.values() for pk in pks]
    documents = EvidenceReport.objects.filter(pk__in=wanted)
    made_with = {
        pk: _explainer(document)
        for pk, document in documents.values_list("pk", "document").iterator(READ)
    }
    return {
        version: (Explained(now, made_with[now]), Explained(before, made_with[before]))
        for version, (now, before) in pairs.items()
    }


def explained_otherwise(
    case: Case, explained: Mapping[UUID, tuple[Explained, Explained]]
) -> Iterator[Cause]:
    """16: the explainer or its background changed: reason codes are tested anew."""
    if case.version.pk not in explained:
        return
    now, before = explained[case.version.pk]
    if now.made_with == before.made_with:
        return
    yield Cause(
        Kind.EXPLAINER_CHANGE,
        str(now.report),
        _("The explainer or its background data changed: test the reason codes anew."),
        case.version.model,
        case.version,
        severity=Severity.LOW,
        days=30,
    )


def _explainer(text: str) -> tuple[object, ...]:
    document = json.loads(text)
    summary = document.get("summary", {})
    names = ("explainer", "background_sha256", "reference")
    return (*(summary.get(name) for name in names), str(document.get("engines", "")))

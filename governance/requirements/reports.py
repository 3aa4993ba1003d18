"""What reports of Freigabe's own measurements must say."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from audits.labels import measurement_label
from audits.models import EvidenceReport, EvidenceRun, Measurement
from governance.case import Case
from governance.policy import Check, Rule
from governance.requirements import hiring
from governance.requirements.answers import answer, is_number, most_days, unusable


def report(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    """`*_report`: the newest one is young enough and keeps its limit, if it has one.

    A vendor's or an auditor's attachment of the type is no measurement of ours.
    """
    if (wrong := unusable(rule, item)) is not None:
        return wrong
    kind = item["type"].removesuffix("_report")
    report, label = case.reports.get(kind), EvidenceRun.Kind(kind).label
    measure = _("The developer or validator requests evidence: %(kind)s.") % {
        "kind": label
    }
    if report is None:
        return Check(
            rule.id,
            rule.title,
            passed=False,
            observed=_("no report: %(kind)s") % {"kind": label},
            because=rule.text,
            next_step=measure,
        )
    days = most_days(item, case.tier)
    oldest = case.at - timedelta(days=365 if days is None else days)
    if report.reported_at < oldest:
        return Check(
            rule.id,
            rule.title,
            passed=False,
            observed=_("report of %(day)s has expired")
            % {"day": report.reported_at.date().isoformat()},
            because=rule.text,
            next_step=measure,
        )
    if "impact_ratio_at_least" in item:
        return hiring.four_fifths(rule, item, case)
    if "measurement" not in item:
        return _made(rule, item, report)
    return _measured(rule, item, report)


def _made(rule: Rule, item: Mapping[str, Any], report: EvidenceReport) -> Check:
    """That it exists and measured something, by group where that is asked."""
    known = [m for m in report.measurements.all() if is_number(m.value)]
    groups = {m.group for m in known if m.group}
    lacking = not known or (bool(item.get("per_group_metrics")) and not groups)
    return answer(
        rule,
        observed=_("report of %(day)s, %(count)s numbers, %(groups)s groups.")
        % {
            "day": report.reported_at.date().isoformat(),
            "count": len(known),
            "groups": len(groups),
        },
        problems=[_("It has no number by group.") if known else _("It has no number.")]
        if lacking
        else [],
        next_step=_("Measure on a data set that answers the question."),
    )


def _measured(rule: Rule, item: Mapping[str, Any], report: EvidenceReport) -> Check:
    name = item["measurement"]
    found = [m for m in report.measurements.all() if m.name == name]
    label = measurement_label(name)
    limit, holds = _limit(item)
    unknown = next((m for m in found if not is_number(m.value)), None)
    if not found or unknown is not None:
        return Check(
            rule.id,
            rule.title,
            passed=False,
            observed=_("%(label)s is not estimable (limit %(limit)s)")
            % {"label": label, "limit": limit},
            because=(unknown and unknown.because) or rule.text,
            next_step=_("Measure on a data set that answers the question."),
        )
    worst = max(found, key=lambda m: _badness(m, item))
    group = f" ({worst.group})" if worst.group else ""
    passed = holds(worst.value)
    return Check(
        rule.id,
        rule.title,
        passed=passed,
        observed=_("%(label)s%(group)s %(value)s (limit %(limit)s)")
        % {
            "label": label,
            "group": group,
            "value": f"{worst.value:.3f}",
            "limit": limit,
        },
        because=rule.text,
        next_step=""
        if passed
        else _("The developer improves the model and registers a new version."),
    )


def _limit(item: Mapping[str, Any]) -> tuple[str, Any]:
    if "at_least" in item:
        low = float(item["at_least"])
        return f"≥ {low:.2f}", lambda value: value >= low
    if "at_most" in item:
        high = float(item["at_most"])
        return f"≤ {high:.2f}", lambda value: abs(value) <= high
    return _("none stated"), lambda _value: False


def _badness(measurement: Measurement, item: Mapping[str, Any]) -> float:
    value = measurement.value or 0.0
    return -value if "at_least" in item else abs(value)

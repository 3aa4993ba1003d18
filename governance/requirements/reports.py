"""What reports of Freigabe's own measurements must say."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from audits.labels import measurement_label
from audits.models import EvidenceReport, Measurement
from governance.case import Case
from governance.policy import Check, Rule


def report(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    """`*_report`: the newest one is young enough and keeps its limit."""
    kind = item["type"].removesuffix("_report")
    report = case.reports.get(kind)
    measure = _("The developer or validator requests a %(kind)s run.") % {"kind": kind}
    if report is None:
        return Check(
            rule.id,
            rule.title,
            passed=False,
            observed=_("no %(kind)s report") % {"kind": kind},
            because=rule.text,
            next_step=measure,
        )
    oldest = case.at - timedelta(days=item.get("max_age_days", 365))
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
    return _measured(rule, item, report)


def _measured(rule: Rule, item: Mapping[str, Any], report: EvidenceReport) -> Check:
    name = item["measurement"]
    found = [m for m in report.measurements.all() if m.name == name]
    label = measurement_label(name)
    limit, holds = _limit(item)
    unknown = next((m for m in found if m.value is None), None)
    if not found or unknown is not None:
        return Check(
            rule.id,
            rule.title,
            passed=False,
            observed=_("%(label)s is not estimable (limit %(limit)s)")
            % {"label": label, "limit": limit},
            because=unknown.because if unknown else rule.text,
            next_step=_("Measure on a data set that answers the question."),
        )
    worst = max(found, key=lambda m: _badness(m, item))
    group = f" ({worst.group})" if worst.group else ""
    passed = holds(worst.value)
    return Check(
        rule.id,
        rule.title,
        passed=passed,
        observed=f"{label}{group} {worst.value:.3f} ({_('limit')} {limit})",
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

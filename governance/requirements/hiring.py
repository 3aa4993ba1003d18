"""New York City's Local Law 144: bias audit, publication, notice, four fifths."""

import json
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext as _

from governance.case import Case
from governance.policy import Check, Rule
from governance.requirements.answers import answer, is_number, unusable
from governance.requirements.business_days import business_days, months_after
from governance.requirements.documents import candidates, newest
from governance.requirements.found import Found, found


def bias_audit(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    """`bias_audit`: by an independent party; its numbers stand in the audit's record,
    or in Freigabe's own fairness report with the tables of the law.

    `states` asks for: the median of the sample (5-301(c)), the unknowns (5-303), the
    categories left out (5-301(d)) and the source of the data (5-302).
    """
    wrong = unusable(rule, item)
    if wrong is not None:
        return wrong
    rows = found(case, "bias_audit")
    problems: list[str] = []
    if rows:
        own = own_tables(case)
        problems += _tables(item, rows[0], own)
        for what in item.get("states", ()):
            problems += _STATED[what](rows[0], own)
    return newest(rule, item, case, rows, problems)


def _tables(
    item: Mapping[str, Any], row: Found, own: Mapping[str, Any]
) -> Iterator[str]:
    missing = set(item.get("tables", ())) - set(row.fields.get("tables", ()))
    if own.get("singles", 0) >= 2 and own.get("pairs", 0):
        missing = set()
    if missing:
        names = ", ".join(sorted(name.replace("_", "/") for name in missing))
        yield _("Tables are missing: %(names)s.") % {"names": names}


def _median(row: Found, own: Mapping[str, Any]) -> Iterator[str]:
    if row.fields.get("sample_median") is None and own.get("median") is None:
        yield _("The median of the full sample is not stated.")


def _unknowns(row: Found, own: Mapping[str, Any]) -> Iterator[str]:
    if row.fields.get("unknown_count") is None and not own:
        yield _("The number in an unknown category is not stated.")


def _exclusions(row: Found, own: Mapping[str, Any]) -> Iterator[str]:
    if row.fields.get("exclusions_made") is False or (not row.fields and own):
        return
    parts = ("justification", "count", "rate")
    missing = [p for p in parts if row.fields.get(f"exclusions_{p}") in (None, "")]
    if missing:
        yield _("Categories left out: %(names)s not stated.") % {
            "names": ", ".join(missing)
        }


def _source(row: Found, _own: Mapping[str, Any]) -> Iterator[str]:
    source = row.fields.get("data_source")
    if source is None:
        yield _("The source of the data is not stated.")
    if source == "test" and not row.fields.get("test_data_explanation"):
        yield _("Test data need an explanation.")


_TESTS = frozenset({"selection_rate_homogeneity_p", "scoring_rate_homogeneity_p"})
_STATED = {
    "sample_median": _median,
    "unknown_count": _unknowns,
    "exclusions": _exclusions,
    "data_source": _source,
}


def own_tables(case: Case) -> dict[str, Any]:
    """The law's tables in our own fairness report; empty where there are none.

    Several rules look at them: a report, which may be long, is read once for a case.
    """
    known: dict[str, Any] | None = vars(case).get("own_tables")
    if known is None:
        known = _own_tables(case)
        case.knowing(own_tables=known)
    return known


def _own_tables(case: Case) -> dict[str, Any]:
    report = case.reports.get("fairness")
    if report is None:
        return {}
    law = (
        json.loads(case.around.together.document(report))
        .get("summary", {})
        .get("local_law_144")
        or {}
    )
    tables = [*law.get("selection", ()), *law.get("scoring", ())]
    if not tables:
        return {}
    asked = [tuple(table["features"]) for table in tables]
    return {
        "tables": tables,
        "singles": len({names for names in asked if len(names) == 1}),
        "pairs": len({names for names in asked if len(names) > 1}),
        "median": law.get("sample_median"),
    }


def four_fifths(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    """`impact_ratio_at_least`: of every category, on the unrounded number, as a screen
    and no pass mark; `or_reviewed` also accepts a second-line review of a lower one.

    With `significant_below` also a difference that chance does not explain: the tests
    of homogeneity of our report, Holm-adjusted over the run. A ratio or a test that
    cannot be estimated needs the review.
    """
    limit = item["impact_ratio_at_least"]
    tables = own_tables(case).get("tables")
    if tables is None:
        return answer(
            rule,
            observed="",
            problems=[_("No fairness report has tables of impact ratios.")],
            next_step=_("The developer or validator requests a fairness run."),
        )
    ratios = [row["impact_ratio"] for table in tables for row in table["categories"]]
    known = [ratio for ratio in ratios if ratio is not None]
    low = len(known) < len(ratios) or not known or min(known) < limit
    problems = [_("Below %(limit)s.") % {"limit": limit}] if low else []
    problems += _significant(item, case)
    reviewed = bool(item.get("or_reviewed")) and _reviewed(case)
    observed = _("The lowest impact ratio is %(ratio)s.") % {
        "ratio": f"{min(known):.4f}" if known else _("not estimable")
    }
    return answer(
        rule,
        observed=observed + (_(" Reviewed by the second line.") if reviewed else ""),
        problems=[] if reviewed else problems,
        next_step=_("A validator or risk manager reviews it and declares the audit."),
    )


def _significant(item: Mapping[str, Any], case: Case) -> list[str]:
    """What the tests of selection and scoring rates say against it."""
    level = item.get("significant_below")
    if level is None:
        return []
    rows = [m for m in case.reports["fairness"].measurements.all() if m.name in _TESTS]
    known = [(m.value, m.group) for m in rows if is_number(m.value)]
    if not known or len(known) < len(rows):
        return [_("Whether rates differ by chance alone could not be tested.")]
    p, group = min(known)
    if p >= level:
        return []
    return [
        _("Rates differ by %(group)s: p = %(p)s.") % {"group": group, "p": f"{p:.4f}"}
    ]


def _reviewed(case: Case) -> bool:
    """A bias audit that was declared after the fairness report looked at it."""
    report = case.reports["fairness"]
    return any(
        row.declared and not row.refused and row.at >= report.reported_at
        for row in found(case, "bias_audit")
    )


def publication(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    """`publication`: the page was seen lately; `kept_months_after_last_use` ends it.

    6 RCNY 5-303: at least six months after the latest use. A last use that somebody
    states ends nothing while a version of the model may run.
    """
    wrong = unusable(rule, item)
    if wrong is not None:
        return wrong
    rows = candidates(case, item)
    months = item.get("kept_months_after_last_use")
    last_use = rows[0].fields.get("last_use_on") if rows else None
    if months is not None and last_use and not case.around.model_is_authorised:
        end = months_after(date.fromisoformat(last_use), months)
        if end < case.at.date():
            return answer(
                rule,
                observed=_("last used on %(day)s; the duty ended on %(end)s")
                % {"day": last_use, "end": end.isoformat()},
            )
    return newest(rule, item, case, rows)


def notice(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    """`notice`: given so many business days before the first use, and before now."""
    wrong = unusable(rule, item)
    if wrong is not None:
        return wrong
    rows = candidates(case, {**item, "where": {}})
    problems: list[str] = []
    days = item.get("lead_business_days")
    if rows and days is not None and rows[0].fields:
        sent = date.fromisoformat(rows[0].fields["sent_on"])
        first = date.fromisoformat(rows[0].fields["first_use_on"])
        lead = business_days(sent, min(first, case.at.date() + timedelta(days=1)))
        if lead < days:
            problems.append(
                _("%(lead)s business days before use; the law asks for %(days)s.")
                % {"lead": lead, "days": days}
            )
    return newest(rule, item, case, rows, problems)

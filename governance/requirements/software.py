"""Rules about the software and the data: validated release, independent test data."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from governance.case import Case
from governance.policy import Check, Rule
from governance.release import software_version
from governance.requirements.answers import answer, is_number, unusable
from governance.requirements.documents import candidates, newest


def validated(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    """`csv_package`: with `current_software`, released for the version that runs."""
    if (wrong := unusable(rule, item)) is not None:
        return wrong
    rows = candidates(case, {**item, "where": {}})
    problems: list[str] = []
    running = software_version()
    if rows and item.get("current_software"):
        named = rows[0].fields.get("software_version")
        if named != running:
            problems.append(
                _("It is for the version %(named)s; %(running)s runs.")
                % {"named": named, "running": running}
            )
    return newest(rule, item, case, rows, problems)


def independent_data(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    """`dataset_independence`: no test data are training data, by bytes and by rows.

    `hash_overlap: 0` compares the digests of the data sets, and the number of rows
    that stand in both where a data quality report counted them. Else it is declared.
    """
    if (wrong := unusable(rule, item)) is not None:
        return wrong
    asked = {name: value for name, value in item.items() if name != "hash_overlap"}
    if "hash_overlap" not in item:
        return newest(rule, asked, case, candidates(case, asked))
    problems = list(_overlaps(case))
    return answer(
        rule,
        observed=_("Test data against training data."),
        problems=problems,
        next_step=_("The developer registers a version with independent test data."),
    )


def _overlaps(case: Case) -> list[str]:
    by_use: dict[str, set[str]] = {}
    for link in case.data:
        by_use.setdefault(link.use, set()).add(link.dataset_version.sha256)
    training, test = by_use.get("training", set()), by_use.get("test", set())
    problems = []
    if not training or not test:
        problems.append(_("The version does not name training and test data."))
    if training & test:
        problems.append(_("The same data set is used for training and test."))
    report = case.reports.get("data_quality")
    for row in report.measurements.all() if report else ():
        known = is_number(row.value)
        if row.name == "train_test_overlap" and not (known and row.value == 0):
            problems.append(_("Rows stand in both, or nobody knows."))
    return problems

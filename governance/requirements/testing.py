"""Test reports: of Freigabe's own measurements, declared, or attached."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from audits.models import EvidenceReport
from governance.case import Case
from governance.declarable import KINDS
from governance.models import Declaration
from governance.policy import Check, Rule
from governance.requirements.answers import answer, most_days, unusable
from governance.requirements.found import found
from registry.models import VersionDataset


@dataclass(frozen=True)
class Test:
    """One test: when it ran (a moment, or a day), what it shows, and what is wrong."""

    name: str
    on: date
    kinds: frozenset[str]
    run_at: datetime | None = None
    signed: bool = True
    wrong: str = ""


def test_report(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    """`test_report`: the newest test of each kind asked for is there and passed.

    `after: test_plan` asks that the newest test plan is older than the test (AI Act,
    Art. 9(8); Annex 22 draft): a new plan asks for a new test. `signed` takes only
    what a person signed, which our own measurements are not.
    """
    wrong = unusable(rule, item)
    if wrong is not None:
        return wrong
    tests = [test for test in _tests(case) if test.signed or not item.get("signed")]
    problems: list[str] = []
    for kind in item.get("kinds") or [""]:
        problems += _of_kind(kind, tests, item, case)
    return answer(
        rule,
        observed=ngettext("%(count)s test.", "%(count)s tests.", len(tests))
        % {"count": len(tests)},
        problems=problems,
        next_step=_(
            "The developer or validator requests a performance run, or declares a test "
            "report."
        ),
    )


def _of_kind(
    kind: str, tests: Sequence[Test], item: Mapping[str, Any], case: Case
) -> Iterator[str]:
    test = next((t for t in tests if not kind or kind in t.kinds), None)
    name = _kind_name(kind)
    if test is None:
        yield _("%(kind)s: none.") % {"kind": name}
        return
    said = _("%(kind)s (%(name)s)") % {"kind": name, "name": test.name}
    if test.wrong:
        yield f"{said}: {test.wrong}"
    days = most_days(item, case.tier)
    if days is not None and test.on + timedelta(days=days) < case.at.date():
        yield _("%(said)s: it is older than %(days)s days.") % {
            "said": said,
            "days": days,
        }
    if item.get("after") == "test_plan":
        plan = case.held.latest("test_plan")
        if plan is None:
            yield _("There is no test plan.")
        elif not _before(plan, test):
            yield _("%(said)s: the test plan is not older than the test.") % {
                "said": said
            }


def _before(plan: Declaration, test: Test) -> bool:
    """Of a test that is known by its day only, the plan is of an earlier day."""
    if test.run_at is not None:
        return plan.made_at < test.run_at
    return plan.made_at.date() < test.on


def _kind_name(kind: str) -> str:
    field = KINDS["test_report"].field("test_kind")
    return field.shown(kind) if kind and field else _("Test report")


def _tests(case: Case) -> list[Test]:
    """All tests, the newest first; our own measurement among them."""
    rows = [
        Test(
            name=row.name,
            on=row.on,
            kinds=frozenset(filter(None, [row.fields.get("test_kind")])),
            wrong=row.refused or _outcome(row.verdict),
        )
        for row in found(case, "test_report")
    ]
    own = case.reports.get("performance")
    if own is not None:
        rows.append(_own(own, case))
    return sorted(rows, key=lambda test: test.on, reverse=True)


def _outcome(verdict: str) -> str:
    if verdict == "failed":
        return _("its outcome is: failed.")
    return "" if verdict in ("passed", "warned") else _("it has no outcome.")


def _own(report: EvidenceReport, case: Case) -> Test:
    run = report.run
    return Test(
        name=_("measured by Freigabe on %(data)s") % {"data": run.dataset_version},
        on=report.reported_at.date(),
        kinds=_kinds_of(report, case),
        run_at=run.started_at or run.requested_at,
        signed=False,
    )


def _kinds_of(report: EvidenceReport, case: Case) -> frozenset[str]:
    """Held out: the data are none that the version learned from, by their bytes.

    Out of time: performance was measured by period.
    """
    learned = [
        link.dataset_version.sha256
        for link in case.data
        if link.use == VersionDataset.Use.TRAINING
    ]
    kinds = set()
    if report.run.dataset_version.sha256 not in learned:
        kinds |= {"held_out", "out_of_sample"}
        if report.run.config.get("time_column"):
            kinds.add("out_of_time")
    return frozenset(kinds)

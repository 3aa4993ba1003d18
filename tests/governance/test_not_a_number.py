"""What was measured as NaN is unknown: no rule, trigger or condition passes on it."""

import math

import pytest

from audits.models import EvidenceReport, Measurement
from governance import triggers
from governance.case import Case
from governance.requirements.reports import report
from governance.triggers.acting import Kind
from tests.governance.test_evidence_rules import RULES
from tests.governance.test_gate import approved, ask, failing
from tests.world import NOW, World, later

AUC = {"type": "performance_report", "measurement": "roc_auc", "at_least": 0.7}
GAP = {"type": "fairness_report", "measurement": "gap", "at_most": 0.1}


def stored(world: World, kind: str, name: str, *values: float):
    """A version with a report that holds these values, one for each group."""
    version = world.version(world.model())
    world.measured(version, world.data(), {kind: [("other", "", 1.0)]})
    made = EvidenceReport.objects.get(run__kind=kind)
    # The engine's own act refuses NaN; the column would take it.
    for number, value in enumerate(values):
        Measurement.objects.create(
            report=made, name=name, group=str(number), value=value
        )
    return version


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("item", [AUC, GAP])
def test_a_limit_is_not_kept_by_what_is_no_number(world, item, first, bad):
    good = 0.9 if "at_least" in item else 0.01
    values = (bad, good) if first else (good, bad)
    kind = item["type"].removesuffix("_report")
    version = stored(world, kind, item["measurement"], *values)
    case = Case(version, world.production, NOW)
    found = report(RULES["usmrm-001"], item, case)
    assert not found.passed
    assert "not estimable" in found.observed


@pytest.mark.parametrize("first", [True, False])
def test_drift_that_is_no_number_is_red(world, first):
    version = approved(world)
    data = version.evidence_runs.first().dataset_version
    world.measured(version, data, {"drift": [("psi", "dti", 0.01)]}, later(hours=1))
    made = EvidenceReport.objects.get(run__kind="drift")
    Measurement.objects.create(
        report=made, name="psi", group="aaa" if first else "zzz", value=math.nan
    )
    [event] = [e for e in triggers.run(later(hours=2)) if e.kind == Kind.DRIFT]
    assert event.effect == "suspension"


def test_the_gate_denies_on_a_measurement_that_is_no_number(world):
    version = approved(world)
    assert ask(world).allowed
    made = EvidenceReport.objects.get(run__kind="performance")
    Measurement.objects.create(report=made, name="roc_auc", group="x", value=math.nan)
    assert failing(ask(world)) & {"first-003", "first-004", "first-005", "first-006"}
    assert version.authorisations.exists()

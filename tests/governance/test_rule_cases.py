"""Each of the 99 shipped rules has a case that it fails, and one that it passes.

Most have theirs in the neighbouring files; here is the count, and what they leave.
"""

import inspect

import pytest

from audits.evaluators.base import Evaluation, Measurement
from audits.execution import store
from audits.measuring import Measured
from audits.models import EvidenceRun
from governance import declaring
from governance.case import Case
from governance.declarable import KINDS
from governance.models import Status, StatusChange, Waiver, WaiverDecision
from governance.release import software_version
from tests.governance import test_evidence_rules as evidence
from tests.governance.pack_stage import only
from tests.governance.test_gate import approved
from tests.governance.test_packs_to_the_gate import UNBOUND, WARNINGS, under
from tests.governance.test_shipped_packs import (
    MET_BY_ABSENCE,
    PASSED_BY_DECLARING,
    PROOF,
    RECORD,
    RULES,
    declare,
    judged,
    sample,
)
from tests.governance.test_waivers import granted, wish
from tests.world import NOW, World, later

pytestmark = pytest.mark.django_db
KIND = Waiver.Kind.PRE_VALIDATION_USE
# Cases of a rule that both fail and pass it, in another file.
ELSEWHERE = {
    "usmrm-008": evidence.test_open_findings_block_by_severity_and_plan,
    "gxp-019": evidence.test_a_review_that_says_unfit_or_is_overdue_fails,
    "gxp-020": evidence.test_a_serious_incident_needs_a_root_cause,
}
# Due once in use: after how many days in tier 2, and what else stands meanwhile.
DUE = {"usmrm-011": 45, "usmrm-012": 540, "usmrm-013": 365}


@pytest.fixture
def world():
    return World()


def stage(world, at=NOW, **record):
    version = world.version(world.model(**{**RECORD, **record}))
    return Case(version, world.production, at)


def passes(case, rule_id):
    return all(check.passed for check in judged(case, RULES[rule_id]))


def incomplete_record(world):
    return stage(world, components="")


def waiver_without_controls(world):
    """Nobody can ask for one: it came into the database past the act."""
    case = stage(world)
    fields = vars(wish(case.version, compensating_controls=" "))
    row = Waiver.objects.create(
        **{**fields, "rules": list(fields["rules"])},
        tier=2,
        subject_sha256="0" * 64,
        requested_by=world.anna,
        requested_at=NOW,
    )
    WaiverDecision.objects.create(
        waiver=row, granted=True, decided_by=world.rita, decided_at=NOW
    )
    return case


def move_that_no_cycle_has(world):
    """Approved without validation: past the act, too."""
    case = stage(world)
    StatusChange.objects.create(
        version=case.version,
        status=Status.APPROVED,
        moved_by=world.ben,
        moved_at=NOW,
        sequence=case.version.status_changes.count() + 1,
    )
    return case


FAILING = {
    "usmrm-001": incomplete_record,
    "usmrm-017": waiver_without_controls,
    "gxp-010": move_that_no_cycle_has,
}


@pytest.mark.parametrize("rule_id", sorted(FAILING))
def test_a_rule_that_mostly_holds_fails_when_it_is_broken(world, rule_id):
    assert not passes(FAILING[rule_id](world), rule_id)


def test_use_before_validation_needs_a_waiver_of_its_own_kind():
    world = only("us-mrm")
    case = stage(world)
    world.assessed(case.version.model)
    asked = {"rules": ("usmrm-005",), "days": 30}
    granted(world, case.version, **asked)
    assert not passes(case, "usmrm-009")
    other = stage(world, slug="other")
    world.assessed(other.version.model)
    granted(world, other.version, kind=KIND, **asked)
    assert passes(other, "usmrm-009")
    ended = Case(other.version, world.production, later(days=30))
    assert not passes(ended, "usmrm-009")


@pytest.mark.parametrize("rule_id", sorted(DUE))
def test_what_is_due_once_in_use_fails_from_the_day_after(world, rule_id):
    version, days = approved(world), DUE[rule_id]

    def holds(after):
        return passes(Case(version, world.production, later(days=after)), rule_id)

    def hand_in(kind, at, **fields):
        declaring.declare(
            kind=kind,
            fields={**sample(KINDS[kind], {}, world), **fields},
            version=version,
            proof=PROOF,
            by=world.anna,
            at=at,
        )

    hand_in("monitoring_plan", NOW, frequency_days=30)
    assert holds(days)
    assert not holds(days + 1)
    until = later(days=days - 1).date().isoformat()
    kind = RULES[rule_id].evidence[0]["type"]
    hand_in(kind, later(days=days), period_until=until)
    assert holds(days + 1)


def measured_for_the_law(world, ratio, p):
    """A fairness report with one table of impact ratios and its test."""
    case = stage(world)
    run = EvidenceRun.objects.create(
        version=case.version,
        kind="fairness",
        dataset_version=world.data(),
        requested_by=world.vera,
        requested_at=NOW,
        state=EvidenceRun.State.RUNNING,
    )
    categories = [{"impact_ratio": 1.0}, {"impact_ratio": ratio}]
    table = {"features": ["sex"], "categories": categories}
    test = Measurement(
        name="scoring_rate_homogeneity_p",
        group="sex",
        value=p,
        because="" if p is not None else "few",
    )
    evaluation = Evaluation(
        measurements=(test,), summary={"local_law_144": {"scoring": [table]}}
    )
    found = Measured(evaluation=evaluation, artifact_sha256="0" * 64, sandbox="test")
    store(run=run, measured=found, at=NOW)
    return case


@pytest.mark.parametrize(
    ("ratio", "p", "fair"),
    [
        (0.8, 0.05, True),
        (0.7999, 0.5, False),
        # Above four fifths, and still no chance.
        (0.95, 0.0499, False),
        (0.95, None, False),
        (None, 0.5, False),
    ],
)
def test_a_difference_by_ratio_or_beyond_chance_asks_for_a_review(
    world, ratio, p, fair
):
    case = measured_for_the_law(world, ratio, p)
    assert passes(case, "ll144-014") is fair


def test_only_an_audit_after_the_report_reviews_a_difference(world):
    case = measured_for_the_law(world, 0.95, 0.01)
    audit = RULES["ll144-002"].evidence[0]
    # `declare` hands in a minute before NOW, and so before the report.
    declare(world, case, audit)
    assert not passes(case, "ll144-014")
    declaring.declare(
        kind="bias_audit",
        fields=case.version.declarations.get().fields,
        version=case.version,
        proof=PROOF,
        by=world.rita,
        at=later(minutes=1),
    )
    reviewed = Case(case.version, world.production, later(minutes=2))
    assert passes(reviewed, "ll144-014")


@pytest.mark.parametrize(
    ("point", "persons", "enough"),
    [
        ("1a", 2, True),
        ("1a", 1, False),
        ("1a", None, False),
        ("5b", None, True),
        ("", 2, False),
    ],
)
def test_an_identification_is_verified_by_two_people(world, point, persons, enough):
    case = stage(world, annex_iii_point=point)
    plan, test = RULES["euai-012"].evidence
    declare(world, case, plan, verifying_persons=persons)
    declare(world, case, test)
    assert passes(case, "euai-012") is enough


@pytest.mark.parametrize(
    ("changes", "validated"),
    [
        ({}, True),
        ({"software_version": "0.0.1"}, False),
        ({"released": False}, False),
    ],
)
def test_the_software_that_runs_was_validated_and_released(world, changes, validated):
    case = stage(world)
    fields = {"software_version": software_version(), **changes}
    declare(world, case, RULES["gxp-001"].evidence[0], **fields)
    assert passes(case, "gxp-001") is validated


def test_every_rule_has_a_failing_and_a_passing_case():
    for rule_id, test in ELSEWHERE.items():
        assert rule_id in inspect.getsource(test)
    both = {*ELSEWHERE, *DUE, "usmrm-009", "ll144-014", "euai-012", "gxp-001"}
    # Whoever is known for nothing fails all but these.
    failing = set(RULES) - MET_BY_ABSENCE - {"usmrm-001"}
    assert set(RULES) - failing - both - set(FAILING) == set()
    met = {
        rule_id
        for name, rules in UNBOUND.items()
        for rule_id in under(name) - rules - WARNINGS[name]
    }
    passing = {*PASSED_BY_DECLARING, *MET_BY_ABSENCE, *met, *both}
    assert set(RULES) - passing == set()

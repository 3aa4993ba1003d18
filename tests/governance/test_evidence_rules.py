"""Rules that time, findings, digests, signers and the log answer."""

import uuid
from datetime import timedelta

import pytest

from audits.models import EvidenceSigner, ForeignEvidence
from governance import artifacts, declaring
from governance.case import Case
from governance.models import (
    Finding,
    FindingChange,
    Incident,
    IncidentClosure,
    PeriodicReview,
)
from governance.requirements.business_days import business_days, holidays
from governance.requirements.providers import PROVIDERS
from governance.signatures import Proof
from tests.governance.test_shipped_packs import RULES, declare
from tests.world import NOW, PASSWORD, World, later

pytestmark = pytest.mark.django_db
PLAN = {"intended_use": "Credit.", "metrics": "AUC.", "thresholds": "0.70."}


@pytest.fixture
def world():
    return World()


@pytest.fixture
def version(world):
    return world.version(world.model())


def check(world, version, rule_id, at=NOW, item=None):
    case = Case(version=version, environment=world.production, at=at)
    rule = RULES[rule_id]
    found = [
        PROVIDERS[i["type"]](rule, i, case) for i in ([item] if item else rule.evidence)
    ]
    return all(c.passed for c in found), " ".join(c.observed for c in found)


def plan(world, version, at):
    return declaring.declare(
        kind="test_plan",
        fields=PLAN,
        version=version,
        proof=Proof(password=PASSWORD),
        by=world.ben,
        at=at,
    )


def test_a_test_plan_must_be_older_than_the_test_run(world, version):
    data = world.data()
    plan(world, version, NOW)
    world.measured(version, data, at=later(hours=1))
    assert check(world, version, "euai-005", at=later(hours=2))[0]


def test_a_plan_written_after_the_test_asks_for_a_new_test(world, version):
    data = world.data()
    world.measured(version, data, at=NOW)
    plan(world, version, later(hours=1))
    passed, observed = check(world, version, "euai-005", at=later(hours=2))
    assert not passed
    assert "not older" in observed


def test_a_held_out_report_on_training_data_is_none(world):
    model, data = world.model(), world.data()
    version = world.version(model)
    world.measured(version, data)
    assert check(world, version, "lite-006")[0]
    assert not check(world, version, "usmrm-004")[0]


def found(world, version, severity, state="open"):
    finding = Finding.objects.create(
        model=version.model,
        source="validation",
        title="Weak segment",
        text="x",
        raised_by=world.vera,
        raised_at=NOW,
    )
    FindingChange.objects.create(
        finding=finding,
        state=state,
        severity=severity,
        owner=world.anna,
        due_on=NOW.date() + timedelta(days=5),
        text="x",
        changed_by=world.vera,
        changed_at=NOW,
        sequence=1,
    )


@pytest.mark.parametrize(
    ("severity", "state", "passes"),
    [
        ("critical", "open", False),
        ("high", "planned", False),
        ("high", "closed", True),
        ("medium", "open", False),
        ("medium", "planned", True),
        ("low", "open", True),
    ],
)
def test_open_findings_block_by_severity_and_plan(
    world, version, severity, state, passes
):
    found(world, version, severity, state)
    assert check(world, version, "usmrm-008")[0] is passes


def test_a_serious_incident_needs_a_root_cause(world, version):
    incident = Incident.objects.create(
        model=version.model,
        kind="serious",
        title="Wrong batch released",
        text="x",
        aware_at=NOW,
        recorded_by=world.ola,
        recorded_at=NOW,
    )
    assert not check(world, version, "gxp-020")[0]
    IncidentClosure.objects.create(
        incident=incident,
        root_cause="Sensor.",
        corrective_action="Replaced.",
        closed_by=world.rita,
        closed_at=NOW,
    )
    assert check(world, version, "gxp-020")[0]


def test_a_review_that_says_unfit_or_is_overdue_fails(world, version):
    def review(outcome, due, at):
        PeriodicReview.objects.create(
            model=version.model,
            kind="review",
            outcome=outcome,
            text="x",
            next_due_on=due,
            subject_sha256="0" * 64,
            reviewed_by=world.vera,
            reviewed_at=at,
        )

    review("unfit", NOW.date() + timedelta(days=90), NOW)
    assert not check(world, version, "gxp-019")[0]
    review("fit", NOW.date() + timedelta(days=10), later(hours=1))
    assert check(world, version, "gxp-019", at=later(hours=2))[0]
    assert not check(world, version, "gxp-019", at=later(days=11))[0]


def attach(world, version, kind, outcome="passed", signer=None, by=None, on=None):
    artifact = artifacts.store(
        chunks=[f'{{"id": "{uuid.uuid4()}"}}'.encode()],
        file_name="report.json",
        as_model=False,
        by=world.vera,
        at=NOW,
    )
    return ForeignEvidence.objects.create(
        version=version,
        kind=kind,
        title="Report",
        outcome=outcome,
        artifact=artifact,
        produced_by="Auditors Ltd",
        produced_on=on or NOW.date(),
        signer=signer,
        statement="signed",
        record_sha256=uuid.uuid4().hex * 2,
        attached_by=by or world.vera,
        attached_at=NOW,
    )


@pytest.mark.parametrize(
    ("outcome", "passes"),
    [("passed", True), ("warned", True), ("failed", False), ("none", False)],
)
def test_an_attached_validation_report_needs_a_good_outcome(
    world, version, outcome, passes
):
    attach(world, version, "validation_report", outcome)
    assert check(world, version, "usmrm-005")[0] is passes


def test_an_attachment_does_not_answer_fields(world, version):
    attach(world, version, "validation_report")
    assert not check(world, version, "usmrm-006")[0]


def test_an_old_attachment_expires_by_the_day_it_was_made(world, version):
    attach(world, version, "validation_report", on=NOW.date() - timedelta(days=366))
    assert not check(world, version, "usmrm-005")[0]


def test_what_a_developer_attached_does_not_validate(world, version):
    attach(world, version, "validation_report", by=world.ben)
    passed, observed = check(world, version, "usmrm-005")
    assert not passed
    assert "hand in the version" in observed


def test_the_evidence_of_a_revoked_signer_no_longer_counts(world, version):
    signer = EvidenceSigner.objects.create(
        slug="auditors",
        name="Auditors Ltd",
        public_key="k",
        registered_by=world.rita,
        registered_at=NOW,
    )
    attach(world, version, "validation_report", signer=signer)
    assert check(world, version, "usmrm-005")[0]
    EvidenceSigner.objects.filter(pk=signer.pk).update(
        revoked_by=world.rita, revoked_at=NOW, revocation_reason="Key lost."
    )
    passed, observed = check(world, version, "usmrm-005")
    assert not passed
    assert "revoked" in observed


def test_a_failed_report_speaks_against_an_older_good_declaration(world, version):
    case = Case(version=version, environment=world.production, at=NOW)
    declare(world, case, RULES["usmrm-006"].evidence[0])
    assert check(world, version, "usmrm-006")[0]
    attach(world, version, "validation_report", "failed")
    assert not check(world, version, "usmrm-006")[0]


def test_one_year_after_the_bias_audit_use_ends_without_grace(world, version):
    case = Case(version=version, environment=world.production, at=NOW)
    audited = NOW.date() - timedelta(days=2)
    item = RULES["ll144-002"].evidence[0]
    declare(world, case, item, audited_on=audited.isoformat())
    last = audited.replace(year=audited.year + 1)
    days = (last - NOW.date()).days
    assert check(world, version, "ll144-002", at=later(days=days))[0]
    assert not check(world, version, "ll144-002", at=later(days=days + 1))[0]


def test_what_is_declared_ends_on_its_day_without_a_job(world, version):
    declaring.declare(
        kind="rollback_plan",
        fields={"fallback": "Version 0.", "steps": "Route back."},
        version=version,
        valid_until=NOW.date() + timedelta(days=3),
        proof=Proof(password=PASSWORD),
        by=world.anna,
        at=NOW,
    )
    assert check(world, version, "lite-011", at=later(days=3))[0]
    assert not check(world, version, "lite-011", at=later(days=4))[0]


def test_nothing_signed_and_nothing_authorised_fails(world, version):
    for rule in ("gxp-003", "gxp-004", "gxp-006", "gxp-007", "gxp-012", "gxp-018"):
        assert not check(world, version, rule)[0], rule
    for rule in ("usmrm-018", "euai-030", "lite-005", "lite-012", "usmrm-007"):
        assert not check(world, version, rule)[0], rule


def test_federal_holidays_are_no_business_days():
    days = {d.isoformat() for d in holidays(2026)}
    assert {
        "2026-01-01",
        "2026-01-19",
        "2026-05-25",
        "2026-07-03",
        "2026-11-26",
    } <= days
    thursday, tuesday = NOW.date().replace(2026, 7, 2), NOW.date().replace(2026, 7, 7)
    assert business_days(thursday, tuesday) == 1

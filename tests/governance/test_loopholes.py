"""Ways around the gate that a hostile reviewer found; each stays shut."""

import pytest

from audits.questions import CannotMeasure
from governance import (
    access,
    approvals,
    artifacts,
    deployments,
    evidence,
    gate,
    lifecycle,
    policy,
    records,
    registration,
    risk,
    roles,
)
from governance.gate import Question
from governance.lifecycle import State
from governance.models import Authorisation
from registry.models import Role, Scope, User
from tests.governance.test_approvals import sign, submit
from tests.governance.test_gate import ASKED, approved, ask, failing
from tests.world import GOOD, LIGHTGBM, NOW, later


def change(world, model, **record):
    registration.change_inventory(model=model, by=world.anna, at=NOW, **record)


def test_a_practice_that_became_prohibited_is_denied(world):
    version = world.ready()
    change(world, version.model, ai_act_class="prohibited")
    with pytest.raises(approvals.NotReady):
        submit(world, version)


def test_the_floor_of_regulation_rises_after_the_assessment_too(world):
    model = world.model(ai_act_class="minimal")
    version = world.version(model)
    world.assessed(model, 1, 1)
    change(world, model, ai_act_class="high-annex-iii")
    request = submit(world, version)
    with pytest.raises(approvals.NotReady) as caught:
        sign(request, world.carl, "approval")
    assert "first-004" in [c.requirement for c in caught.value.checks]


@pytest.mark.parametrize("codes", [["EU"], ["DE"], ["US", "FR-75"]])
def test_eu_member_states_are_the_eu(world, codes):
    model = world.model(jurisdictions=codes)
    world.assessed(model, 1, 1)
    assert risk.latest_assessment(model).tier == 2


def test_a_jurisdiction_is_a_code(world):
    with pytest.raises(records.Refused):
        world.model(jurisdictions=["eu"])


def test_nobody_measures_at_a_threshold_that_flatters(world):
    version = world.version(world.model())
    with pytest.raises(CannotMeasure, match="registered with"):
        evidence.request_run(
            version=version,
            kind="fairness",
            dataset_version=world.data(),
            config={"threshold": 0.0},
            by=world.ben,
            at=NOW,
        )


def test_the_developer_does_not_choose_the_data_that_counts(world):
    model = world.model()
    version = world.version(model)
    data = world.data()
    world.measured(version, data, GOOD)
    world.measured(
        version, data, {"performance": [("roc_auc", "", 0.99)]}, by=world.ben
    )
    world.assessed(model)
    case = gate.examine(ASKED, by=world.ola, at=NOW)[0]
    assert case.reports["performance"].measurements.get().value == 0.81


def test_a_token_for_one_environment_acts_in_no_other(world):
    version = approved(world)
    world.rita.scope = Scope("*", ("staging",))
    with pytest.raises(roles.NotAllowed, match="staging"):
        deployments.change_authorisation(
            authorisation=Authorisation.objects.get(),
            to=State.SUSPENDED,
            reason="Drift.",
            by=world.rita,
            at=NOW,
        )
    world.anna.scope = Scope("*", ("staging",))
    with pytest.raises(roles.NotAllowed):
        submit(world, version)


def test_a_permit_falls_with_a_retired_version_and_a_newer_authorisation(world):
    version = approved(world)
    permit = str(ask(world).pk)
    request = submit(world, version)
    sign(request, world.vera, "review")
    sign(request, world.carl, "approval")
    facts = {
        "version": version,
        "environment": world.production,
        "artifact_sha256": world.artifact().sha256,
        "by": world.ola,
        "at": NOW,
    }
    assert not deployments.record(permit_id=permit, **facts).authorised
    fresh = str(ask(world).pk)
    assert deployments.record(permit_id=fresh, **facts).authorised
    lifecycle.move(version=version, to=lifecycle.Status.RETIRED, by=world.anna, at=NOW)
    assert not deployments.record(permit_id=fresh, **facts).authorised


def test_handing_a_model_over_does_not_free_its_owner_to_sign(world):
    roles.grant(user=world.anna, role=Role.APPROVER, by=access.system_user(), at=NOW)
    roles.grant(user=world.ola, role=Role.OWNER, by=access.system_user(), at=NOW)
    version = world.ready()
    change(world, version.model, owner=world.ola)
    version.model.refresh_from_db()
    request = approvals.submit(
        version=version, environment=world.production, by=world.ola, at=NOW
    )
    sign(request, world.vera, "review")
    with pytest.raises(approvals.SameHand, match="owned this model"):
        sign(request, world.anna, "approval")


def test_who_assessed_the_risk_does_not_approve_it(world):
    model = world.model(ai_act_class="minimal")
    version = world.version(model)
    world.assessed(model, 1, 1)
    request = submit(world, version)
    with pytest.raises(approvals.SameHand, match="assessed the risk"):
        sign(request, world.rita, "approval")


def test_who_was_given_a_role_by_the_requester_does_not_sign(world):
    request = submit(world, world.ready())
    world.carl.role_assignments.update(granted_by=world.anna)
    sign(request, world.vera, "review")
    with pytest.raises(approvals.SameHand, match="from the person who asks"):
        sign(request, world.carl, "approval")


@pytest.mark.parametrize("end", ["rejection", "withdrawal"])
def test_two_environments_do_not_block_each_other(world, end):
    version = world.ready()
    staging = registration.register_environment(
        slug="staging", name="Staging", by=world.ola
    )
    production = submit(world, version)
    other = approvals.submit(
        version=version, environment=staging, by=world.anna, at=NOW
    )
    if end == "rejection":
        sign(other, world.carl, "rejection", comment="Not there.")
    else:
        approvals.withdraw(request=other, reason="Later.", by=world.anna, at=NOW)
    sign(production, world.vera, "review")
    sign(production, world.carl, "approval")
    assert ask(world).allowed


def test_a_model_past_its_validity_is_denied(world):
    version = approved(world)
    assert ask(world).allowed
    change(world, version.model, valid_until=later(days=-30).date())
    assert {"law-002", "gate-unchanged"} <= failing(ask(world))


def test_actual_use_is_judged(world):
    version = approved(world)
    change(world, version.model, actual_use="Refuses without any human.")
    assert "gate-unchanged" in failing(ask(world))


def test_a_suspension_is_not_signed_away(world):
    version = approved(world)
    deployments.change_authorisation(
        authorisation=Authorisation.objects.get(),
        to=State.SUSPENDED,
        reason="Drift.",
        by=world.rita,
        at=NOW,
    )
    with pytest.raises(approvals.NotOpen, match="suspended"):
        submit(world, version)


def test_an_administrator_cannot_borrow_anybody(world):
    with pytest.raises(access.CannotIssue):
        access.issue_token(name="x", user=world.rita, by=world.adam, at=NOW)
    with pytest.raises(access.CannotIssue):
        access.issue_token(name="x", role=Role.RISK_MANAGER, by=world.adam, at=NOW)
    with pytest.raises(roles.RoleConflict):
        roles.grant(user=world.adam, role=Role.OWNER, by=world.adam, at=NOW)


def test_machines_neither_assess_nor_reinstate(world):
    approved(world)
    machine = User.objects.create(username="bot", is_machine=True)
    roles.grant(user=machine, role=Role.RISK_MANAGER, by=access.system_user(), at=NOW)
    facts = {
        "authorisation": Authorisation.objects.get(),
        "reason": "Alarm.",
        "by": machine,
        "at": NOW,
    }
    deployments.change_authorisation(to=State.SUSPENDED, **facts)
    with pytest.raises(roles.NotAllowed, match="person"):
        deployments.change_authorisation(to=State.ACTIVE, **facts)


@pytest.mark.parametrize(
    "evidence_line",
    [
        "{type: performance_report, at_least: 0.7}",
        "{type: performance_report, measurement: roc_auc}",
        "{type: performance_report, measurement: a, at_least: 0.1, at_most: 0.2}",
        "{type: signature_event, quorum: []}",
        "{type: signature_event, quorum: [{meaning: approval, roles: [x], count: 1}]}",
        "{type: approval, max_days: {T1: 1}}",
    ],
)
def test_a_pack_that_no_gate_could_evaluate_is_not_published(db, evidence_line):
    text = policy.FIRST_POLICY.read_text("utf-8")
    line = next(part for part in text.splitlines() if "roc_auc" in part)
    assert policy.parse(text).rules
    with pytest.raises(policy.InvalidPack):
        policy.parse(text.replace(line, f"  - {evidence_line}"))


def test_digest_and_version_must_fit_each_other(world):
    approved(world)
    digest = world.artifact().sha256
    wrong = Question(version="99", digest=digest, environment="production")
    assert "gate-version" in failing(ask(world, wrong))
    right = Question(digest=f"sha256:{digest.upper()}", environment="production")
    assert ask(world, right).allowed


def test_an_upload_brings_back_lost_bytes(world):
    lost = world.artifact()
    artifacts.default_storage.delete(lost.storage_name)
    again = world.artifact()
    assert again == lost
    with artifacts.default_storage.open(lost.storage_name) as file:
        assert file.read() == LIGHTGBM

"""Minor changes inside an approved plan: the light path, and all ways around it."""

import psycopg
import pytest
from django.db import ProgrammingError

from governance import approvals, changing, planned, records, roles, suspensions
from governance.case import Case
from governance.models import (
    Authorisation,
    AuthorisationChange,
    ChangePlan,
    RecordSignature,
)
from registry.models import ModelVersion, RegisteredModel
from tests.governance.change_stage import (
    PROOF,
    authorised,
    changed,
    committee,
    filed,
    full,
    light,
    made,
    planned_base,
    submitted,
)
from tests.world import GOOD, NOW, World, later, log_verified

WORSE = {**GOOD, "performance": [("roc_auc", "", 0.77)]}


def outside(world, version, at=NOW):
    """The names of what stands against the light path; none is inside."""
    found = Case(version, world.production, at).change
    return {limit.name for limit in found.limits if not limit.passed}


def needs_everybody(world, version, at=NOW):
    """A validator and one approver are not enough, the full quorum is."""
    request = light(world, submitted(world, version, at), at)
    assert not authorised(version)
    approvals.sign(
        request=request,
        meaning="approval",
        proof=PROOF,
        by=world.cora,
        at=at,
    )
    return authorised(version)


def test_a_minor_change_inside_its_plan_needs_a_validator_and_one_approver(world):
    plan = planned_base(world)
    version = changed(world, plan)
    assert outside(world, version) == set()
    request = light(world, submitted(world, version))
    assert authorised(version)
    assert plan.subject_sha256 in request.signatures.first().statement


def test_without_a_change_record_the_full_quorum_signs(world):
    plan = planned_base(world)
    assert needs_everybody(world, made(world, plan.version.model, "2"))


def test_who_approves_the_version_signs_that_they_approve_its_plan(world):
    plan = planned_base(world)
    for row in plan.version.approval_requests.get().signatures.all():
        assert plan.subject_sha256 in row.statement


def test_the_owner_signs_the_plan(world):
    plan = planned_base(world)
    row = RecordSignature.objects.get(record_id=plan.pk)
    assert (row.signed_by, row.meaning) == (world.anna, "responsibility")
    assert plan.subject_sha256 in row.statement


def test_one_signature_is_not_enough_on_the_light_path(world):
    version = changed(world, planned_base(world))
    request = submitted(world, version)
    approvals.sign(
        request=request,
        meaning="review",
        proof=PROOF,
        by=world.vera,
        at=NOW,
    )
    assert not authorised(version)


def test_separation_of_duties_holds_on_the_light_path(world):
    version = changed(world, planned_base(world))
    roles.RoleAssignment.objects.create(
        user=world.ben, role="validator", granted_at=NOW
    )
    with pytest.raises(approvals.SameHand):
        approvals.sign(
            request=submitted(world, version),
            meaning="review",
            proof=PROOF,
            by=world.ben,
            at=NOW,
        )


def test_the_light_path_prolongs_nothing(world):
    plan = planned_base(world)
    version = changed(world, plan, at=later(days=100))
    light(world, submitted(world, version, later(days=100)), later(days=100))
    first = Authorisation.objects.get(version=plan.version)
    assert version.authorisations.get().valid_until == first.valid_until


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"method": "neural network"}, "Same algorithm"),
        ({"method": ""}, "Same algorithm"),
        ({"numbers": WORSE}, "roc_auc"),
        ({"numbers": {**GOOD, "performance": [("roc_auc", "", None)]}}, "roc_auc"),
        ({"numbers": {"fairness": GOOD["fairness"]}}, "roc_auc"),
        ({"datasets": []}, "Same data sets"),
    ],
)
def test_anything_outside_the_plan_is_seen(world, more, name):
    version = changed(world, planned_base(world), **more)
    assert name in outside(world, version)
    assert not Case(version, world.production, NOW).on_light_path


def test_another_source_of_data_is_outside(world):
    plan = planned_base(world)
    version = changed(world, plan, datasets=[(world.data("bought"), "training")])
    assert outside(world, version) == {"Same data sets"}
    assert needs_everybody(world, version)


def test_a_measurement_on_other_data_is_outside(world):
    plan = planned_base(world)
    version = changed(world, plan)
    world.measured(version, world.data("flattering"), at=later(hours=1))
    found = outside(world, version, later(hours=2))
    assert found == {"roc_auc", "demographic_parity_difference afam"}


def test_worse_than_its_bounds_needs_everybody(world):
    version = changed(
        world,
        planned_base(world),
        numbers={**GOOD, "performance": [("roc_auc", "", 0.779999)]},
    )
    assert outside(world, version) == {"roc_auc"}
    assert needs_everybody(world, version)


def test_the_plan_of_another_model_covers_nothing(world):
    plan = planned_base(world)
    other = world.model("other")
    world.assessed(other)
    version = made(world, other, "1")
    with pytest.raises(records.Refused, match="another model"):
        changing.record_change(
            version=version,
            plan=plan,
            changed="x",
            reason="x",
            by=world.ben,
            at=NOW,
        )


@pytest.fixture
def robbed(fresh_database, django_db_blocker):
    """A world, and a connection of somebody who owns the database."""
    with django_db_blocker.unblock():
        log_verified()
        with psycopg.connect(fresh_database.superuser_dsn, autocommit=True) as root:
            for table in ("governance_changeplan", "governance_recordsignature"):
                root.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            yield World(), root


def test_a_plan_changed_after_its_approval_covers_nothing(robbed):
    world, root = robbed
    plan = planned_base(world)
    version = changed(world, plan)
    root.execute("UPDATE governance_changeplan SET limits = '[]'")
    version = ModelVersion.objects.get(pk=version.pk)
    assert "Plan as its owner signed it" in outside(world, version)
    assert "Plan approved with its version" in outside(world, version)


def test_a_plan_changed_under_a_granted_change_voids_it(robbed):
    world, root = robbed
    plan = planned_base(world)
    version = changed(world, plan)
    light(world, submitted(world, version))
    case = Case(version, world.production, NOW).as_granted()
    assert case.subject_holds
    root.execute("UPDATE governance_changeplan SET most_changes = 12")
    case = Case(version, world.production, NOW).as_granted()
    assert not case.subject_holds


def test_the_database_keeps_a_plan_as_it_was_filed(world):
    plan = planned_base(world)
    with pytest.raises(ProgrammingError, match="permission denied"):
        ChangePlan.objects.filter(pk=plan.pk).update(most_changes=12)


def test_an_expired_plan_covers_nothing(world):
    plan = planned_base(world, valid_until=later(days=10))
    version = changed(world, plan)
    assert "Plan in force" in outside(world, version, later(days=10))
    with pytest.raises(changing.NotPossible, match="ended"):
        changed(world, plan, "3", at=later(days=10))


def test_a_plan_that_expires_between_two_signatures_voids_the_request(world):
    plan = planned_base(world, valid_until=later(days=10))
    version = changed(world, plan)
    request = submitted(world, version)
    proof = PROOF
    approvals.sign(
        request=request, meaning="review", proof=proof, by=world.vera, at=NOW
    )
    with pytest.raises((approvals.NotOpen, approvals.NoSeat)):
        approvals.sign(
            request=request,
            meaning="approval",
            proof=proof,
            by=world.carl,
            at=later(days=10),
        )
    assert not authorised(version)


def test_what_was_granted_outlives_the_plan(world):
    plan = planned_base(world, valid_until=later(days=10))
    version = changed(world, plan)
    light(world, submitted(world, version))
    case = Case(version, world.production, later(days=20)).as_granted()
    assert case.subject_holds
    assert case.on_light_path


def test_the_light_path_is_open_for_thirty_days(world):
    version = changed(world, planned_base(world))
    assert outside(world, version, later(days=29, hours=23)) == set()
    assert outside(world, version, later(days=30)) == {"Light path open"}


def test_an_ended_plan_covers_nothing(world):
    plan = planned_base(world)
    version = changed(world, plan)
    changing.end_plan(plan=plan, reason="Too wide.", by=world.rita, at=NOW)
    assert outside(world, version) == {"Plan in force"}
    with pytest.raises(changing.NotPossible):
        changing.end_plan(plan=plan, reason="Again.", by=world.rita, at=NOW)


def test_more_changes_than_the_plan_allows_are_refused(world):
    plan = planned_base(world)
    for number in ("2", "3"):
        light(world, submitted(world, changed(world, plan, number)))
    with pytest.raises(changing.NotPossible, match="2 changes"):
        changed(world, plan, "4")


def test_small_steps_do_not_add_up(world):
    """Each step is small against the one before; the bounds are those of version 1."""
    plan = planned_base(world)
    step = {**GOOD, "performance": [("roc_auc", "", 0.79)]}
    light(world, submitted(world, changed(world, plan, "2", numbers=step)))
    step = {**GOOD, "performance": [("roc_auc", "", 0.77)]}
    assert outside(world, changed(world, plan, "3", numbers=step)) == {"roc_auc"}


def test_a_version_of_the_light_path_brings_no_plan_of_its_own(world):
    plan = planned_base(world)
    version = changed(world, plan)
    with pytest.raises(changing.NotPossible, match="none of its own"):
        filed(world, version)


def test_a_version_with_a_plan_falls_under_none(world):
    plan = planned_base(world)
    version = made(world, plan.version.model, "2")
    filed(world, version)
    with pytest.raises(changing.NotPossible, match="plan of its own"):
        changing.record_change(
            version=version, plan=plan, changed="x", reason="x", by=world.ben, at=NOW
        )


def test_a_plan_that_nobody_approved_covers_nothing(world):
    committee(world)
    model = world.model()
    world.assessed(model)
    plan = filed(world, made(world, model, "1"))
    assert "Plan approved with its version" in outside(world, changed(world, plan))


def test_a_plan_filed_while_signers_sign_voids_the_request(world):
    committee(world)
    model = world.model()
    world.assessed(model)
    version = made(world, model, "1")
    request = submitted(world, version)
    filed(world, version)
    with pytest.raises(approvals.NotOpen):
        light(world, request)


def test_a_plan_filed_after_the_approval_is_refused(world):
    plan = planned_base(world)
    with pytest.raises(changing.NotPossible, match="approved already"):
        filed(world, plan.version)


def test_a_stricter_tier_closes_the_light_path(world):
    plan = planned_base(world)
    version = changed(world, plan)
    world.assessed(plan.version.model, 5, 5)
    assert "Tier not stricter" in outside(world, version)


def test_a_prohibited_practice_has_no_light_path(world):
    plan = planned_base(world)
    version = changed(world, plan)
    RegisteredModel.objects.update(ai_act_class="prohibited")
    version.model.refresh_from_db()
    assert "Not prohibited" in outside(world, version)


def test_another_use_than_approved_is_outside(world):
    plan = planned_base(world)
    version = changed(world, plan)
    RegisteredModel.objects.update(expected_use="No clerk looks at it.")
    version.model.refresh_from_db()
    assert "Inventory record as approved" in outside(world, version)


def test_a_suspended_base_closes_the_light_path(world):
    plan = planned_base(world)
    version = changed(world, plan)
    suspensions.change_authorisation(
        authorisation=Authorisation.objects.get(),
        to=AuthorisationChange.State.SUSPENDED,
        reason="x",
        by=world.rita,
        at=NOW,
    )
    assert "Plan approved with its version" in outside(world, version)


def test_a_change_that_was_suspended_closes_the_plan(world):
    plan = planned_base(world)
    light(world, submitted(world, changed(world, plan, "2")))
    version = changed(world, plan, "3")
    suspensions.change_authorisation(
        authorisation=Authorisation.objects.get(version__version="2"),
        to=AuthorisationChange.State.SUSPENDED,
        reason="It refuses everybody.",
        by=world.rita,
        at=NOW,
    )
    assert outside(world, version) == {"No change of this plan suspended or revoked"}


def test_an_unsigned_plan_is_no_plan(robbed):
    world, root = robbed
    plan = planned_base(world)
    version = changed(world, plan)
    root.execute("DELETE FROM governance_recordsignature")
    assert outside(world, version) == {"Plan as its owner signed it"}
    assert planned.digest(plan) == plan.subject_sha256


def test_the_base_itself_was_approved_by_everybody(world):
    plan = planned_base(world)
    again = full(world, submitted(world, made(world, plan.version.model, "2")))
    assert "change" not in again.subject

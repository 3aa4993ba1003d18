"""One human with two accounts, and people who left: neither gets around a rule."""

import pytest

from governance import (
    access,
    approvals,
    assessing,
    breaches,
    challenges,
    conditions,
    deployments,
    emergencies,
    fast_lane,
    persons,
    remedying,
    roles,
    suspensions,
    waiving,
)
from governance.case import Case
from governance.lifecycle import State, state_of
from governance.models import Authorisation, Condition, Draw
from governance.policy.pack import Rule
from governance.requirements.quorum import progress
from governance.signatures import Proof
from registry.models import Role, User
from tests.governance.test_conditions import AUC, TRAFFIC, approve, checkpoint, lane
from tests.governance.test_conditions import asked as asked_gate
from tests.governance.test_duties import sign, submit, tier
from tests.governance.test_emergencies import allow, invoked
from tests.governance.test_emergencies import staged as emergency_stage
from tests.governance.test_findings import resolved, step
from tests.governance.test_gate import approved, ask
from tests.governance.test_waivers import asked, staged
from tests.governance.test_waivers import sign as sign_waiver
from tests.world import LONG_AGO, NOW, PASSWORD, later

PROOF = Proof(password=PASSWORD)


def second(world, first: User, role: Role) -> User:
    """Another account of somebody, known as such."""
    account = access.create_person(
        username=f"{first.username}2",
        first_name="Second",
        last_name="Account",
        email=f"{first.username}2@bank.example",
        unit="",
        password=PASSWORD,
        by=access.system_user(),
    )
    roles.grant(user=account, role=role, by=access.system_user(), at=LONG_AGO)
    same(world, first, account)
    return account


def same(world, a: User, b: User, at=NOW) -> None:
    persons.declare(a=a, b=b, same=True, reason="HR says so.", by=world.cora, at=at)


def test_who_assessed_the_risk_does_not_sign_with_a_second_account(world):
    request = submit(world, world.ready())
    assessor = request.assessment.assessed_by
    sign(request, world.vera)
    with pytest.raises(approvals.SameHand):
        sign(request, second(world, assessor, Role.APPROVER), "approval")


@pytest.mark.parametrize("role", [Role.PLATFORM_ADMIN, Role.AUDITOR, Role.DPO])
def test_the_other_account_of_an_administrator_or_auditor_does_not_sign(world, role):
    request = submit(world, world.ready())
    sign(request, world.vera)
    second(world, world.carl, role)
    with pytest.raises(approvals.SameHand):
        sign(request, world.carl, "approval")


def test_two_signatures_count_once_when_they_turn_out_to_be_of_one_person(world):
    request = submit(world, tier(world, 2))
    sign(request, world.vera)
    sign(request, world.carl, "approval")
    granted = Authorisation.objects.get(request=request)
    assert ask(world).allowed
    same(world, world.vera, world.carl)
    case = Case(granted.version, world.production, NOW).as_granted()
    assert not progress(case).complete
    assert not ask(world).allowed


def test_a_signature_no_longer_counts_when_the_signer_turns_out_to_be_the_owner(world):
    approved(world)
    same(world, world.carl, world.anna)
    assert not ask(world).allowed


def test_who_resolved_a_finding_does_not_close_it_with_a_second_account(world):
    finding = resolved(world)
    with pytest.raises(remedying.SameHand):
        step(remedying.verify, finding, second(world, world.anna, Role.VALIDATOR))


def test_the_developer_does_not_grant_a_waiver_with_a_second_account(world):
    waiver = asked(world, staged(world))
    with pytest.raises(waiving.SameHand):
        sign_waiver(waiver, second(world, world.ben, Role.APPROVER))


def test_a_waiver_is_not_granted_with_the_signature_of_somebody_who_left(world):
    version = staged(world)
    waiver = asked(world, version)
    sign_waiver(waiver, world.carl)
    User.objects.filter(pk=world.carl.pk).update(is_active=False)
    sign_waiver(waiver, world.cora)
    waiver.refresh_from_db()
    assert not hasattr(waiver, "decision")


def test_who_signed_in_the_fast_lane_does_not_review_with_a_second_account(world):
    lane(world, 100)
    checkpoint(later(hours=1))
    fast_lane.draw_all(at=later(hours=2))
    with pytest.raises(fast_lane.CannotReview):
        fast_lane.review(
            draw=Draw.objects.get(),
            confirmed=True,
            reason="Seen.",
            by=second(world, world.carl, Role.APPROVER),
            at=later(days=1),
        )


@pytest.mark.parametrize("who", ["anna", "ben"])
def test_a_second_account_of_the_makers_does_not_agree_to_reinstate(world, who):
    approved(world)
    row = Authorisation.objects.get()
    suspensions.change_authorisation(
        authorisation=row, to=State.SUSPENDED, reason="Drift.", by=world.rita, at=NOW
    )
    with pytest.raises(roles.NotAllowed):
        suspensions.agree(
            authorisation=row,
            comment="",
            proof=PROOF,
            by=second(world, world.people[who], Role.APPROVER),
            at=NOW,
        )


@pytest.mark.parametrize(
    "kind", ["signature_event", "artifact_digest", "prohibited_practice_screening"]
)
def test_no_pack_makes_waivable_what_nobody_may_waive(kind):
    rule = Rule("own-001", {}, {}, (), ({"type": kind},), "block", frozenset({1}), "")
    assert not rule.may_be_waived
    own = Rule(
        "own-002",
        {},
        {},
        (),
        ({"type": kind}, {"type": "test_report"}),
        "block",
        frozenset({1}),
        "deploy",
        waivable=True,
    )
    assert not own.may_be_waived


def test_a_residual_risk_counts_only_when_its_reduction_is_signed(world):
    version = world.version(world.model())
    assessing.assess(
        model=version.model,
        likelihood=4,
        impact=4,
        residual_likelihood=1,
        residual_impact=1,
        rationale="Wrong refusals harm households.",
        mitigations="A clerk decides.",
        by=world.rita,
        at=NOW,
    )
    case = Case(version, world.production, NOW)
    known = case.values(frozenset({"inherent.score", "residual.score"}))
    assert known == {"inherent.score": 16, "residual.score": 16}


def test_a_breach_that_a_machine_reports_suspends_by_itself(world):
    granted = approve(world, TRAFFIC)
    token, _secret = access.issue_token(
        name="router", role=Role.CI, by=access.system_user(), at=NOW
    )
    breaches.report(
        condition=Condition.objects.get(),
        observed={"percent": 50},
        source="router",
        by=token.user,
        at=NOW,
    )
    assert state_of(granted) == State.SUSPENDED


def test_a_permit_falls_when_a_measurement_breaks_the_condition(world):
    version = world.ready()
    granted = approve(world, AUC, version=version)
    permit = asked_gate(world)
    facts = {
        "version": version,
        "environment": world.production,
        "artifact_sha256": granted.artifact_sha256,
        "permit_id": str(permit.pk),
        "by": world.ola,
    }
    assert deployments.record(at=NOW, **facts).authorised
    data = version.evidence_runs.first().dataset_version
    auc = {"performance": [("roc_auc", "", 0.75)]}
    world.measured(version, data, auc, at=later(hours=1))
    assert conditions.breached(granted, at=later(hours=2))
    assert not deployments.record(at=later(hours=2), **facts).authorised


def test_a_permit_of_break_glass_falls_when_the_environment_allows_none(world):
    version = emergency_stage(world)
    emergency = invoked(world, version)
    given = emergencies.confirm(emergency=emergency, proof=PROOF, by=world.rita, at=NOW)
    assert emergencies.stands(given, at=later(hours=1))
    allow(world, allowed=False)
    assert not emergencies.stands(given, at=later(hours=1))


def test_an_emergency_that_was_not_justified_ends_with_its_review(world):
    version = emergency_stage(world)
    emergency = invoked(world, version)
    given = emergencies.confirm(emergency=emergency, proof=PROOF, by=world.rita, at=NOW)
    emergencies.review(
        emergency=emergency,
        judgement=emergencies.Judgement(
            justified=False, root_cause="Haste.", corrective_action="A talk."
        ),
        proof=PROOF,
        by=world.cora,
        at=later(hours=1),
    )
    given.refresh_from_db()
    assert emergencies.ends_at(given) == later(hours=1)


def test_a_second_account_of_the_dissenter_overrides_nothing(world):
    request = submit(world, world.ready())
    against = challenges.dissent(
        request=request, reason="Too thin.", by=world.carl, at=NOW
    )
    account = second(world, world.carl, Role.EXECUTIVE)
    with pytest.raises(roles.NotAllowed, match="of somebody else"):
        challenges.override(
            dissent=against, reason="A pilot.", proof=PROOF, by=account, at=NOW
        )


@pytest.mark.parametrize("who", ["anna", "ben"])
def test_a_second_account_of_the_makers_neither_challenges_nor_sends_back(world, who):
    request = submit(world, world.ready())
    account = second(world, world.people[who], Role.VALIDATOR)
    with pytest.raises(roles.NotAllowed, match="not independent"):
        challenges.dissent(request=request, reason="Too thin.", by=account, at=NOW)
    with pytest.raises(approvals.SameHand, match="cannot send it back"):
        approvals.request_changes(
            request=request, reason="Too thin.", by=account, at=NOW
        )

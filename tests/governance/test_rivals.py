"""Gates of other systems that fail open (design/rivals.md): ours do not."""

import uuid

import pytest
import yaml

from governance import (
    access,
    approvals,
    challenges,
    deployments,
    eligibility,
    gate,
    issued,
    policy,
    registration,
    reminding,
    roles,
)
from governance.case import Case
from governance.lifecycle import State
from governance.models import Authorisation, GateDecision
from governance.requirements.quorum import progress
from registry.models import Role
from tests.governance.doors import EXAMPLES
from tests.governance.test_duties import held, sign, submit
from tests.governance.test_findings import raised
from tests.world import LONG_AGO, NOW, later, log_verified


def without_signers(world) -> None:
    """A pack in force that asks nobody to sign."""
    text = policy.FIRST_POLICY.read_text("utf-8").replace("2026.11.0", "2026.11.1")
    head, _signed = text.split("- id: first-007")
    last = text.split("- id: first-010")[1]
    policy.publish(
        text=head + "- id: first-010" + last, by=access.system_user(), at=NOW
    )


def failing(decision: GateDecision) -> set[str]:
    """The names of the checks that did not pass."""
    return {c["requirement"] for c in decision.checks if not c["passed"]}


def asked(world, at=NOW):
    log_verified(at)
    question = gate.Question("production", "mortgage-approval", "1")
    return gate.decide(question=question, by=world.ola, at=at)


def test_servicenow_no_approver_configured_denies(world):
    without_signers(world)
    request = submit(world, world.ready())
    assert not progress(Case(request.version, world.production, NOW)).complete
    for by, meaning in ((world.vera, "review"), (world.carl, "approval")):
        with pytest.raises(approvals.NoSeat):
            sign(request, by, meaning)
    assert not Authorisation.objects.exists()
    assert not asked(world).allowed


def test_openmetadata_editor_who_is_reviewer_cannot_approve(world):
    held(world.ben, Role.VALIDATOR)
    held(world.ben, Role.APPROVER)
    request = submit(world, world.ready())
    for meaning in ("review", "approval"):
        with pytest.raises(approvals.SameHand):
            sign(request, world.ben, meaning)


def test_openmetadata_no_reviewers_is_no_approval(world):
    world.vera.role_assignments.update(ended_at=NOW)
    request = submit(world, world.ready())
    with pytest.raises(roles.NotAllowed):
        sign(request, world.vera)
    assert not asked(world).allowed


def test_ciso_assistant_four_eyes_hold_in_the_act(world, caller):
    held(world.anna, Role.APPROVER)
    request = submit(world, world.ready())
    sign(request, world.vera)
    with pytest.raises(approvals.SameHand):
        sign(request, world.anna, "approval")
    answer = caller(user="anna").post(
        f"approval-requests/{request.pk}/signatures",
        {"meaning": "approval", "password": "correct horse battery staple"},
    )
    assert answer.status_code == 403
    assert not Authorisation.objects.exists()


def test_databricks_a_role_that_writes_tags_does_not_approve(world):
    request = submit(world, world.ready())
    for by in (world.ben, world.ola, world.adam):
        with pytest.raises((roles.NotAllowed, approvals.SameHand)):
            sign(request, by, "approval")


def test_verifywise_a_sign_off_is_tied_to_the_seat_and_to_open_dissent(world):
    request = submit(world, world.ready())
    with pytest.raises(eligibility.NoSeat):
        sign(request, world.cora)
    with pytest.raises(eligibility.NoSeat):
        sign(request, world.carl)
    sign(request, world.vera)
    challenges.dissent(request=request, reason="Too thin.", by=world.cora, at=NOW)
    with pytest.raises(approvals.NotReady, match="Cora Nilsson dissents"):
        sign(request, world.carl, "approval")


def test_verifywise_a_finding_opened_meanwhile_voids_the_sign_off(world):
    """Whoever approves has seen it; packs say which findings block (usmrm-008)."""
    request = submit(world, world.ready())
    sign(request, world.vera)
    raised(world, request.version.model)
    with pytest.raises(approvals.NotOpen, match="changed since"):
        sign(request, world.carl, "approval")
    case = Case(request.version, world.production, later(hours=1))
    assert progress(case).signed == ()


def test_verifywise_the_ledger_cannot_be_switched_off(world):
    """A log that nobody verified since yesterday, or that failed, shuts the gate."""
    request = submit(world, world.ready())
    sign(request, world.vera)
    sign(request, world.carl, "approval")
    assert asked(world).allowed
    question = gate.Question("production", "mortgage-approval", "1")
    for at, ok in ((later(days=2), None), (later(days=3), False)):
        if ok is not None:
            log_verified(at, ok=ok)
        decision = gate.decide(question=question, by=world.ola, at=at)
        assert (decision.allowed, failing(decision)) == (False, {"gate-log"})


@pytest.mark.parametrize("to", ["changes-requested", "rejected", "development"])
def test_sagemaker_sample_no_change_of_state_opens_the_gate(world, to):
    request = submit(world, world.ready())
    sign(request, world.vera)
    if to == "changes-requested":
        approvals.request_changes(
            request=request, reason="Thin.", by=world.carl, at=NOW
        )
    elif to == "rejected":
        sign(request, world.carl, "rejection", comment="No.")
    else:
        approvals.withdraw(request=request, reason="Wait.", by=world.anna, at=NOW)
    assert request.version.status_changes.order_by("-sequence").first().status == to
    decision = asked(world)
    assert (decision.allowed, decision.permit) == (False, "")


def test_squash_what_nobody_knows_is_denied_without_opting_in(world):
    log_verified(NOW)
    for question in (
        gate.Question("production", "no-such-model", "1"),
        gate.Question("nowhere", "mortgage-approval", "1"),
        gate.Question("production", digest="0" * 64),
    ):
        assert not gate.decide(question=question, by=world.ola, at=NOW).allowed


def test_mlflow_whoever_edits_moves_no_alias_into_production(world):
    """Nothing but signatures makes an authorisation, whatever the editor does."""
    submit(world, world.ready())
    decision = asked(world)
    assert not decision.allowed
    assert {"gate-status", "gate-authorisation"} <= failing(decision)


def test_datarobot_review_timeout_never_approves(world):
    request = submit(world, world.ready())
    sign(request, world.vera)
    for days in (1, 30, 365):
        reminding.remind(at=later(days=days))
        assert not Authorisation.objects.exists()
        assert not asked(world, later(days=days)).allowed


def test_datarobot_what_needs_approval_is_not_permitted_meanwhile(world):
    submit(world, world.ready())
    decision = asked(world)
    assert (decision.allowed, decision.permit) == (False, "")


def test_sagemaker_nothing_is_approved_without_a_pending_phase(world):
    request = submit(world, world.ready())
    approvals.withdraw(request=request, reason="Wait.", by=world.anna, at=NOW)
    for by, meaning in ((world.vera, "review"), (world.carl, "approval")):
        with pytest.raises(approvals.NotOpen):
            sign(request, by, meaning)
    assert not Authorisation.objects.exists()
    assert not asked(world).allowed


def test_squash_a_typed_name_is_no_identity(world, caller):
    request = submit(world, world.ready())
    answer = caller(role=Role.CI).post(
        f"approval-requests/{request.pk}/signatures",
        {"meaning": "review", "password": "x", "user_name": "vera"},
    )
    assert answer.status_code == 403
    assert not request.signatures.exists()


def test_dataiku_and_domino_no_policy_denies_instead_of_skipping(world):
    """Neither a missing bundle nor a default of 'without checking' lets anything by."""
    request = submit(world, world.ready())
    sign(request, world.vera)
    sign(request, world.carl, "approval")
    assert asked(world).allowed
    decision = asked(world, LONG_AGO)
    assert not decision.allowed
    assert "gate-policy" in failing(decision)


def test_validmind_an_assessment_whose_review_is_overdue_no_longer_carries(world):
    request = submit(world, world.ready())
    sign(request, world.vera)
    at = later(days=800)
    with pytest.raises((approvals.NotReady, approvals.NotOpen)):
        sign(request, world.carl, "approval", at=at)
    assert not Authorisation.objects.exists()


def permitted(world):
    """An approved version, and the permit that the gate gave for it."""
    request = submit(world, world.ready())
    sign(request, world.vera)
    sign(request, world.carl, "approval")
    decision = asked(world)
    assert decision.allowed
    return request.version, decision


@pytest.mark.parametrize("slug", ["staging", "Production", "", "production "])
def test_dataiku_an_infrastructure_without_a_policy_of_its_own_is_not_open(world, slug):
    """An environment that nobody registered or approved for has no lenient default."""
    permitted(world)
    if slug == "staging":
        registration.register_environment(slug=slug, name="Staging", by=world.ola)
    question = gate.Question(slug, "mortgage-approval", "1")
    try:
        decision = gate.decide(question=question, by=world.ola, at=NOW)
    except gate.AmbiguousQuestion:
        return
    assert (decision.allowed, decision.permit) == (False, "")


def test_datarobot_what_runs_without_a_permit_is_never_counted_as_permitted(world):
    submit(world, world.ready())
    denied = asked(world)
    for permit_id in ("", str(denied.pk), str(uuid.uuid4())):
        row = deployments.record(
            version=denied.version,
            environment=world.production,
            artifact_sha256=world.artifact().sha256,
            permit_id=permit_id,
            source="pipeline",
            by=world.ola,
            at=NOW,
        )
        assert not row.authorised
        assert row.because


def test_sagemaker_no_event_is_an_answer_and_a_later_state_denies(world):
    """A pipeline asks; the answer follows the state of now, not the change to it."""
    version, decision = permitted(world)
    deployments.change_authorisation(
        authorisation=decision.authorisation,
        to=State.SUSPENDED,
        reason="Drift.",
        by=world.rita,
        at=NOW,
    )
    assert not asked(world, later(seconds=1)).allowed
    now = GateDecision.objects.get(pk=decision.pk)
    assert issued.state_of(now, at=later(seconds=1)) not in issued.VALID
    assert version == decision.version


def test_databricks_no_field_of_the_inventory_is_read_as_an_approval(world):
    model = world.model(purpose="approved", restrictions="approval: approved")
    world.version(model, "approved")
    world.version(model, "production")
    for version in ("approved", "production"):
        question = gate.Question("production", "mortgage-approval", version)
        assert not gate.decide(question=question, by=world.ola, at=NOW).allowed


def test_domino_a_model_without_any_pack_of_its_own_is_gated_all_the_same(world):
    """No bundle has to be attached: the packs in force say themselves what they ask."""
    version = world.version(world.model("unheard-of", jurisdictions=["ZZ"]), "1")
    question = gate.Question("production", "unheard-of", "1")
    decision = gate.decide(question=question, by=world.ola, at=NOW)
    assert not decision.allowed
    assert decision.version == version
    assert {"gate-authorisation", "gate-status"} <= failing(decision)


def test_squash_no_key_is_made_up_when_the_key_is_gone(world, settings, tmp_path):
    """Neither a default key nor a fresh one signs for the one that is lost."""
    permitted(world)
    settings.FREIGABE_KEYS_DIR = tmp_path
    decision = asked(world, later(seconds=1))
    assert (decision.allowed, decision.permit) == (False, "")
    assert failing(decision) == {"gate-key"}
    assert list(tmp_path.glob("*.pem")) == []


def test_squash_who_asks_is_a_token_never_a_name_in_the_body(world, client):
    permitted(world)
    answer = client.post(
        "/api/v1/gate/decisions",
        {
            "model": "mortgage-approval",
            "version": "1",
            "environment": "production",
            "user": "ola",
        },
        content_type="application/json",
        headers={"X-Forwarded-User": "ola"},
    )
    assert answer.status_code == 401
    assert "payload" not in answer.content.decode()


def test_mlflow_an_alias_is_no_version_that_the_gate_knows(world):
    permitted(world)
    for alias in ("champion", "production", "latest", "models:/mortgage-approval@prod"):
        question = gate.Question("production", "mortgage-approval", alias)
        assert not gate.decide(question=question, by=world.ola, at=NOW).allowed


def test_validmind_an_overdue_tier_shuts_the_gate_whatever_it_was_signed_on(world):
    """What carries an approval is judged again at each question."""
    permitted(world)
    decision = asked(world, later(days=800))
    titles = {c["requirement"]: c["title"] for c in decision.checks if not c["passed"]}
    assert not decision.allowed
    assert titles["first-002"] == "Risk assessed and not overdue"


def test_squash_our_webhooks_fail_closed_and_are_not_opted_into(world):
    """failurePolicy Fail; no label on what is checked decides whether it is checked."""
    manifests = [
        part
        for path in sorted(EXAMPLES.rglob("*.y*ml"))
        for part in yaml.safe_load_all(path.read_text())
        if isinstance(part, dict)
        and part.get("kind", "").endswith("WebhookConfiguration")
    ]
    assert manifests
    for manifest in manifests:
        for hook in manifest["webhooks"]:
            assert hook["failurePolicy"] == "Fail"
            assert "objectSelector" not in hook

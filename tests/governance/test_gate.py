"""The gate denies unless everything says yes."""

import json

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from audits import dsse
from governance import (
    approvals,
    deployments,
    gate,
    lifecycle,
    permit,
    registration,
    roles,
)
from governance.gate import Question
from governance.lifecycle import State
from governance.models import Authorisation, GateDecision, PolicyPack
from registry.models import Scope
from tests.governance.test_approvals import sign, submit
from tests.world import NOW, World, later, log_verified

ASKED = Question(model="mortgage-approval", version="1", environment="production")


def approved(world: World, **more):
    request = submit(world, world.ready(), **more)
    sign(request, world.vera, "review")
    sign(request, world.carl, "approval")
    return request.version


def ask(world: World, question=ASKED, at=NOW) -> GateDecision:
    return gate.decide(question=question, by=world.ola, at=at)


def failing(decision: GateDecision) -> set[str]:
    return {c["requirement"] for c in decision.checks if not c["passed"]}


def test_an_approved_version_gets_a_permit_bound_to_file_place_and_time(world):
    approved(world)
    decision = ask(world)
    assert decision.allowed, failing(decision)
    key = load_pem_public_key(permit.public_pem(permit.gate_key()).encode())
    envelope = json.loads(decision.permit)
    statement = json.loads(dsse.verify(envelope, {"gate": key}))
    assert statement["subject"][0]["digest"]["sha256"] == world.artifact().sha256
    assert statement["predicate"]["environment"] == "production"
    assert statement["predicate"]["valid_until"] == later(hours=24).isoformat()
    assert statement["predicate"]["decision_id"] == str(decision.pk)


def test_every_check_names_what_was_observed_why_and_what_next(world):
    world.ready()
    for check in ask(world).checks:
        assert check["title"], check
        assert check["observed"], check
        assert check["because"], check
        assert check["passed"] or check["next_step"], check


@pytest.mark.parametrize(
    ("question", "requirement"),
    [
        (
            Question(model="unknown", version="1", environment="production"),
            "gate-version",
        ),
        (
            Question(model="mortgage-approval", version="9", environment="production"),
            "gate-version",
        ),
        (
            Question(model="mortgage-approval", version="1", environment="mars"),
            "gate-environment",
        ),
        (
            Question(digest="sha256:" + "a" * 64, environment="production"),
            "gate-version",
        ),
        (
            Question(
                model="mortgage-approval",
                version="1",
                digest="a" * 64,
                environment="production",
            ),
            "gate-digest",
        ),
    ],
)
def test_the_unknown_is_denied_and_recorded(world, question, requirement):
    approved(world)
    decision = ask(world, question)
    assert not decision.allowed
    assert requirement in failing(decision)
    assert GateDecision.objects.filter(pk=decision.pk, permit="").exists()


def test_the_digest_alone_finds_the_version(world):
    approved(world)
    digest = f"sha256:{world.artifact().sha256}"
    assert ask(world, Question(digest=digest, environment="production")).allowed


def test_a_version_without_signatures_is_denied_with_the_next_step(world):
    world.ready()
    decision = ask(world)
    assert {"gate-authorisation", "gate-status", "first-008"} <= failing(decision)
    unsigned = next(c for c in decision.checks if c["requirement"] == "first-008")
    assert unsigned["observed"] == "0 of 2 signatures"


def test_an_expired_authorisation_is_denied(world):
    approved(world, valid_until=later(hours=1))
    log_verified(later(hours=2))
    decision = ask(world, at=later(hours=2))
    assert "gate-authorisation" in failing(decision)


def test_a_permit_never_outlives_its_authorisation(world):
    approved(world, valid_until=later(hours=1))
    assert ask(world).expires_at == later(hours=1)


@pytest.mark.parametrize("state", [State.SUSPENDED, State.REVOKED])
def test_a_stopped_authorisation_is_denied(world, state):
    approved(world)
    deployments.change_authorisation(
        authorisation=Authorisation.objects.get(),
        to=state,
        reason="Drift.",
        by=world.rita,
        at=NOW,
    )
    assert "gate-authorisation" in failing(ask(world))


def test_a_revoked_authorisation_never_comes_back(world):
    approved(world)
    authorisation = Authorisation.objects.get()
    change = {
        "authorisation": authorisation,
        "reason": "Harm.",
        "by": world.rita,
        "at": NOW,
    }
    deployments.change_authorisation(to=State.REVOKED, **change)
    with pytest.raises(deployments.CannotChange):
        deployments.change_authorisation(to=State.ACTIVE, **change)


def test_a_changed_record_is_denied_after_approval(world):
    version = approved(world)
    registration.change_inventory(
        model=version.model, limitations="None at all.", by=world.anna, at=NOW
    )
    assert "gate-unchanged" in failing(ask(world))


def test_a_request_for_another_environment_or_a_renewal_leaves_the_gate_open(world):
    version = approved(world)
    staging = registration.register_environment(
        slug="staging", name="Staging", by=world.ola
    )
    for environment in (staging, world.production):
        approvals.submit(
            version=version, environment=environment, by=world.anna, at=NOW
        )
    assert ask(world).allowed
    denied = Question(model="mortgage-approval", version="1", environment="staging")
    assert "gate-authorisation" in failing(ask(world, denied))


def test_a_rejection_elsewhere_leaves_the_gate_open(world):
    version = approved(world)
    staging = registration.register_environment(
        slug="staging", name="Staging", by=world.ola
    )
    request = approvals.submit(
        version=version, environment=staging, by=world.anna, at=NOW
    )
    sign(request, world.carl, "rejection", comment="Not needed there.")
    assert ask(world).allowed


def test_a_suspension_in_one_environment_leaves_the_other_open(world):
    version = approved(world)
    staging = registration.register_environment(
        slug="staging", name="Staging", by=world.ola
    )
    request = approvals.submit(
        version=version, environment=staging, by=world.anna, at=NOW
    )
    sign(request, world.vera, "review")
    sign(request, world.carl, "approval")
    deployments.change_authorisation(
        authorisation=Authorisation.objects.get(environment=staging),
        to=State.SUSPENDED,
        reason="Drift.",
        by=world.rita,
        at=NOW,
    )
    assert ask(world).allowed
    elsewhere = Question(model="mortgage-approval", version="1", environment="staging")
    assert failing(ask(world, elsewhere)) == {"gate-authorisation"}


@pytest.mark.parametrize(("auc", "allowed"), [(0.8, True), (0.6, False)])
def test_newer_evidence_shuts_the_gate_only_when_it_fails_a_rule(world, auc, allowed):
    version = approved(world)
    data = version.evidence_runs.first().dataset_version
    world.measured(
        version, data, {"performance": [("roc_auc", "", auc)]}, later(hours=1)
    )
    assert ask(world, at=later(hours=2)).allowed is allowed


def test_a_retired_version_is_denied(world):
    version = approved(world)
    lifecycle.move(version=version, to=lifecycle.Status.RETIRED, by=world.anna, at=NOW)
    assert "gate-status" in failing(ask(world))


def test_a_higher_tier_after_approval_is_denied(world):
    version = approved(world)
    world.assessed(version.model, 5, 5)
    assert "gate-unchanged" in failing(ask(world))


def test_evidence_expires(world):
    approved(world)
    log_verified(later(days=366))
    assert {"first-003", "gate-authorisation"} <= failing(
        ask(world, at=later(days=366))
    )


@pytest.mark.parametrize("ok", [True, False])
def test_a_log_that_fails_or_was_not_verified_lately_shuts_the_gate(world, ok):
    approved(world)
    at = later(hours=25) if ok else NOW
    log_verified(NOW, ok=ok)
    assert failing(ask(world, at=at)) == {"gate-log"}


def test_a_missing_key_denies_instead_of_failing(world, settings, tmp_path):
    approved(world)
    (tmp_path / "gate.pem").write_text("no key")
    (tmp_path / "gate.pem").chmod(0o600)
    settings.FREIGABE_KEYS_DIR = tmp_path
    assert failing(ask(world)) == {"gate-key"}


def test_without_a_policy_in_force_nothing_passes(world):
    approved(world)
    before = PolicyPack.objects.get().effective_from
    decision = ask(world, at=before.replace(year=2000))
    assert "gate-policy" in failing(decision)


def test_readiness_records_nothing(world):
    approved(world)
    _case, checks = gate.examine(ASKED, by=world.ola, at=NOW)
    assert all(check.passed for check in checks)
    assert not GateDecision.objects.exists()


def test_a_question_that_names_too_little_is_refused(world):
    with pytest.raises(gate.AmbiguousQuestion):
        ask(world, Question(environment="production", model="mortgage-approval"))


def test_a_token_asks_for_its_own_models_only(world):
    approved(world)
    world.ola.scope = Scope("fraud-*")
    with pytest.raises(roles.NotAllowed, match="fraud"):
        ask(world)
    with pytest.raises(roles.NotAllowed):
        ask(world, Question(digest=world.artifact().sha256, environment="production"))


def test_a_deployment_with_permit_is_authorised_and_without_is_not(world):
    version = approved(world)
    facts = {
        "version": version,
        "environment": world.production,
        "artifact_sha256": world.artifact().sha256,
        "by": world.ola,
    }
    with_permit = deployments.record(permit_id=str(ask(world).pk), at=NOW, **facts)
    assert with_permit.authorised
    without = deployments.record(at=NOW, **facts)
    assert (without.authorised, without.because) == (False, "No permit was named.")
    late = deployments.record(permit_id=str(ask(world).pk), at=later(hours=25), **facts)
    assert late.because == "The permit has expired."

"""Submitting and signing: who may, when, and what it leads to."""

import pytest

from audits.models import EvidenceRun
from governance import approvals, lifecycle, registration, roles, signatures
from governance.models import Authorisation, Signature, SignatureAttempt, Status
from registry.models import Role
from tests.world import GOOD, NOW, PASSWORD, World, later


def submit(world: World, version, **more):
    return approvals.submit(
        version=version, environment=world.production, by=world.anna, at=NOW, **more
    )


def sign(request, by, meaning, at=NOW, password=PASSWORD, comment=""):
    return approvals.sign(
        request=request,
        meaning=meaning,
        proof=signatures.Proof(password=password),
        by=by,
        at=at,
        comment=comment,
    )


def test_the_quorum_of_tier_2_authorises(world):
    request = submit(world, world.ready())
    sign(request, world.vera, "review")
    assert not Authorisation.objects.exists()
    sign(request, world.carl, "approval")
    found = Authorisation.objects.get()
    assert found.artifact_sha256 == world.artifact().sha256
    assert (found.valid_until - found.valid_from).days == 365
    assert lifecycle.status_of(request.version) == Status.APPROVED


def test_a_pilot_ends_when_asked(world):
    request = submit(world, world.ready(), valid_until=later(days=3))
    sign(request, world.vera, "review")
    sign(request, world.carl, "approval")
    assert Authorisation.objects.get().valid_until == later(days=3)


def test_developer_cannot_sign_own_version(world):
    roles.RoleAssignment.objects.create(
        user=world.ben, role=Role.VALIDATOR, granted_at=NOW
    )
    request = submit(world, world.ready())
    with pytest.raises(approvals.SameHand, match="Ben Moreau"):
        sign(request, world.ben, "review")


def test_owner_cannot_sign(world):
    roles.RoleAssignment.objects.create(
        user=world.anna, role=Role.APPROVER, granted_at=NOW
    )
    request = submit(world, world.ready())
    with pytest.raises(approvals.SameHand):
        sign(request, world.anna, "approval")


def test_nobody_signs_twice(world):
    roles.RoleAssignment.objects.create(
        user=world.vera, role=Role.APPROVER, granted_at=NOW
    )
    request = submit(world, world.ready())
    sign(request, world.vera, "review")
    with pytest.raises(approvals.SameHand, match="signed already"):
        sign(request, world.vera, "approval")


def test_a_machine_cannot_sign(world):
    world.vera.is_machine = True
    world.vera.save()
    with pytest.raises(approvals.SameHand, match="machine"):
        sign(submit(world, world.ready()), world.vera, "review")


def test_the_wrong_role_finds_no_seat(world):
    request = submit(world, world.ready())
    with pytest.raises(approvals.NoSeat):
        sign(request, world.cora, "approval")
    with pytest.raises(roles.NotAllowed):
        sign(request, world.ola, "approval")


def test_a_signer_without_role_any_more_no_longer_counts(world):
    request = submit(world, world.ready())
    sign(request, world.vera, "review")
    world.vera.role_assignments.update(ended_at=later(hours=1))
    sign(request, world.carl, "approval", at=later(hours=2))
    assert not Authorisation.objects.exists()


def test_a_wrong_password_signs_nothing_and_is_kept(world):
    request = submit(world, world.ready())
    with pytest.raises(signatures.WrongPassword):
        sign(request, world.vera, "review", password="guess")  # noqa: S106
    assert not Signature.objects.exists()
    assert SignatureAttempt.objects.get().attempted_by == world.vera


def test_five_failures_lock_the_signer_out_for_a_while(world):
    request = submit(world, world.ready())
    for _ in range(5):
        with pytest.raises(signatures.WrongPassword):
            sign(request, world.vera, "review", password="guess")  # noqa: S106
    with pytest.raises(signatures.LockedOut):
        sign(request, world.vera, "review")
    sign(request, world.vera, "review", at=later(minutes=16))


def test_new_evidence_voids_what_was_signed(world):
    version = world.ready()
    request = submit(world, version)
    sign(request, world.vera, "review")
    world.measured(
        version,
        EvidenceRun.objects.get(version=version, kind="performance").dataset_version,
        {"performance": [("roc_auc", "", 0.9)]},
        at=later(seconds=1),
    )
    with pytest.raises(approvals.NotOpen, match="changed since"):
        sign(request, world.carl, "approval", at=later(minutes=1))


def test_a_changed_intended_use_voids_what_was_signed(world):
    version = world.ready()
    request = submit(world, version)
    registration.change_inventory(
        model=version.model, expected_use="Decides alone.", by=world.anna, at=NOW
    )
    with pytest.raises(approvals.NotOpen, match="changed since"):
        sign(request, world.vera, "review")


def test_approval_needs_the_evidence_of_the_tier(world):
    model = world.model()
    version = world.version(model)
    world.measured(
        version,
        world.data(),
        {
            **GOOD,
            "fairness": [
                ("demographic_parity_difference", "afam", 0.4),
                ("equal_opportunity_difference", "afam", 0.04),
            ],
        },
    )
    world.assessed(model)
    request = submit(world, version)
    sign(request, world.vera, "review")
    with pytest.raises(approvals.NotReady) as caught:
        sign(request, world.carl, "approval")
    assert [c.requirement for c in caught.value.checks] == ["first-004"]
    assert "0.400" in caught.value.checks[0].observed


def test_a_measurement_that_is_not_estimable_never_passes(world):
    model = world.model()
    version = world.version(model)
    numbers = {
        **GOOD,
        "fairness": [
            ("demographic_parity_difference", "afam", None),
            ("equal_opportunity_difference", "afam", 0.04),
        ],
    }
    world.measured(version, world.data(), numbers)
    world.assessed(model)
    request = submit(world, version)
    with pytest.raises(approvals.NotReady) as caught:
        sign(request, world.carl, "approval")
    assert "not estimable" in caught.value.checks[0].observed


def test_a_version_without_assessment_cannot_be_submitted(world):
    version = world.version(world.model())
    with pytest.raises(approvals.NotReady) as caught:
        submit(world, version)
    assert "first-002" in [c.requirement for c in caught.value.checks]


def test_only_the_owner_submits(world):
    with pytest.raises(roles.NotAllowed):
        approvals.submit(
            version=world.ready(), environment=world.production, by=world.ben, at=NOW
        )


def test_a_rejection_needs_a_reason_and_ends_the_request(world):
    request = submit(world, world.ready())
    with pytest.raises(approvals.CommentNeeded):
        sign(request, world.carl, "rejection")
    sign(request, world.carl, "rejection", comment="The purpose is unclear.")
    assert lifecycle.status_of(request.version) == Status.REJECTED
    with pytest.raises(approvals.NotOpen):
        sign(request, world.vera, "review")


def test_a_withdrawn_request_cannot_be_signed(world):
    request = submit(world, world.ready())
    approvals.withdraw(request=request, reason="Too early.", by=world.anna, at=NOW)
    with pytest.raises(approvals.NotOpen):
        sign(request, world.vera, "review")


def test_a_signature_copied_to_another_record_is_invalid(world):
    request = submit(world, world.ready())
    signature = sign(request, world.vera, "review")
    assert signatures.record_digest(signature) == signature.record_sha256
    other = submit(world, world.ready("other-model"))
    signature.request = other
    assert signatures.record_digest(signature) != signature.record_sha256


def test_the_statement_names_signer_role_version_and_record(world):
    request = submit(world, world.ready())
    text = sign(request, world.vera, "review").statement
    for part in ("Vera Haas", "Validator", "Mortgage approval", request.subject_sha256):
        assert part in text

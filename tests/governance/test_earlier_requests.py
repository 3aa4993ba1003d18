"""What a Freigabe approved whose signatures covered less: told, and submitted again."""

import json

import pytest
from django.test import Client
from django.utils import translation

from governance.case import Case
from governance.differences import since_submitted
from governance.models import ApprovalRequest, Authorisation
from registry.digests import sha256_hex
from tests.governance.test_approvals import submit
from tests.governance.test_gate import ask
from tests.world import NOW, World, later, log_verified


@pytest.fixture
def earlier(db):
    """A version that an earlier Freigabe authorised, under one pack."""
    log_verified()
    world = World()
    now = submit(world, world.ready())
    judged = json.loads(now.subject)
    (pack,) = judged.pop("packs")
    pack.pop("early_adoption")
    subject = json.dumps({**judged, "pack": pack}, sort_keys=True)
    request = ApprovalRequest.objects.create(
        version=now.version,
        environment=now.environment,
        assessment=now.assessment,
        subject=subject,
        subject_sha256=sha256_hex(subject.encode()),
        requested_by=world.anna,
        requested_at=NOW,
        sequence=2,
    )
    Authorisation.objects.create(
        request=request,
        version=request.version,
        environment=request.environment,
        artifact_sha256=Case(request.version, world.production, NOW).artifact.sha256,
        valid_from=NOW,
        valid_until=later(days=300),
    )
    return world, request


def test_the_gate_denies_and_says_why(earlier):
    world, request = earlier
    decision = ask(world, at=later(minutes=5))
    assert not decision.allowed
    (check,) = (c for c in decision.checks if c["requirement"] == "gate-unchanged")
    assert "has grown with this version" in check["because"]
    assert check["next_step"] == "The owner submits the version again."


def test_its_page_and_its_differences_are_readable(earlier):
    world, request = earlier
    client = Client()
    client.force_login(world.carl)
    answer = client.get(f"/approvals/{request.pk}/")
    assert answer.status_code == 200
    assert request.pack_names in answer.content.decode()
    with translation.override("en"):
        case = Case(request.version, request.environment, later(minutes=5))
        assert {"Policy", "Policies"} <= {d.field for d in since_submitted(case)}

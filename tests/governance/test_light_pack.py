"""The light pack from registration to the gate: two people, what it asks, no more."""

import pytest

from governance import access, declaring, policy, registration
from governance.policy import SHIPPED
from governance.signatures import Proof
from tests.governance.test_approvals import sign, submit
from tests.governance.test_gate import ask, failing
from tests.world import NOW, PASSWORD, World, later, log_verified

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    log_verified()
    made = World()
    text = (SHIPPED / "startup-light.yaml").read_text()
    policy.publish(text=text, by=access.system_user(), at=NOW)
    return made


def declare(world, kind, fields, by, **subject):
    declaring.declare(
        kind=kind,
        fields=fields,
        proof=Proof(password=PASSWORD),
        by=by,
        at=NOW,
        **subject,
    )


def complete(world, likelihood=4, impact=4):
    """A version with everything that the light pack asks before the signatures."""
    model = world.model(affected_people="Applicants.", dpia_required=True)
    data = world.data()
    version = registration.register_version(
        model=model,
        version="1",
        artifacts=[(world.artifact(), "model")],
        datasets=[(data, "test")],
        by=world.ben,
        at=NOW,
    )
    world.measured(version, data)
    world.assessed(model, likelihood, impact)
    declare(
        world,
        "prohibited_practice_screening",
        {"practices": ["a"], "prohibited": False, "reason": "Credit only."},
        world.cora,
        model=model,
    )
    declare(
        world,
        "privacy_note",
        {"ropa_reference": "V-17", "dpia_required": True, "reason": "Scoring."},
        world.anna,
        model=model,
    )
    return version


def test_a_version_with_all_that_the_light_pack_asks_gets_its_permit(world):
    version = complete(world)
    request = submit(world, version)
    sign(request, world.vera, "review")
    sign(request, world.carl, "approval")
    decision = ask(world, at=later(minutes=5))
    assert decision.allowed, failing(decision)
    # Only warnings are left: nobody named a monitoring plan or a way back.
    assert {"lite-010", "lite-011"} <= failing(decision)


def test_a_later_screening_that_finds_a_banned_practice_shuts_the_gate(world):
    version = complete(world)
    request = submit(world, version)
    sign(request, world.vera, "review")
    sign(request, world.carl, "approval")
    declaring.declare(
        kind="prohibited_practice_screening",
        fields={"practices": ["c"], "prohibited": True, "reason": "Social scoring."},
        model=version.model,
        proof=Proof(password=PASSWORD),
        by=world.cora,
        at=later(minutes=1),
    )
    decision = ask(world, at=later(minutes=5))
    assert not decision.allowed
    assert "lite-002" in failing(decision)

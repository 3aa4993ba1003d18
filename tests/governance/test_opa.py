"""The permits that count, as Open Policy Agent reads them: the missing is denied."""

import io
import json
import tarfile
from datetime import timedelta

import pytest
from regopy import Interpreter

from governance import deployments, issued, opa, registration
from governance.lifecycle import State
from governance.models import Authorisation, GateDecision
from governance.plain_yaml import load
from registry.models import Role
from tests.governance.doors import EXAMPLES
from tests.governance.test_gate import approved, ask
from tests.world import NOW, later, log_verified

POLICY = (EXAMPLES / "opa/gate.rego").read_text()


def allows(data: dict, sha256: str, environment: str = "production", at=NOW) -> bool:
    """What the example policy says of a file; undefined is no."""
    engine = Interpreter()
    # The engine's clock is the machine's, the stage's is tomorrow.
    policy = POLICY.replace("time.now_ns()", str(int(at.timestamp()) * 1_000_000_000))
    assert policy != POLICY
    engine.add_module("gate", policy)
    engine.add_data(data)
    engine.set_input({"environment": environment, "sha256": sha256})
    found = json.loads(str(engine.query("x := data.gate.allow")))
    return found.get("bindings", {}).get("x") is True


def document(at=NOW) -> dict:
    return {"freigabe": opa.document(opa.candidates(at), at=at).data}


@pytest.fixture
def permitted(world) -> GateDecision:
    approved(world)
    row = ask(world)
    assert row.allowed
    return row


def test_a_file_with_a_permit_is_allowed_where_it_was_permitted(world, permitted):
    sha256 = permitted.authorisation.artifact_sha256
    assert allows(document(), sha256)
    assert not allows(document(), sha256, environment="test")
    assert not allows(document(), "0" * 64)
    entry = document()["freigabe"]["permits"]["production"][sha256]
    assert entry["permit_id"] == str(permitted.pk)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"freigabe": {}},
        {"freigabe": {"permits": {}}},
        {"freigabe": {"valid_until_unix": 9e9}},
        {"freigabe": {"valid_until_unix": 9e9, "permits": None}},
        {"freigabe": {"valid_until_unix": 9e9, "permits": {"production": {"a": {}}}}},
    ],
)
def test_what_is_missing_is_denied(data):
    assert not allows(data, "a")


def test_the_policy_knows_the_time_by_itself():
    engine = Interpreter()
    engine.add_module("gate", POLICY)
    entry = {"expires_at_unix": 9_000_000_000}
    data = {"valid_until_unix": 9_000_000_000, "permits": {"p": {"a": entry}}}
    engine.add_data({"freigabe": data})
    engine.set_input({"environment": "p", "sha256": "a"})
    found = json.loads(str(engine.query("x := data.gate.allow")))
    assert found["bindings"]["x"] is True


def test_a_copy_that_is_too_old_denies(world, permitted, settings):
    sha256 = permitted.authorisation.artifact_sha256
    old = document()
    at = NOW + timedelta(hours=settings.FREIGABE_REVOCATION_HOURS)
    assert not allows(old, sha256, at=at)


def test_a_revoked_permit_leaves_the_document(world, permitted):
    issued.revoke(permit_id=permitted.pk, reason="Harm.", by=world.rita, at=NOW)
    assert document()["freigabe"]["permits"] == {}


def test_a_suspended_authorisation_leaves_it_too(world, permitted):
    deployments.change_authorisation(
        authorisation=Authorisation.objects.get(),
        to=State.SUSPENDED,
        reason="Drift.",
        by=world.rita,
        at=NOW,
    )
    assert document()["freigabe"]["permits"] == {}


def test_an_expired_permit_is_not_in_it(world, permitted):
    log_verified(permitted.expires_at)
    assert document(permitted.expires_at)["freigabe"]["permits"] == {}


def test_it_is_empty_while_the_log_does_not_hold(world, permitted):
    log_verified(later(seconds=1), ok=False)
    assert document(later(seconds=2))["freigabe"]["permits"] == {}


def test_the_same_permits_have_the_same_tag(world, caller, permitted, clock):
    calling = caller(Role.CI)
    first = calling.get("opa/data")
    assert first.status_code == 200
    assert first.json()["permits"]["production"]
    tag = first.headers["ETag"]
    again = calling.get("opa/data", **{"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    issued.revoke(permit_id=permitted.pk, reason="Harm.", by=world.rita, at=NOW)
    changed = calling.get("opa/data", **{"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.json()["permits"] == {}


def test_the_bundle_holds_the_document_and_its_revision(
    world, caller, permitted, clock
):
    calling = caller(Role.CI)
    found = calling.get("opa/bundle.tar.gz")
    assert found.headers["Content-Type"] == "application/gzip"
    with tarfile.open(fileobj=io.BytesIO(found.content), mode="r:gz") as archive:
        parts = {
            member.name: json.load(archive.extractfile(member)) for member in archive
        }
    assert set(parts) == {".manifest", "data.json"}
    assert parts[".manifest"]["roots"] == ["freigabe"]
    assert f'"{parts[".manifest"]["revision"]}"' == found.headers["ETag"]
    assert parts["data.json"]["freigabe"] == calling.get("opa/data").json()
    assert allows(parts["data.json"], permitted.authorisation.artifact_sha256)
    tag = found.headers["ETag"]
    again = calling.get("opa/bundle.tar.gz", **{"If-None-Match": tag})
    assert again.status_code == 304
    assert calling.get("opa/bundle.tar.gz").content == found.content


def test_a_narrow_token_sees_its_own_permits_only(world, caller, permitted, clock):
    other = caller(Role.CI, models_pattern="credit-*")
    assert other.get("opa/data").json()["permits"] == {}
    registration.register_environment(slug="test", name="Test", by=world.ola)
    elsewhere = caller(user="ola", environments=("test",))
    assert elsewhere.get("opa/data").json()["permits"] == {}


def test_who_may_not_ask_the_gate_reads_nothing(world, caller, permitted):
    assert caller(user="adam").get("opa/data").status_code == 403
    assert caller(user="adam").get("opa/bundle.tar.gz").status_code == 403


def test_the_configuration_fetches_the_bundle_as_it_is_served():
    found = load((EXAMPLES / "opa/opa.yaml").read_text())
    service = found["services"]["freigabe"]
    bundle = found["bundles"]["freigabe"]
    assert bundle["service"] == "freigabe"
    assert f"{service['url']}/{bundle['resource']}".endswith(
        "/api/v1/opa/bundle.tar.gz"
    )
    # Kept on disk it would outlive a revocation over a restart.
    assert bundle["persist"] is False

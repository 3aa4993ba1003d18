"""A permit with the proof that its decision is in the signed log, checked offline."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from audits import epochs, log, offline
from governance import access, approvals, gate, issued, permit
from governance.models import GateDecision
from governance.signatures import Proof
from registry.models import Role
from tests.governance.test_gate import ASKED, failing
from tests.world import PASSWORD, World, log_verified


@pytest.fixture
def decided(fresh_database, settings, tmp_path) -> GateDecision:
    """A permit of a bank in a database of its own, which may commit."""
    settings.FREIGABE_KEYS_DIR = tmp_path / "keys"
    world = World()
    log.advance(at=timezone.now())
    request = approvals.submit(
        version=world.ready(),
        environment=world.production,
        by=world.anna,
        at=timezone.now() + timedelta(days=1),
    )
    return _decide(world, request)


def _decide(world: World, request) -> GateDecision:
    at = timezone.now() + timedelta(days=1)
    for who, meaning in ((world.vera, "review"), (world.carl, "approval")):
        approvals.sign(
            request=request,
            meaning=meaning,
            proof=Proof(password=PASSWORD),
            by=who,
            at=at,
        )
    log_verified(at)
    row = gate.decide(question=ASKED, by=world.ola, at=at)
    assert row.allowed, row.checks
    return row


@pytest.fixture
def asking():
    """A client with a token of the pipeline."""
    _token, secret = access.issue_token(
        name="ci", role=Role.CI, by=access.system_user(), at=timezone.now()
    )
    return Client(headers={"Authorization": f"Bearer {secret}"})


def _check(tmp_path, row, document, *more: str) -> int:
    for name, content in (
        ("proof.json", document),
        ("keys.json", permit.public_keys(at=row.decided_at)),
    ):
        (tmp_path / name).write_text(json.dumps(content))
    return offline.main(
        [str(tmp_path / "proof.json"), "--key", str(tmp_path / "keys.json")]
        + ["--at", row.decided_at.isoformat(), *more]
    )


def test_the_proof_waits_for_the_log_and_then_holds_offline(
    decided, asking, tmp_path, capsys
):
    address = f"/api/v1/permits/{decided.pk}/proof"
    waits = asking.get(address)
    assert (waits.status_code, waits.headers["Retry-After"]) == (409, "1")
    assert waits.headers["Content-Type"] == "application/problem+json"
    log.advance(at=timezone.now())
    document = asking.get(address).json()
    assert _check(tmp_path, decided, document, "--environment", "production") == 0
    printed = capsys.readouterr().out
    assert "the decision is entry" in printed
    assert "the log at hand continues the one on which it rested" in printed
    assert "the VSA says it" in printed
    assert _check(tmp_path, decided, {"permit": document["permit"]}) == 0
    assert _check(tmp_path, decided, document, "--environment", "staging") == 1
    for changed in _attacks(document):
        assert _check(tmp_path, decided, changed) == 1, changed


def _attacks(document: dict) -> list[dict]:
    """Documents of which one part is another's, or is changed."""
    entry = document["entry"]
    body = entry["body"].replace('"allowed": true', '"allowed": false')
    assert body != entry["body"]
    return [
        document | {"vsa": document["svr"]},
        document | {"svr": document["permit"]},
        document | {"permit": document["vsa"]},
        document | {"entry": entry | {"body": body}},
        document | {"entry": entry | {"index": entry["index"] - 1}},
        document | {"entry": entry | {"proof": entry["proof"][:-1]}},
        document | {"entry": None},
        document | {"consistency": []},
        document | {"checkpoint": document["checkpoint"].replace("\n", "\n ", 1)},
    ]


def test_the_proof_of_another_decision_does_not_hold(decided, tmp_path):
    by, at = decided.decided_for, decided.decided_at
    other = gate.decide(question=ASKED, by=by, at=at)
    log.advance(at=timezone.now())
    mine, others = issued.proof_of(decided), issued.proof_of(other)
    swapped = mine | {"entry": others["entry"], "vsa": None, "svr": None}
    assert _check(tmp_path, decided, swapped) == 1
    swapped = mine | {"vsa": others["vsa"]}
    assert _check(tmp_path, decided, swapped) == 1
    assert _check(tmp_path, decided, mine) == 0


def test_a_clock_that_was_set_back_is_noticed_although_the_log_goes_on(decided):
    at, by = decided.decided_at, decided.decided_for
    log.advance(at=at + timedelta(days=30))
    for _ in range(2):
        row = gate.decide(question=ASKED, by=by, at=at)
        assert failing(row) == {"gate-clock"}
        log.advance(at=at)  # the worker's clock went back, too
    epochs.open_epoch(because="The clock was a month ahead.", by=by, at=at)
    assert gate.decide(question=ASKED, by=by, at=at).allowed

"""The API of the log: proofs, histories of rows, keys, its state."""

import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.utils import timezone

from audits import log
from audits.cosignature import Cosigner, cosign, cosigner_vkey, open_cosignature
from audits.models import Cosignature, Verification
from governance import access
from registry.models import Role, User
from tests.governance.callers import Caller
from tests.world import World

USER = "log/objects/registry_user"


@pytest.fixture
def live_log(fresh_database) -> World:
    """People and a model in a log that was integrated and signed."""
    world = World()
    world.model()
    log.advance(at=timezone.now())
    return world


def calling(world: World, name: str) -> Caller:
    _token, secret = access.issue_token(
        name=name,
        role=None,
        user=world.people[name],
        by=access.system_user(),
        at=timezone.now(),
    )
    return Caller(secret)


def test_a_proof_from_the_api_holds_offline(live_log, tmp_path, settings):
    size = log.latest_checkpoint().tree_size
    ines = calling(live_log, "ines")
    answer = ines.get(f"log/entries/{size - 1}/proof")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.content.startswith(b"c2sp.org/tlog-proof@v1\n")
    proof = tmp_path / "entry.tlog-proof"
    proof.write_bytes(answer.content)
    (checkpoint_key,) = [
        key["vkey"]
        for key in ines.get("log/keys").json()["keys"]
        if key["use"] == "checkpoint"
    ]

    def check() -> subprocess.CompletedProcess:
        command = ["-m", "audits.offline", str(proof), "--key", checkpoint_key]
        return subprocess.run(
            [sys.executable, *command], cwd=settings.BASE_DIR, check=False
        )

    assert check().returncode == 0
    lines = answer.content.split(b"\n")
    proof.write_bytes(answer.content.replace(lines[3], lines[4], 1))
    assert check().returncode == 1


def test_an_entry_on_its_way_is_202_and_one_that_never_was_404(live_log):
    ines = calling(live_log, "ines")
    # The first use of a token in a day is an entry itself.
    assert ines.get("log/status").status_code == 200
    log.advance(at=timezone.now())
    size = log.status(at=timezone.now()).size
    User.objects.filter(username="ben").update(unit="Elsewhere")
    for path in (f"log/entries/{size}", f"log/entries/{size}/proof"):
        answer = ines.get(path)
        assert answer.status_code == 202, path
        assert answer.headers["Retry-After"] == "1"
        assert ines.get(path.replace(str(size), str(size + 1))).status_code == 404
    log.integrate()
    assert ines.get(f"log/entries/{size}").status_code == 200
    assert ines.get(f"log/entries/{size}/proof").status_code == 202
    log.advance(at=timezone.now())
    assert ines.get(f"log/entries/{size}/proof").status_code == 200


def test_the_history_of_a_row_is_ordered_paginated_and_says_what_is_signed(live_log):
    ines = calling(live_log, "ines")
    log.advance(at=timezone.now())
    for unit in ("One", "Two", "Three"):
        User.objects.filter(username="ben").update(unit=unit)
        log.integrate()
    place = f"{USER}/{live_log.ben.pk}"
    rows = ines.get(place).json()
    assert [row["operation"] for row in rows] == ["I", "U", "U", "U"]
    assert [row["signed"] for row in rows] == [True, False, False, False]
    indexes = [row["index"] for row in rows]
    assert indexes == sorted(indexes)
    assert '"Three"' in rows[-1]["body"]
    answer = ines.get(f"{place}?limit=3")
    assert answer.json() == rows[:3]
    following = answer.headers["Link"].split(">")[0].lstrip("<")
    assert ines.client.get(following).json() == rows[3:]


def test_a_row_without_a_history_is_not_found(live_log):
    ines = calling(live_log, "ines")
    for place in (f"{USER}/nobody", "log/objects/pg_class/1", "log/objects/a/b/c"):
        assert ines.get(place).status_code == 404, place
    assert ines.get("log/objects/a%20b/1").status_code == 404
    assert ines.get(f"{USER}/{live_log.ben.pk}?cursor=x").status_code == 404


def test_contents_of_entries_are_for_auditors(live_log):
    anna = calling(live_log, "anna")
    for place in ("log/entries/0", "log/entries/0/proof", f"{USER}/{live_log.ben.pk}"):
        assert anna.get(place).status_code == 403, place
    for place in ("log/keys", "log/status", "log/checkpoint"):
        assert anna.get(place).status_code == 200, place


def test_a_checkpoint_carries_the_cosignatures_that_were_stored_for_it(live_log):
    ines, signed = calling(live_log, "ines"), log.latest_checkpoint()
    key, name = Ed25519PrivateKey.generate(), "witness.example/w1"
    line = cosign(signed.note, name, key, 1_800_000_000)
    for size, witness, text in (
        (signed.tree_size, name, line),
        (signed.tree_size, "broken", "no signature line"),
        (signed.tree_size - 1, name, line),
    ):
        Cosignature.objects.create(
            tree_size=size,
            witness=witness,
            line=text,
            stamped_at=timezone.now(),
            received_at=timezone.now(),
        )
    text = ines.get("log/checkpoint").content.decode()
    assert text == f"{signed.note}{line}\n"
    cosigner = Cosigner(name, key.public_key())
    assert open_cosignature(text, text.splitlines()[-1], cosigner) == 1_800_000_000


def test_the_status_tells_the_last_verification_and_who_is_outside(live_log, settings):
    ines, at = calling(live_log, "ines"), timezone.now()
    assert ines.get("log/status").json()["verification"] is None
    Verification.objects.create(
        ran_at=at,
        level="history",
        ok=False,
        size=7,
        findings=[{"what": "x"}],
        noticed=["y", "z"],
        not_covered=["the tail"],
    )
    size = log.latest_checkpoint().tree_size
    Cosignature.objects.create(
        tree_size=size, witness="w1", line="x", stamped_at=at, received_at=at
    )
    assert "Nobody outside" in " ".join(ines.get("log/status").json()["not_covered"])
    vkey = cosigner_vkey("w1", Ed25519PrivateKey.generate().public_key())
    settings.FREIGABE_WITNESSES = [f"{vkey} https://witness.example"]
    told = ines.get("log/status").json()
    last = told["verification"]
    assert last["level"] == "history"
    assert (last["ok"], last["size"]) == (False, 7)
    assert (last["findings"], last["noticed"]) == (1, 2)
    assert "the tail" in told["not_covered"]
    kinds = {memory["kind"]: memory for memory in told["outside"]}
    assert kinds["witness"]["size"] == size
    assert kinds["witness"]["newer"] == told["size"] - size
    assert (kinds["export"]["configured"], kinds["export"]["size"]) == (False, 0)
    assert told["unsequenced"] > 0
    assert told["lag_seconds"] > 0


def test_the_schema_names_every_call_of_the_log(db):
    token = access.issue_token(
        name="ci", role=Role.CI, user=None, by=access.system_user(), at=timezone.now()
    )[1]
    schema = Caller(token).get("schema?format=json").json()
    for path in (
        "log/checkpoint",
        "log/entries/{index}",
        "log/entries/{index}/proof",
        "log/objects/{table}/{key}",
        "log/keys",
        "log/status",
    ):
        assert f"/api/v1/{path}" in schema["paths"]
    answers = schema["paths"]["/api/v1/log/entries/{index}/proof"]["get"]["responses"]
    assert {"200", "202"} <= set(answers)

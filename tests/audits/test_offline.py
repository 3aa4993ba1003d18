"""Permits and log extracts, checked by a stranger in a process without Django."""

import base64
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from audits import dsse, merkle, note, offline

ROOT = Path(__file__).resolve().parents[2]
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
STRANGER = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
ORIGIN = "bank.example/log"
VKEY = note.vkey(ORIGIN, KEY.public_key())
PEM = (
    KEY.public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    .decode()
)
STATEMENT = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "mortgage@1", "digest": {"sha256": "ab" * 32}}],
    "predicateType": "urn:freigabe:attestation:approval:v1",
    "predicate": {
        "decision": "allow",
        "environment": "production",
        "valid_from": "2026-11-20T12:00:00+00:00",
        "valid_until": "2026-11-20T13:00:00+00:00",
    },
}
DURING = "2026-11-20T12:30:00+00:00"


def _permit(statement: object = STATEMENT, key: Ed25519PrivateKey = KEY) -> dict:
    return dsse.sign(json.dumps(statement).encode(), dsse.IN_TOTO, {"k": key})


def _changed(**predicate: object) -> dict:
    return STATEMENT | {"predicate": STATEMENT["predicate"] | predicate}


def _extract(bodies: list[str]) -> dict:
    leaves = [merkle.leaf_hash(body.encode()) for body in bodies]
    root = merkle.root_hash(leaves)
    text = note.format_checkpoint(note.Checkpoint(ORIGIN, len(leaves), root))

    def node(level: int, index: int) -> bytes:
        return merkle.root_hash(leaves[index << level : (index + 1) << level])

    return {
        "checkpoint": note.sign_note(text, ORIGIN, KEY),
        "entries": [
            {
                "index": index,
                "body": body,
                "proof": [
                    base64.b64encode(value).decode()
                    for value in merkle.inclusion_proof(
                        index=index, size=len(bodies), node=node
                    )
                ],
            }
            for index, body in enumerate(bodies)
        ],
    }


def _run(tmp_path: Path, content: object, *, key: str | None = VKEY, at: str = DURING):
    file = tmp_path / "document"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    arguments = [str(file), "--at", at, *(["--key", key] if key else [])]
    return offline.main(arguments)


def test_a_valid_permit_holds(tmp_path, capsys):
    assert _run(tmp_path, _permit(), key=PEM) == 0
    printed = capsys.readouterr().out
    assert "mortgage@1" in printed
    assert "Not checked: whether the permit was revoked" in printed


def test_the_answer_of_the_gate_is_read_for_its_permit(tmp_path):
    assert _run(tmp_path, {"decision": "allow", "permit": _permit()}) == 0
    assert _run(tmp_path, {"decision": "deny", "permit": None}) == 2


@pytest.mark.parametrize("at", ["2026-11-20T11:59:59+00:00", "2026-11-20T13:00:00"])
def test_a_permit_outside_of_its_time_does_not_hold(tmp_path, at, capsys):
    assert _run(tmp_path, _permit(), at=at) == 1
    assert "valid from" in capsys.readouterr().out


@pytest.mark.parametrize(
    "statement",
    [
        _changed(decision="deny"),
        _changed(environment=""),
        _changed(valid_until=None),
        _changed(valid_until="2026-11-20T13:00:00"),
        STATEMENT | {"_type": "https://in-toto.io/Statement/v0.1"},
        STATEMENT | {"subject": []},
        STATEMENT | {"subject": [{"name": "x", "digest": {}}]},
        [],
        "text",
    ],
)
def test_a_signed_statement_that_permits_nothing_does_not_hold(tmp_path, statement):
    assert _run(tmp_path, _permit(statement)) == 1


def test_a_changed_permit_does_not_hold(tmp_path):
    permit = _permit()
    permit["payload"] = base64.b64encode(
        json.dumps(_changed(environment="moon")).encode()
    ).decode()
    assert _run(tmp_path, permit) == 1
    assert _run(tmp_path, _permit(key=STRANGER)) == 1


def test_a_log_extract_holds(tmp_path, capsys):
    assert _run(tmp_path, _extract(["a", "b", "ü"])) == 0
    assert "3 entries are in that tree" in capsys.readouterr().out


@pytest.mark.parametrize(
    "change",
    [
        {"body": "x"},
        {"index": 0},
        {"index": True},
        {"index": "1"},
        {"proof": []},
        {"proof": ["AAAA"]},
        {"proof": None},
        {"body": None},
        # The hash of the true body, as editions for outside readers have it.
        {"body": "x", "leaf_hash": base64.b64encode(merkle.leaf_hash(b"b")).decode()},
        {"body": "b", "leaf_hash": base64.b64encode(merkle.leaf_hash(b"b")).decode()},
    ],
)
def test_a_changed_extract_does_not_hold(tmp_path, change):
    extract = _extract(["a", "b", "c"])
    extract["entries"][1] |= change
    assert _run(tmp_path, extract) == 1


def test_an_extract_of_another_log_does_not_hold(tmp_path):
    other = note.vkey("other.example/log", KEY.public_key())
    stranger = note.vkey(ORIGIN, STRANGER.public_key())
    assert _run(tmp_path, _extract(["a"]), key=other) == 1
    assert _run(tmp_path, _extract(["a"]), key=stranger) == 1


def _with_entry(tmp_path, proof: str, entry: str) -> int:
    (tmp_path / "proof").write_text(proof)
    (tmp_path / "entry").write_text(entry)
    files = [str(tmp_path / "proof"), "--entry", str(tmp_path / "entry")]
    return offline.main([*files, "--key", VKEY])


def test_a_proof_of_another_shape_does_not_hold(tmp_path):
    head = "c2sp.org/tlog-proof@v1\n"
    for rest in ("", "index 1\n", "index 01\n\nx\n", "index 1\nAAAA\n\nx\n"):
        assert _run(tmp_path, head + rest) == 1
    extract = _extract(["a"])
    assert _run(tmp_path, f"{head}extra YQ==\nindex 0\n\n{extract['checkpoint']}") == 0


def test_options_that_do_not_fit_the_file_are_refused(tmp_path):
    file = tmp_path / "permit"
    file.write_text(json.dumps(_permit()))
    for option in ("--since", "--entry", "--witness"):
        given = [str(file), "--key", VKEY, "--at", DURING, option, str(file)]
        assert offline.main(given) == 2


def test_a_tlog_proof_holds_when_it_carries_its_entry(tmp_path):
    extract = _extract(["a", "b", "c"])
    entry = extract["entries"][1]
    extra = f"extra {base64.b64encode(b'b').decode()}\n"
    lines = f"index 1\n{chr(10).join(entry['proof'])}\n\n{extract['checkpoint']}"
    head = "c2sp.org/tlog-proof@v1\n"
    assert _run(tmp_path, head + extra + lines) == 0
    assert _run(tmp_path, head + lines) == 2
    assert _with_entry(tmp_path, head + lines, "b") == 0
    assert _with_entry(tmp_path, head + lines, "c") == 1
    assert _with_entry(tmp_path, head + extra + lines, "b") == 0
    assert _with_entry(tmp_path, head + extra + lines, "c") == 1
    assert _run(tmp_path, head + extra.replace("Yg", "Yw") + lines) == 1
    assert _run(tmp_path, head + extra + lines.replace("index 1", "index 2")) == 1


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", "{", "null", "[" * 100_000, "PK\x03\x04", '{"a": 1}']
)
def test_what_is_no_permit_cannot_be_checked(tmp_path, content):
    assert _run(tmp_path, content) == 2


@pytest.mark.parametrize(
    "key", ["", "nonsense", "x" * 5000, VKEY[:-1], "{}", '{"keys": [{}]}', PEM[:-40]]
)
def test_a_key_that_cannot_be_used_is_refused(tmp_path, key):
    file = tmp_path / "document"
    file.write_text(json.dumps(_permit()))
    assert offline.main([str(file), "--key", key]) == 2


def test_without_a_key_nothing_is_claimed(tmp_path):
    assert _run(tmp_path, _permit(), key=None) == 2


def test_a_key_that_came_along_is_not_proof_of_origin(tmp_path, capsys):
    document = {
        "keys": [
            {"use": "permit", "keyid": "k", "public_key": PEM},
            {"use": "checkpoint", "keyid": ORIGIN, "vkey": VKEY},
        ]
    }
    (tmp_path / "keys.json").write_text(json.dumps(document))
    assert _run(tmp_path, _permit(), key=None) == 0
    assert "Not checked: whose key it is" in capsys.readouterr().out
    assert _run(tmp_path, _extract(["a"]), key=str(tmp_path / "keys.json")) == 0


def test_it_runs_without_django(tmp_path):
    file = tmp_path / "permit.json"
    file.write_text(json.dumps(_permit()))
    script = (
        "import sys, audits.offline; code = audits.offline.main(sys.argv[1:]); "
        "assert 'django' not in sys.modules; sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(file), "--key", VKEY, "--at", DURING],
        cwd=ROOT,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    module = [sys.executable, "-m", "audits.offline", str(file), "--key", VKEY]
    late = subprocess.run(module, cwd=ROOT, env={}, capture_output=True, check=False)
    assert late.returncode == (0 if datetime.now(UTC).isoformat() < DURING else 1)

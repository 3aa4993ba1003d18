"""Attacks on permits and on lists of the revoked, at a stranger's desk."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from audits import dsse, offline
from audits.offline.revoked import PAYLOAD_TYPE
from tests.audits.test_offline import DURING, KEY, ORIGIN, STATEMENT, STRANGER, VKEY

MODEL = b"the model file"
ID = "7b6d4b60-7f7c-4a5e-9f2e-0d4c4f6f8a10"
ISSUER = "https://freigabe.example"
START, END = "2026-11-20T12:00:00+00:00", "2026-11-20T13:00:00+00:00"


def pem(key: Any) -> str:
    public = key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def entry(key: Any = KEY, **more: object) -> dict[str, object]:
    return {"use": "permit", "keyid": "k", "public_key": pem(key), **more}


def statement(**predicate: object) -> dict[str, Any]:
    digest = {"sha256": hashlib.sha256(MODEL).hexdigest()}
    return STATEMENT | {
        "subject": [{"name": "mortgage@1", "digest": digest}],
        "predicate": STATEMENT["predicate"]
        | {"decision_id": ID, "issuer": ISSUER, "issued_at": START}
        | predicate,
    }


def permit(said: object = None, key: Ed25519PrivateKey = KEY) -> dict[str, object]:
    raw = said if isinstance(said, bytes) else json.dumps(said or statement()).encode()
    return dsse.sign(raw, dsse.IN_TOTO, {"k": key})


def revoked(*ids: str, key: Ed25519PrivateKey = KEY, **more: object):
    said = {
        "issuer": ISSUER,
        "sequence": 5,
        "issued_at": START,
        "valid_until": END,
        "revoked": list(ids),
        **more,
    }
    return dsse.sign(json.dumps(said).encode(), PAYLOAD_TYPE, {"k": key})


@pytest.fixture
def check(tmp_path):
    """Run the command with keys.json and these files."""

    def run(document: object, *, keys: object = None, at: str = DURING, **files) -> int:
        keys = keys or {"keys": [entry()]}
        arguments = [_file(tmp_path, "permit", document), "--at", at]
        arguments += ["--key", _file(tmp_path, "keys", keys)]
        for name, content in files.items():
            value = content if isinstance(content, str) else None
            arguments += [f"--{name}", value or _file(tmp_path, name, content)]
        return offline.main(arguments)

    return run


def _file(folder: Path, name: str, content: object) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    (folder / name).write_bytes(raw)
    return str(folder / name)


def test_a_permit_for_this_file_and_place_holds(check):
    assert check(permit(), artifact=MODEL, environment="production") == 0
    assert check(permit(), artifact=b"another", environment="production") == 1
    assert check(permit(), artifact=MODEL, environment="staging") == 1


@pytest.mark.parametrize("option", ["environment", "artifact", "revoked", "key", "at"])
def test_an_option_whose_variable_was_never_set_is_no_yes(tmp_path, check, option):
    """`--environment "$PLACE"` of a script in which nobody set PLACE."""
    assert check(permit()) == 0
    arguments = [str(tmp_path / "permit"), "--key", str(tmp_path / "keys")]
    try:
        code = offline.main([*arguments, "--at", DURING, f"--{option}", ""])
    except SystemExit as refused:
        code = refused.code
    assert code == 2


def test_what_was_not_compared_is_said(check, capsys):
    check(permit())
    said = capsys.readouterr().out
    assert "Not checked: whether this is production: compare" in said
    check(permit(), environment="production")
    assert "whether this is production" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "key",
    [ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)],
)
def test_a_key_of_another_kind_is_not_used(check, key):
    assert check(permit(), keys={"keys": [entry(key)]}) == 2


def test_the_key_of_the_log_signs_no_permit(check):
    keys = {
        "keys": [
            entry(STRANGER),
            {"use": "checkpoint", "keyid": ORIGIN, "vkey": VKEY},
        ]
    }
    assert check(permit(), keys=keys) == 1


@pytest.mark.parametrize("keyid", ["", "k", "another", None])
def test_the_name_of_a_key_is_only_a_hint(check, keyid):
    for key, code in ((KEY, 0), (STRANGER, 1)):
        document = permit(key=key)
        document["signatures"][0]["keyid"] = keyid
        assert check(document) == code


@pytest.mark.parametrize(
    "kind",
    [
        "https://slsa.dev/verification_summary/v1",
        "https://in-toto.io/attestation/svr/v0.2",
        None,
    ],
)
def test_a_statement_of_another_kind_is_no_permit(check, kind):
    assert check(permit(statement() | {"predicateType": kind})) == 1


def test_what_two_readers_could_understand_differently_does_not_hold(check):
    text = json.dumps(statement())
    twice = text.replace('"environment"', '"environment": "moon", "environment"')
    assert twice != text
    assert check(permit(twice.encode())) == 1


@pytest.mark.parametrize(
    ("window", "code"),
    [
        ({"not_before": START}, 0),
        ({"not_before": "2026-11-20T12:00:30+00:00"}, 0),
        ({"not_before": "2026-11-20T12:05:00+00:00"}, 1),
        ({"not_after": END}, 0),
        ({"not_after": DURING}, 1),
        ({"not_after": START}, 1),
        ({"not_after": "2026-11-20T13:00:00"}, 2),
    ],
)
def test_a_key_counts_in_its_own_time_only(check, window, code):
    assert check(permit(), keys={"keys": [entry(**window)]}) == code


def test_a_former_key_serves_papers_of_its_time(check):
    keys = {
        "keys": [entry(STRANGER)],
        "former": [entry(not_after=END) | {"keyid": "f"}],
    }
    assert check(permit(), keys=keys) == 0


def test_a_compromised_key_counts_never(check):
    spki = KEY.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    for name in ("k", hashlib.sha256(spki).hexdigest()):
        keys = {
            "keys": [entry(), entry(STRANGER) | {"keyid": "s"}],
            "compromised": [{"use": "permit", "keyid": name}],
        }
        assert check(permit(), keys=keys) == 1


def test_a_list_that_does_not_name_the_permit_lets_it_pass(check):
    assert check(permit(), revoked=revoked()) == 0
    assert check(permit(), revoked=revoked("another")) == 0
    assert check(permit(), revoked=revoked("another", ID)) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"issuer": "https://other.example"}, 1),
        ({"valid_until": DURING}, 2),
        ({"valid_until": "2026-11-20T13:00:00"}, 2),
        ({"issued_at": "2026-11-20T12:45:00+00:00"}, 2),
        ({"sequence": 0}, 2),
        ({"sequence": "5"}, 2),
        ({"sequence": True}, 2),
        ({"revoked": None}, 2),
        ({"revoked": {"a": 1}}, 2),
        ({"revoked": [1]}, 2),
    ],
)
def test_a_list_that_nobody_may_rely_on_is_refused(check, change, code):
    assert check(permit(), revoked=revoked(**change)) == code


def test_a_list_of_another_hand_or_kind_is_refused(check):
    assert check(permit(), revoked=revoked(key=STRANGER)) == 1
    assert check(permit(), revoked=permit()) == 1
    assert check(permit(), revoked=[]) == 1
    disguised = revoked() | {"payloadType": dsse.IN_TOTO}
    assert check(permit(), revoked=disguised) == 1
    assert check(disguised) == 1


def test_an_older_list_than_the_last_seen_is_refused(check, tmp_path):
    seen = str(tmp_path / "seen")
    assert check(permit(), revoked=revoked(sequence=5), seen=seen) == 0
    assert check(permit(), revoked=revoked(sequence=6), seen=seen) == 0
    assert check(permit(), revoked=revoked(sequence=5), seen=seen) == 2
    assert check(permit(), revoked=revoked(sequence=6), seen=seen) == 0


def test_a_list_of_a_key_that_had_ended_is_refused(check):
    keys = {"keys": [entry(not_after="2026-11-20T12:40:00+00:00")]}
    late = {"issued_at": "2026-11-20T12:45:00+00:00"}
    assert check(permit(), keys=keys, revoked=revoked()) == 0
    assert check(permit(), keys=keys, revoked=revoked(**late)) == 1


def test_a_permit_without_an_id_cannot_be_checked_against_a_list(check):
    assert check(permit(statement(decision_id=None)), revoked=revoked()) == 2

"""Signed notes, checkpoints, keys and envelopes against published vectors."""

import base64
import json
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from audits import dsse, keys, note, signer

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors"
pytestmark = pytest.mark.skipif(
    not VECTORS.is_dir(), reason="../shared/vectors is not there"
)
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
ORIGIN = "bank.example/log"
ROOT = b"r" * 32


def _vectors(name: str):
    path = VECTORS / name
    return json.loads(path.read_text()) if path.is_file() else {"cases": []}


NOTES = _vectors("signed_note_vectors.json")


@pytest.mark.parametrize("case", NOTES["cases"], ids=lambda case: case["name"])
def test_published_notes(case):
    verifiers = [note.parse_vkey(text) for text in case["vkeys"]]
    raw = base64.b64decode(case["note_b64"])
    refusals = {
        "malformed": note.NoteMalformed,
        "unverified": note.NoteUnverified,
        "error": note.NoteUnverified,
    }
    if case["want"] in refusals:
        with pytest.raises(refusals[case["want"]]):
            note.open_note(raw, verifiers)
    else:
        assert note.open_note(raw, verifiers)[1] == case["verified"]


def test_signing_gives_the_published_bytes():
    seed = base64.b64decode(NOTES["skey"].split("+", 4)[4])[1:]
    key = Ed25519PrivateKey.from_private_bytes(seed)
    assert note.vkey("PeterNeumann", key.public_key()) == VKEY
    signed = note.sign_note(NOTES["sign_text"], "PeterNeumann", key)
    assert signed == NOTES["sign_want"]


def test_every_mangled_verifier_key_is_refused():
    cuts = [
        VKEY[i:j]
        for i in range(len(VKEY))
        for j in range(i, len(VKEY) + 1)
        if (i, j) != (0, len(VKEY))
    ]
    bumps = [VKEY[:i] + chr(ord(VKEY[i]) + 1) + VKEY[i + 1 :] for i in range(len(VKEY))]
    for text in [*cuts, *bumps, *NOTES["bad_vkeys"]]:
        with pytest.raises(note.NoteMalformed):
            note.parse_vkey(text)


def test_published_checkpoints_are_read_strictly():
    """Hashes of another length and extension lines are refused, unlike the source."""
    for case in _vectors("checkpoint_vectors.json")["cases"]:
        with pytest.raises(note.NoteMalformed):
            note.parse_checkpoint(case["body"])
        if case["wantErr"] or case["rest"]:
            continue
        origin, size, _ = case["body"].split("\n", 2)
        whole = f"{origin}\n{size}\n{base64.b64encode(ROOT).decode()}\n"
        assert note.parse_checkpoint(whole).size == int(size)


@pytest.mark.parametrize(
    "size", ["", "+5", "1_0", "05", " 5", "5 ", "٣", "-0", "0x5", str(2**63), "1" * 99]
)
def test_sizes_in_other_spellings_are_refused(size):
    text = f"{ORIGIN}\n{size}\n{base64.b64encode(ROOT).decode()}\n"
    with pytest.raises(note.NoteMalformed):
        note.parse_checkpoint(text)


@pytest.mark.parametrize(
    "root", ["", "====", base64.b64encode(ROOT).decode()[:-1], "A" * 42 + "B="]
)
def test_roots_in_other_spellings_are_refused(root):
    with pytest.raises(note.NoteMalformed):
        note.parse_checkpoint(f"{ORIGIN}\n5\n{root}\n")


def test_a_checkpoint_survives_writing_signing_and_reading():
    written = note.Checkpoint(ORIGIN, 2**63 - 1, ROOT)
    text = note.format_checkpoint(written)
    assert text.count("\n") == 3
    signed = note.sign_note(text, ORIGIN, KEY)
    verifier = note.parse_vkey(note.vkey(ORIGIN, KEY.public_key()))
    assert note.open_checkpoint(signed, verifier) == written
    other = note.Verifier("other.example", KEY.public_key())
    with pytest.raises(note.NoteUnverified):
        note.open_checkpoint(note.sign_note(text, "other.example", KEY), other)


def test_public_keys_of_low_order_are_refused():
    cases = json.loads((VECTORS / "ed25519" / "ed25519vectors.json").read_text())
    assert len(cases) > 900
    for case in cases:
        weak = {"low_order_A", "non_canonical_A"} & set(case["flags"] or [])
        raw = bytes.fromhex(case["key"])
        if weak:
            with pytest.raises(note.NoteMalformed):
                note.parse_public_key(raw)
        else:
            note.parse_public_key(raw)


@pytest.mark.parametrize("raw", [b"", b"k" * 31, b"k" * 33])
def test_public_keys_of_another_length_are_refused(raw):
    with pytest.raises(note.NoteMalformed):
        note.parse_public_key(raw)


def test_published_envelope():
    vector = _vectors("dsse_vector.json")
    payload = vector["payload_utf8"].encode()
    message = dsse.pae(vector["payloadType"], payload)
    assert message == vector["pae"].encode()
    assert base64.b64decode(vector["envelope"]["payload"]) == payload
    public = ec.EllipticCurvePublicNumbers(
        vector["key"]["x"], vector["key"]["y"], ec.SECP256R1()
    ).public_key()
    raw = base64.b64decode(vector["envelope"]["signatures"][0]["sig"])
    halves = [int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")]
    public.verify(_der(*halves), message, ec.ECDSA(SHA256()))


def test_an_envelope_holds_until_a_part_of_it_changes():
    envelope = dsse.sign(b"{}", dsse.IN_TOTO, {"k": KEY})
    public = {"another name": KEY.public_key()}
    assert dsse.verify(envelope, public) == b"{}"
    for changed in (
        {"payload": base64.b64encode(b"{ }").decode()},
        {"payload": "not base64"},
        {"payload": None},
        {"payloadType": "application/json"},
        {"payloadType": 5},
        {"signatures": []},
        {"signatures": "text"},
        {"signatures": [5]},
        {"signatures": [{"sig": ""}]},
    ):
        with pytest.raises((dsse.EnvelopeMalformed, dsse.EnvelopeUnverified)):
            dsse.verify(envelope | changed, public)
    with pytest.raises(dsse.EnvelopeUnverified):
        dsse.verify(envelope, {})
    with pytest.raises(dsse.EnvelopeMalformed):
        dsse.verify([], public)


def test_a_key_is_made_once_and_only_for_its_owner(tmp_path):
    path = tmp_path / "keys" / "log.pem"
    first = keys.load_or_create_key(path)
    assert keys.load_or_create_key(path).private_bytes_raw() == (
        first.private_bytes_raw()
    )
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(path.parent) == ["log.pem"]
    path.chmod(0o604)
    with pytest.raises(keys.KeyUnusable, match="open to others"):
        keys.load_or_create_key(path)
    path.chmod(0o600)
    path.write_text("rubbish")
    with pytest.raises(keys.KeyUnusable, match="readable private key"):
        keys.load_or_create_key(path)


def test_the_signer_never_contradicts_itself(tmp_path):
    signing = signer.Signer(tmp_path, ORIGIN)

    def prove(_old: int, _new: int) -> list[bytes]:
        return []

    first = signing.sign(5, ROOT, prove, None)
    assert signing.sign(5, ROOT, prove, None) == first
    assert signing.remembered() == note.Checkpoint(ORIGIN, 5, ROOT)
    again = signer.Signer(tmp_path, ORIGIN)
    with pytest.raises(signer.SignerRefused, match="shrunk: 5 leaves"):
        again.sign(4, ROOT, prove, None)
    with pytest.raises(signer.SignerRefused, match="does not extend"):
        again.sign(5, b"x" * 32, prove, None)
    with pytest.raises(signer.SignerRefused, match="does not extend"):
        again.sign(6, b"x" * 32, prove, None)
    assert again.remembered() == note.Checkpoint(ORIGIN, 5, ROOT)


def test_a_lost_memory_does_not_open_the_door_to_a_fork(tmp_path):
    signing = signer.Signer(tmp_path, ORIGIN)
    published = signing.sign(5, ROOT, lambda _o, _n: [], None)
    for path in tmp_path.glob("*.checkpoint"):
        path.unlink()
    with pytest.raises(signer.SignerRefused, match="shrunk"):
        signing.sign(4, ROOT, lambda _o, _n: [], published)


def test_a_changed_memory_is_noticed(tmp_path):
    signing = signer.Signer(tmp_path, ORIGIN)
    signing.sign(5, ROOT, lambda _o, _n: [], None)
    (memory,) = tmp_path.glob("*.checkpoint")
    memory.write_text(memory.read_text().replace("\n5\n", "\n4\n"))
    with pytest.raises(signer.SignerRefused, match="is not a checkpoint of"):
        signing.sign(4, ROOT, lambda _o, _n: [], None)


def _der(r: int, s: int) -> bytes:
    """Write an ECDSA signature as cryptography wants it."""
    parts = b"".join(
        b"\x02" + bytes([len(raw)]) + raw
        for raw in (n.to_bytes(n.bit_length() // 8 + 1, "big") for n in (r, s))
    )
    return b"\x30" + bytes([len(parts)]) + parts

"""Cosignatures of witnesses (C2SP tlog-cosignature), good and bad."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audits import note
from audits.cosignature import (
    Cosigner,
    cosign,
    cosigner_vkey,
    open_cosignature,
    parse_cosigner,
)

LOG = Ed25519PrivateKey.from_private_bytes(b"l" * 32)
WITNESS = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
NAME = "witness.example/w1"
CHECKPOINT = note.format_checkpoint(note.Checkpoint("bank.example/log", 7, b"r" * 32))
NOTE = note.sign_note(CHECKPOINT, "bank.example/log", LOG)
COSIGNER = Cosigner(NAME, WITNESS.public_key())
AT = 1_763_694_000


def test_a_cosignature_gives_back_its_time():
    line = cosign(NOTE, NAME, WITNESS, AT)
    assert open_cosignature(NOTE, line, COSIGNER) == AT
    assert open_cosignature(f"{NOTE}{line}\n", line, COSIGNER) == AT


def test_the_signed_bytes_are_those_of_the_specification():
    line = cosign(NOTE, NAME, WITNESS, AT)
    raw = base64.b64decode(line.rpartition(" ")[2])
    assert raw[4:12] == AT.to_bytes(8, "big")
    message = f"cosignature/v1\ntime {AT}\n{CHECKPOINT}".encode()
    WITNESS.public_key().verify(raw[12:], message)


def test_a_log_that_is_opened_ignores_cosignatures_and_a_witness_the_log():
    line = cosign(NOTE, NAME, WITNESS, AT)
    verifier = note.Verifier("bank.example/log", LOG.public_key())
    assert note.open_checkpoint(f"{NOTE}{line}\n", verifier).size == 7
    assert COSIGNER.key_id != note.Verifier(NAME, WITNESS.public_key()).key_id


def test_keys_of_witnesses_are_read_exactly():
    text = cosigner_vkey(NAME, WITNESS.public_key())
    assert parse_cosigner(text) == COSIGNER
    with pytest.raises(note.NoteMalformed):
        note.parse_vkey(text)
    with pytest.raises(note.NoteMalformed):
        parse_cosigner(note.vkey(NAME, WITNESS.public_key()))
    for cut in range(len(text)):
        with pytest.raises(note.NoteMalformed):
            parse_cosigner(text[:cut])


@pytest.mark.parametrize("place", range(0, 76, 3))
def test_any_changed_byte_is_refused(place):
    line = cosign(NOTE, NAME, WITNESS, AT)
    head, _, encoded = line.rpartition(" ")
    raw = bytearray(base64.b64decode(encoded))
    raw[place] ^= 1
    changed = f"{head} {base64.b64encode(bytes(raw)).decode()}"
    with pytest.raises((note.NoteUnverified, note.NoteMalformed)):
        open_cosignature(NOTE, changed, COSIGNER)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "— witness.example/w1",
        "- witness.example/w1 AAAA",
        note.sign_note(CHECKPOINT, NAME, WITNESS).splitlines()[-1],
        cosign(NOTE, "other.example/w", WITNESS, AT),
        cosign(NOTE, NAME, LOG, AT),
        cosign(NOTE.replace("\n7\n", "\n8\n"), NAME, WITNESS, AT),
        cosign(NOTE, NAME, WITNESS, 0),
        cosign(NOTE, NAME, WITNESS, AT) + " ",
    ],
)
def test_other_lines_are_refused(line):
    with pytest.raises((note.NoteUnverified, note.NoteMalformed)):
        open_cosignature(NOTE, line, COSIGNER)

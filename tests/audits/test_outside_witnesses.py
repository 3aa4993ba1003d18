"""Asking witnesses, being one, and witnesses that lie."""

import threading
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from audits import log
from audits.cosignature import cosign, cosigner_vkey, open_cosignature, parse_cosigner
from audits.models import Cosignature, WitnessedLog
from audits.note import Checkpoint, format_checkpoint, sign_note, vkey
from audits.outside import http, witness, witnesses
from audits.outside.coverage import coverage, not_protected
from tests.audits.ledger import NOW, add_user, behind_triggers, checked, only_finding
from tests.audits.servers import serving

KEY = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
NAME = "witness.example/w1"


class Remote:
    """A witness elsewhere, in memory: the behaviour of the specification."""

    def __init__(self) -> None:
        self.size = 0
        self.asked: list[int] = []

    def __call__(self, path, body, headers):
        assert path == "/w/add-checkpoint"
        old = int(body.decode().split("\n", 1)[0].removeprefix("old "))
        note = body.decode().partition("\n\n")[2]
        self.asked.append(old)
        if old != self.size:
            return 409, witnesses.SIZE_TYPE, f"{self.size}\n".encode()
        self.size = int(note.split("\n")[1])
        line = cosign(note, NAME, KEY, int(NOW.timestamp()))
        return 200, "text/plain", f"{line}\n".encode()


def _configure(settings, url: str) -> None:
    text = cosigner_vkey(NAME, KEY.public_key())
    settings.FREIGABE_WITNESSES = [f"{text} {url}/w"]


@pytest.fixture
def remote(written_log, settings):
    answering = Remote()
    with serving(answering) as url:
        _configure(settings, url)
        yield answering


def test_a_cosignature_is_verified_and_stored_once(remote):
    (asked,) = witnesses.ask_all(at=NOW)
    assert asked.stored
    assert witnesses.ask_all(at=NOW + timedelta(hours=1)) == []
    item = Cosignature.objects.get()
    assert item.tree_size == log.latest_checkpoint().tree_size
    assert item.stamped_at == NOW
    verdict = checked()
    assert verdict.ok
    assert verdict.checked["cosignatures"] == 1
    (covered,) = [one for one in coverage() if one.kind == "witness"]
    assert (covered.names, covered.size) == ((NAME,), item.tree_size)


def test_a_grown_log_is_cosigned_with_a_proof_but_not_at_every_tick(remote):
    witnesses.ask_all(at=NOW)
    add_user("dora")
    log.advance(at=NOW)
    assert witnesses.ask_all(at=NOW + timedelta(seconds=59)) == []
    (asked,) = witnesses.ask_all(at=NOW + timedelta(seconds=60))
    assert asked.stored
    assert remote.asked == [0, Cosignature.objects.last().tree_size]


def test_a_witness_that_knows_another_size_is_asked_from_there(remote):
    remote.size = 7
    (asked,) = witnesses.ask_all(at=NOW)
    assert asked.stored
    assert remote.asked == [0, 7]


def test_a_witness_that_remembers_more_contradicts_the_log(remote):
    remote.size = 10**6
    (asked,) = witnesses.ask_all(at=NOW)
    assert asked.contradicts
    assert "1000000 leaves" in asked.problem
    assert not Cosignature.objects.exists()


LIES = {
    "other key": lambda note: cosign(
        note, NAME, Ed25519PrivateKey.from_private_bytes(b"x" * 32), 5
    ),
    "other name": lambda note: cosign(note, "other.example/w", KEY, 5),
    "other note": lambda note: cosign(note.replace("\n", "\nx", 1), NAME, KEY, 5),
    "no time": lambda note: sign_note(
        note.partition("\n\n")[0] + "\n", NAME, KEY
    ).splitlines()[-1],
    "rubbish": lambda _note: "\u2014 witness.example/w1 AAAA",
    "html": lambda _note: "<html>",
    "nothing": lambda _note: "",
    "a lot": lambda _note: "x" * (http.LARGEST_ANSWER + 1),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_witness_is_not_believed(written_log, settings, lie):
    def answer(_path, body, _headers):
        note = body.decode().partition("\n\n")[2]
        return 200, "text/plain", f"{LIES[lie](note)}\n".encode()

    with serving(answer) as url:
        _configure(settings, url)
        (asked,) = witnesses.ask_all(at=NOW)
    assert not asked.stored
    assert asked.problem
    assert not Cosignature.objects.exists()


@pytest.mark.parametrize("status", [301, 400, 403, 404, 422, 500])
def test_a_refusing_witness_hinders_nobody(written_log, settings, status):
    good = Remote()
    other = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
    with (
        serving(lambda *_: (status, "text/plain", b"no")) as refusing,
        serving(good) as serving_well,
    ):
        _configure(settings, serving_well)
        name = cosigner_vkey("first.example/w", other.public_key())
        settings.FREIGABE_WITNESSES.insert(0, f"{name} {refusing}")
        first, second = witnesses.ask_all(at=NOW)
    assert not first.stored
    assert first.contradicts == (status == 422)
    assert second.stored


def test_a_witness_that_is_down_hinders_nobody(written_log, settings):
    with serving(Remote()) as url:
        _configure(settings, url)
    (asked,) = witnesses.ask_all(at=NOW)
    assert "cannot be reached" in asked.problem


@pytest.mark.parametrize("text", ["x", "a+b+c https://x", "vkey ftp://x"])
def test_a_wrong_setting_is_named(settings, text):
    settings.FREIGABE_WITNESSES = [text]
    with pytest.raises(ImproperlyConfigured, match="FREIGABE_WITNESSES"):
        witnesses.configured()


def test_a_changed_cosignature_is_found(remote, superuser):
    witnesses.ask_all(at=NOW)
    behind_triggers(
        superuser,
        "audits_cosignature",
        "UPDATE audits_cosignature SET line = replace(line, 'A', 'B')",
    )
    assert only_finding("witness").what.startswith(NAME)


def test_without_any_outside_memory_it_is_said(written_log, remote, settings):
    settings.FREIGABE_WITNESSES = []
    assert "Nobody outside" in not_protected()[0]


# --- being a witness ---------------------------------------------------------------

LOG = Ed25519PrivateKey.from_private_bytes(b"l" * 32)
ORIGIN = "other.example/log"


@pytest.fixture
def we_witness(fresh_database, settings, tmp_path):
    settings.FREIGABE_KEYS_DIR = tmp_path
    settings.FREIGABE_WITNESSED_LOGS = [vkey(ORIGIN, LOG.public_key())]


def _body(size: int, old: int = 0, root: bytes = b"r" * 32, proof: str = "") -> bytes:
    note = sign_note(format_checkpoint(Checkpoint(ORIGIN, size, root)), ORIGIN, LOG)
    return f"old {old}\n{proof}\n{note}".encode()


def test_we_cosign_what_extends_the_last(we_witness):
    line = witness.add_checkpoint(_body(5), at=NOW)
    note = _body(5).decode().partition("\n\n")[2]
    stamped = open_cosignature(note, line, parse_cosigner(witness.vkey()))
    assert stamped == int(NOW.timestamp())
    assert witness.add_checkpoint(_body(5, old=5), at=NOW)
    with pytest.raises(witness.SizeConflict):
        witness.add_checkpoint(_body(5, old=5, root=b"x" * 32), at=NOW)
    with pytest.raises(witness.Inconsistent):
        witness.add_checkpoint(_body(6, old=5, root=b"x" * 32), at=NOW)


def test_we_name_the_size_that_we_remember_also_after_a_rollback(we_witness):
    witness.add_checkpoint(_body(5), at=NOW)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE audits_witnessedlog SET tree_size = 0, note = %s",
            [_body(1).decode().partition("\n\n")[2]],
        )
    with pytest.raises(witness.SizeConflict) as refused:
        witness.add_checkpoint(_body(3, old=0, root=b"x" * 32), at=NOW)
    assert refused.value.size == 5


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (b"", witness.BadRequest),
        (b"\xff", witness.BadRequest),
        (_body(5).replace(b"old 0", b"old +0"), witness.BadRequest),
        (_body(5).replace(b"old 0", b"old 00"), witness.BadRequest),
        (_body(5, proof="AAAA\n"), witness.BadRequest),
        (_body(5, proof="x\n"), witness.BadRequest),
        (_body(5, proof="A" * 43 + "=\n"), witness.BadRequest),
        (_body(5, old=6), witness.BadRequest),
        (_body(5, old=3), witness.SizeConflict),
        (_body(5).replace(b"\n5\n", b"\n6\n"), witness.Unsigned),
        (_body(5).replace(b"other.example", b"third.example"), witness.UnknownLog),
    ],
)
def test_we_refuse(we_witness, body, refusal):
    with pytest.raises(refusal):
        witness.add_checkpoint(body, at=NOW)
    assert not WitnessedLog.objects.exists()


def test_of_two_forks_at_once_we_cosign_one(we_witness):
    outcomes = []

    def ask(root: bytes) -> None:
        try:
            outcomes.append(witness.add_checkpoint(_body(5, root=root), at=NOW))
        except witness.SizeConflict:
            outcomes.append(None)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=(bytes([n]) * 32,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome is None for outcome in outcomes) == [False] + [True] * 5


def test_our_own_client_and_our_own_witness_understand_each_other(
    written_log, settings, client
):
    settings.FREIGABE_WITNESSED_LOGS = [log.signer().vkey]

    def forward(path, body, _headers):
        answer = client.post(path, body, content_type="text/plain")
        return answer.status_code, answer.headers["Content-Type"], answer.content

    text = witness.vkey()
    answers: list[tuple] = []

    def through_wsgi(path, body, headers):
        try:
            answers.append(forward(path, body, headers))
        finally:
            connection.close()
        return answers[-1]

    with serving(through_wsgi) as url:
        settings.FREIGABE_WITNESSES = [f"{text} {url}/witness"]
        (asked,) = witnesses.ask_all(at=NOW)
        assert asked.stored, asked.problem
        add_user("dora")
        log.advance(at=NOW)
        Cosignature.objects.all()
        (again,) = witnesses.ask_all(at=NOW + timedelta(minutes=2))
    assert again.stored, again.problem
    assert [status for status, *_ in answers] == [200, 200]
    assert WitnessedLog.objects.get().tree_size == log.latest_checkpoint().tree_size


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"rubbish", 400),
        (_body(5), 404),
        (b"x" * 300_000, 413),
    ],
)
def test_the_door_answers_as_the_specification_says(written_log, client, body, status):
    answer = client.post("/witness/add-checkpoint", body, content_type="text/plain")
    assert answer.status_code == status
    assert client.get("/witness/add-checkpoint").status_code == 405


def test_the_door_names_the_size_of_a_conflict(we_witness, client):
    body = _body(5, old=3)
    answer = client.post("/witness/add-checkpoint", body, content_type="text/plain")
    assert (answer.status_code, answer.content) == (409, b"0\n")
    assert answer.headers["Content-Type"] == "text/x.tlog.size"

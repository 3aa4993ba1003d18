"""Witnesses and addresses that misbehave in ways that a type of answer hides."""

import socket
import threading
from contextlib import contextmanager, suppress

import pytest

from audits import log
from audits.models import Cosignature
from audits.note import vkey
from audits.outside import http, witnesses
from audits.outside.coverage import coverage
from tests.audits.ledger import NOW
from tests.audits.servers import serving
from tests.audits.test_outside_witnesses import LOG, ORIGIN, _body, _configure


@contextmanager
def raw(script):
    """Serve connections by `script(connection)`, below HTTP."""
    server = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def loop():
        while not stop.is_set():
            try:
                conn, _ = server.accept()
            except OSError:
                return
            with conn:
                conn.recv(65536)
                with suppress(OSError):
                    script(conn, stop)

    threading.Thread(target=loop, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
    finally:
        stop.set()
        server.close()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"


def test_a_body_that_never_comes_is_a_failed_call():
    with (
        raw(lambda c, stop: (c.sendall(HEAD + b"a"), stop.wait(5))) as url,
        pytest.raises(http.CallFailed),
    ):
        http.post(url, b"x", read_seconds=0.3)


def test_a_body_cut_short_is_a_failed_call():
    with (
        raw(lambda c, stop: c.sendall(HEAD + b"a")) as url,
        pytest.raises(http.CallFailed),
    ):
        http.post(url, b"x", read_seconds=0.3)


def test_a_body_badly_packed_is_a_failed_call():
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd"
    with raw(lambda c, stop: c.sendall(head)) as url, pytest.raises(http.CallFailed):
        http.post(url, b"x", read_seconds=0.3)


def test_a_body_that_drips_is_given_up(monkeypatch):
    monkeypatch.setattr(http, "BODY_SECONDS", 0.5)

    def drip(c, stop):
        c.sendall(HEAD)
        for _ in range(100):
            c.sendall(b"a")
            if stop.wait(0.1):
                return

    with raw(drip) as url, pytest.raises(http.CallFailed, match="longer than"):
        http.post(url, b"x", read_seconds=0.3)


def test_a_size_of_thousands_of_digits_hinders_nobody(written_log, settings):
    with serving(lambda *_: (409, witnesses.SIZE_TYPE, b"1" * 5000)) as url:
        _configure(settings, url)
        (asked,) = witnesses.ask_all(at=NOW)
    assert asked.problem


def test_same_size_other_root_is_a_contradiction(written_log, settings):
    size = log.latest_checkpoint().tree_size
    with serving(lambda *_: (409, witnesses.SIZE_TYPE, f"{size}\n".encode())) as url:
        _configure(settings, url)
        (asked,) = witnesses.ask_all(at=NOW)
    assert asked.contradicts, asked


@pytest.fixture
def post(fresh_database, settings, tmp_path, client):
    """Post to our own witness, which knows one log."""
    settings.FREIGABE_KEYS_DIR = tmp_path
    settings.FREIGABE_WITNESSED_LOGS = [vkey(ORIGIN, LOG.public_key())]
    client.raise_request_exception = False

    def send(body, **headers):
        url = "/witness/add-checkpoint"
        return client.post(url, body, content_type="text/plain", **headers)

    return send


def test_the_same_size_with_another_root_is_a_conflict(post):
    assert post(_body(5)).status_code == 200
    answer = post(_body(5, old=5, root=b"x" * 32))
    assert (answer.status_code, answer.content) == (409, b"5\n")


def test_an_empty_tree_with_a_root_is_refused(post):
    assert post(_body(0)).status_code == 422


def test_a_damaged_memory_is_said_and_cosigns_nothing(post, settings):
    assert post(_body(5)).status_code == 200
    (path,) = settings.FREIGABE_KEYS_DIR.glob("witnessed-*.checkpoint")
    path.write_bytes(b"\xff")
    assert post(_body(6, old=5)).status_code == 503


def test_a_length_that_is_no_number_is_a_bad_request(post):
    assert post(b"x", CONTENT_LENGTH="abc").status_code == 400


def test_a_row_of_nobody_does_not_count_as_outside_memory(written_log, settings):
    _configure(settings, "http://127.0.0.1:9")
    Cosignature.objects.create(
        tree_size=10**6, witness="nobody", line="x", stamped_at=NOW, received_at=NOW
    )
    (item,) = [one for one in coverage() if one.kind == "witness"]
    assert item.size == 0

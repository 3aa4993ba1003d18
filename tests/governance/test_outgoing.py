"""No address that somebody types in leads into our own network."""

import socket
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from governance import outgoing

LOCAL = ["127.0.0.0/8"]


class Receiver(BaseHTTPRequestHandler):
    """Keeps what it is sent; the path says how it behaves."""

    seen: list[tuple[str, dict[str, str], bytes]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, dict(self.headers), body))
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/latest/meta-data")
            self.end_headers()
        elif self.path == "/drip":
            self.send_response(200)
            self.end_headers()
            time.sleep(3)
        elif self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * 1_000_000)
        elif self.path == "/nonsense":
            self.wfile.write(b"\x00\x01\x02")
        else:
            self.send_response(204 if self.path == "/good" else 503)
            self.end_headers()
            self.wfile.write(b"" if self.path == "/good" else b"down for now")

    def do_GET(self) -> None:
        self.seen.append((self.path, dict(self.headers), b""))
        away = "http://169.254.169.254/"
        if self.path == "/slow":
            time.sleep(1)
        status = 302 if self.path == "/away" else 200
        body = b"x" * (100_000 if self.path == "/endless" else 1000)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", away)
        broken = 1 if self.path == "/broken" else 0
        self.send_header("Content-Length", str(len(body) + broken))
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def receiver():
    """A server on the loopback, and its address."""
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    Receiver.seen = []
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def post(url, allowed=(), **more):
    return outgoing.post(url, b"{}", headers={}, allowed=allowed, **more)


def leads_to(*addresses: str):
    """A name service that gives these addresses, in turn when asked again."""
    answers = iter(addresses)

    def resolve(_host, port, **_more):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    return resolve


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "127.1",
        "0",
        "0.0.0.0",  # noqa: S104
        "10.0.0.1",
        "172.16.3.4",
        "192.168.1.1",
        "100.64.0.1",
        "100.100.100.200",
        "169.254.169.254",
        "168.63.129.16",
        "192.0.0.192",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:169.254.169.254]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:7f00:1::]",
        "[2002:a9fe:a9fe::1]",
        "[::127.0.0.1]",
        "[::10.0.0.1]",
        "[fec0::1]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[fc00::1]",
        "[ff02::1]",
        "[2001:db8::1]",
    ],
)
def test_no_spelling_of_an_inner_address_is_called(host):
    for scheme in ("https", "http"):
        with pytest.raises(outgoing.AddressRefused):
            post(f"{scheme}://{host}/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "//example.com/",
        "https://",
        "https://user@example.com/",
        "https://user:secret@127.0.0.1/",
        "https://exa mple.com/",
        "https://example.com/\r\nHost: evil",
        "https://example.com:99999/",
        "https://[::1",
    ],
)
def test_what_is_no_plain_address_is_refused(url):
    with pytest.raises(outgoing.AddressRefused):
        post(url)


def test_a_public_address_is_called_over_tls_only():
    with pytest.raises(outgoing.AddressRefused, match="https"):
        post("http://hooks.example/", resolve=leads_to("93.184.215.14"))


def test_one_inner_address_among_public_ones_is_enough_to_refuse():
    def resolve(_host, port, **_more):
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("93.184.215.14", "127.0.0.1")
        ]

    with pytest.raises(outgoing.AddressRefused, match="127.0.0.1"):
        post("https://hooks.example/", resolve=resolve)


def test_a_name_that_changes_its_address_is_asked_once(receiver):
    """DNS rebinding: public when it is judged, ours when it is called."""
    port = receiver.rpartition(":")[2]
    asked = leads_to("127.0.0.1", "169.254.169.254")
    answer = post(f"http://rebind.example:{port}/good", LOCAL, resolve=asked)
    assert answer.status == 204
    with pytest.raises(outgoing.AddressRefused, match=r"169\.254"):
        post(f"http://rebind.example:{port}/good", LOCAL, resolve=asked)


def test_an_allowed_network_is_called_without_tls(receiver):
    assert post(f"{receiver}/good", LOCAL).status == 204
    assert Receiver.seen[0][2] == b"{}"


def test_an_allowed_network_is_reached_by_its_mapped_address_too(receiver):
    port = receiver.rpartition(":")[2]
    outgoing.check(f"http://[::ffff:127.0.0.1]:{port}/", allowed=LOCAL)


def test_a_redirect_is_an_answer_and_followed_by_nobody(receiver):
    assert post(f"{receiver}/away", LOCAL).status == 302
    assert len(Receiver.seen) == 1


def test_the_start_of_an_answer_is_kept(receiver):
    assert post(f"{receiver}/", LOCAL).start == "down for now"


def test_an_endless_answer_is_cut(receiver):
    answer = post(f"{receiver}/endless", LOCAL)
    assert (answer.status, len(answer.start)) == (200, outgoing.KEPT)


def test_an_answer_that_never_ends_is_not_waited_for(receiver, monkeypatch):
    monkeypatch.setattr(outgoing, "SECONDS", 0.5)
    assert post(f"{receiver}/drip", LOCAL).status == 200


def test_nonsense_is_a_failure(receiver):
    with pytest.raises(outgoing.CallFailed):
        post(f"{receiver}/nonsense", LOCAL)


def test_nobody_there_is_a_failure():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        with pytest.raises(outgoing.CallFailed):
            post(f"http://127.0.0.1:{port}/", LOCAL)


def test_a_document_is_fetched_whole(receiver):
    found = outgoing.get(f"{receiver}/good", allowed=LOCAL)
    assert (found.status, found.body) == (200, b"x" * 1000)
    assert "Content-Length" not in Receiver.seen[0][1]


def test_a_redirect_of_a_document_is_followed_by_nobody(receiver):
    assert outgoing.get(f"{receiver}/away", allowed=LOCAL).status == 302
    assert len(Receiver.seen) == 1


@pytest.mark.parametrize(
    ("path", "why"),
    [("endless", "more than"), ("broken", "reached"), ("slow", "too long|timed out")],
)
def test_a_part_of_a_document_is_no_document(receiver, path, why):
    with pytest.raises(outgoing.CallFailed, match=why):
        outgoing.get(f"{receiver}/{path}", allowed=LOCAL, seconds=0.5)


def test_a_name_service_that_hangs_is_not_waited_for():
    released = threading.Event()

    def resolve(*_args, **_more):
        released.wait(30)
        return []

    began = time.monotonic()
    with pytest.raises(outgoing.CallFailed, match="name service"):
        outgoing.get("https://slow.example/", allowed=(), seconds=0.3, resolve=resolve)
    released.set()
    assert time.monotonic() - began < 5


def send(url: str) -> outgoing.Document:
    return outgoing.send(url, b"a=b", headers={}, allowed=LOCAL)


def test_an_answer_to_what_is_sent_is_fetched_whole_or_not_at_all(receiver):
    assert send(f"{receiver}/bad") == outgoing.Document(503, b"down for now")
    with pytest.raises(outgoing.CallFailed, match="more than"):
        send(f"{receiver}/endless")


def test_a_redirect_of_what_is_sent_is_followed_by_nobody(receiver):
    assert send(f"{receiver}/away").status == 302
    assert len(Receiver.seen) == 1


def test_nothing_is_sent_into_our_own_network(receiver):
    with pytest.raises(outgoing.AddressRefused):
        outgoing.send(f"{receiver}/good", b"", headers={}, allowed=[])
    assert not Receiver.seen

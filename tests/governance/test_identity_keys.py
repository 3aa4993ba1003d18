"""The keys of an issuer: fetched with limits, kept a while, never from elsewhere."""

import json
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from governance import identities
from governance.access import InvalidToken
from governance.identities import IssuerUnreachable, fetching, keys
from tests.governance import issuer
from tests.governance.issuer import github, jwk, key_set, rsa_key, token, trusted
from tests.world import NOW, later


class Keys(BaseHTTPRequestHandler):
    """Serves what a test puts into `pages`: a status and a body by path."""

    pages: dict[str, tuple[int, str]] = {}
    asked: list[str] = []
    waits = threading.Event()

    def do_GET(self) -> None:
        self.asked.append(self.path)
        status, body = self.pages.get(self.path, (404, ""))
        if body == "slow":
            self.waits.wait(20)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", body)
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(body.encode())

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def home(settings, monkeypatch):
    """The address of an issuer of our own, and an empty cache."""
    settings.FREIGABE_OIDC_ALLOW = ["127.0.0.0/8"]
    settings.FREIGABE_OIDC_HTTP = True
    monkeypatch.setattr(fetching, "cache", fetching.KeyCache())
    server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    address = f"http://127.0.0.1:{server.server_port}"
    Keys.asked, Keys.waits = [], threading.Event()
    Keys.pages = {"/keys": (200, key_set())}
    configure(address, f"{address}/keys")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield address
    Keys.waits.set()
    server.shutdown()
    thread.join()
    server.server_close()


def configure(address: str, jwks_uri: object, said: str = "") -> None:
    text = json.dumps({"issuer": said or address, "jwks_uri": jwks_uri})
    Keys.pages["/.well-known/openid-configuration"] = (200, text)


@pytest.fixture
def enter(world, home):
    trusted(world, issuer=home, jwks="")

    def come(at=NOW, key=None, kid="k1", **claims):
        text = token(github(at, iss=home, **claims), key=key, kid=kid)
        return identities.authenticate(text, at=at)

    return come


def test_keys_are_found_by_discovery_and_fetched_once(enter):
    enter()
    enter(jti="2")
    enter(later(minutes=59), jti="3")
    assert Keys.asked == ["/.well-known/openid-configuration", "/keys"]
    enter(later(minutes=61), jti="4")
    assert Keys.asked.count("/keys") == 2


def test_an_address_in_the_rule_needs_no_discovery(world, home):
    there = "https://issuer.example"
    trusted(world, issuer=there, jwks="", jwks_uri=f"{home}/keys")
    text = token(github(iss=there))
    assert identities.authenticate(text, at=NOW).is_machine
    assert Keys.asked == ["/keys"]


def test_a_new_key_is_asked_for_once_in_half_a_minute(enter):
    enter()
    for number in range(5):
        with pytest.raises(InvalidToken, match="no such key"):
            enter(later(seconds=1), kid=f"made-up-{number}", jti="2")
    assert Keys.asked.count("/keys") == 1
    Keys.pages["/keys"] = (200, key_set(jwk("k2", rsa_key("next"))))
    assert enter(later(seconds=31), key=rsa_key("next"), kid="k2", jti="3").is_machine
    with pytest.raises(InvalidToken, match="no such key"):
        enter(later(seconds=32), jti="4")
    assert Keys.asked.count("/keys") == 2


def test_old_keys_hold_while_the_issuer_is_silent_but_not_for_ever(enter):
    enter()
    Keys.pages = {}
    assert enter(later(hours=23), jti="2").is_machine
    with pytest.raises(IssuerUnreachable, match="404"):
        enter(later(hours=25), jti="3")


def test_a_silent_issuer_is_asked_once_in_half_a_minute(enter):
    Keys.pages = {}
    for number in range(5):
        with pytest.raises(IssuerUnreachable):
            enter(jti=str(number))
    assert len(Keys.asked) == 1


def test_nobody_waits_for_a_slow_issuer(enter, monkeypatch):
    monkeypatch.setattr(fetching, "SECONDS", 0.5)
    Keys.pages["/keys"] = (200, "slow")
    began = time.monotonic()
    with pytest.raises(IssuerUnreachable):
        enter()
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "body",
    [
        *("", "[]", "{}", '{"keys": {}}', '{"keys": []}', '{"keys": [1]}', "[" * 9000),
        '{"keys": ' + "9" * 5000 + "}",
        key_set() + " " * 80_000,
        key_set(*[jwk(f"k{n}") for n in range(51)]),
        key_set(jwk(), {"kty": "oct", "kid": "s", "k": "c2VjcmV0"}),
        key_set(jwk(use="enc")),
        key_set(jwk(alg="RS512")),
        key_set({**jwk(), "n": "AQAB"}),
        key_set({**jwk(), "n": "A" * 3000}),
        key_set({**jwk(), "n": 7}),
        key_set({**jwk(), "kid": None}),
    ],
)
def test_what_is_no_key_set_opens_nothing(enter, body):
    Keys.pages["/keys"] = (200, body)
    with pytest.raises((IssuerUnreachable, InvalidToken)):
        enter()


def test_two_keys_of_one_name_are_none(enter):
    Keys.pages["/keys"] = (200, key_set(jwk(), jwk(key=rsa_key("other")), jwk("x")))
    with pytest.raises(InvalidToken, match="no such key"):
        enter()


@pytest.mark.parametrize(
    "uri",
    [
        *("http://127.0.0.2:80/keys", "https://evil.example/keys", "//x/keys", 7, None),
        *("http://169.254.169.254/latest/meta-data", "file:///etc/passwd", "/keys"),
        "http://[::1",
    ],
)
def test_the_issuer_cannot_send_us_elsewhere(enter, home, uri):
    configure(home, uri)
    with pytest.raises(IssuerUnreachable):
        enter()
    assert Keys.asked == ["/.well-known/openid-configuration"]


def test_the_configuration_of_another_issuer_is_not_taken(enter, home):
    configure(home, f"{home}/keys", said="https://other.example")
    with pytest.raises(IssuerUnreachable, match="another"):
        enter()


@pytest.mark.parametrize("path", ["/keys", "/.well-known/openid-configuration"])
def test_a_redirect_leads_nowhere(enter, path):
    Keys.pages[path] = (302, "http://169.254.169.254/latest/meta-data")
    with pytest.raises(IssuerUnreachable, match="302"):
        enter()
    assert Keys.asked[-1] == path


def test_without_the_operators_word_no_inner_address_and_no_plain_http(
    world, home, settings
):
    trusted(world, issuer=home, jwks="")
    text = token(github(iss=home))
    settings.FREIGABE_OIDC_ALLOW = []
    with pytest.raises(IssuerUnreachable, match="not public"):
        identities.authenticate(text, at=NOW)
    settings.FREIGABE_OIDC_HTTP = False
    with pytest.raises(IssuerUnreachable, match="https"):
        identities.authenticate(text, at=later(seconds=31))
    assert Keys.asked == []


def test_sources_are_forgotten_before_they_fill_the_memory(home):
    cache = fetching.KeyCache()
    for number in range(fetching.MOST_SOURCES + 5):
        source = fetching.Source(f"https://{number}.example", f"{home}/keys")
        assert cache.find(source, "k1", at=NOW)
    assert len(cache._held) == fetching.MOST_SOURCES


def test_many_at_once_cause_one_fetch(home):
    cache, found = fetching.KeyCache(), []
    source = fetching.Source("https://issuer.example", f"{home}/keys")

    def look() -> None:
        found.append(cache.find(source, "k1", at=NOW))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(found)
    assert Keys.asked == ["/keys"]


def test_keys_of_the_algorithms_that_we_take():
    found = keys.parse(
        key_set(jwk("r"), jwk("e", issuer.ec_key()), jwk("p", alg="PS256"))
    )
    uses = {kid: key.algorithms for kid, key in found.items() if key}
    assert uses == {"r": ("RS256", "PS256"), "e": ("ES256",), "p": ("PS256",)}

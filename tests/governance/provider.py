"""An identity provider of our own, on a port of this machine."""

import base64
import hashlib
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from governance import persons
from governance.models import PersonIdentity
from registry.models import User
from tests.governance.issuer import key_set, seconds, token
from tests.world import World

CLIENT = "freigabe"


class Provider:
    """What one gets asked and answers; a test bends `claims`, `pages` or `key`."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.key = None
        self.headers: dict[str, str] = {}
        self.codes: dict[str, tuple[str, str]] = {}
        self.asked: list[str] = []
        self.exchanges: list[tuple[str, dict[str, str]]] = []
        self.keys = key_set()
        self.pages: dict[str, object] = {
            "issuer": address,
            "authorization_endpoint": f"{address}/authorize",
            "token_endpoint": f"{address}/token",
            "jwks_uri": f"{address}/keys",
        }

    def visit(self, url: str, *, at, sub: str, **more: object) -> dict[str, str]:
        """What the browser comes back with, after somebody logged in as `sub`."""
        asked = {
            name: values[0] for name, values in parse_qs(urlsplit(url).query).items()
        }
        claims = {
            "iss": self.address,
            "aud": CLIENT,
            "sub": sub,
            "nonce": asked["nonce"],
            "iat": seconds(at),
            "exp": seconds(at) + 300,
            "auth_time": seconds(at),
            "acr": "phr",
            "amr": ["pwd", "otp"],
            **more,
        }
        claims = {name: value for name, value in claims.items() if value is not ...}
        made = token(claims, key=self.key, **self.headers)
        code = f"code-{len(self.codes)}"
        self.codes[code] = (made, asked["code_challenge"])
        return {"code": code, "state": asked["state"]}

    def redeem(self, form: dict[str, str]) -> tuple[int, object]:
        made, challenge = self.codes.pop(form.get("code", ""), ("", ""))
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if (
            not made
            or base64.urlsafe_b64encode(digest).decode().rstrip("=") != challenge
        ):
            return 400, {"error": "invalid_grant"}
        return 200, {"id_token": made, "token_type": "Bearer", "access_token": "x"}


def serve() -> tuple[Provider, Callable[[], None]]:
    """A provider that listens, and what ends it."""
    found: list[Provider] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found[0].asked.append(self.path)
            pages = {
                "/.well-known/openid-configuration": json.dumps(found[0].pages),
                "/keys": found[0].keys,
            }
            self._say(200 if self.path in pages else 404, pages.get(self.path, ""))

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = parse_qs(self.rfile.read(length).decode())
            form = {name: values[0] for name, values in body.items()}
            found[0].exchanges.append((self.headers.get("Authorization", ""), form))
            status, said = found[0].redeem(form)
            self._say(status, json.dumps(said))

        def _say(self, status: int, body: str) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.append(Provider(f"http://127.0.0.1:{server.server_port}"))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()

    def end() -> None:
        server.shutdown()
        thread.join()
        server.server_close()

    return found[0], end


def recorded(world: World, user: User, provider: Provider, subject: str, at):
    """The administrator records by what the provider knows somebody."""
    return persons.record_identity(
        user=user,
        kind=PersonIdentity.Kind.SUBJECT,
        issuer=provider.address,
        value=subject,
        by=world.adam,
        at=at,
    )

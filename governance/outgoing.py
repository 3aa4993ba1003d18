"""Calls to addresses that people type in: never to our own network.

Server-side request forgery (CWE-918): a name is resolved once, every address that it
has is judged, and the connection goes to the address that was judged.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from io import BytesIO
from typing import IO, Any
from urllib.parse import SplitResult, urlsplit

from django.utils.translation import gettext as _

SECONDS = 10.0  # for everything, however slowly it drips
LARGEST_ANSWER = 64 * 1024
KEPT = 500  # bytes of the answer's body
# Public addresses that mean the machine's own cloud.
_METADATA = frozenset({ipaddress.ip_address("168.63.129.16")})
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# IPv6 addresses that hold an IPv4 address in their last half (RFC 4291, 2.5.5.1).
_COMPATIBLE = ipaddress.ip_network("::/96")

# The system's resolver knows no time limit: who waits for it here, may stop waiting.
_resolvers = ThreadPoolExecutor(max_workers=4, thread_name_prefix="resolve")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[..., Sequence[tuple[Any, ...]]]


class AddressRefused(Exception):
    """This address is never called; the text says why."""


class CallFailed(Exception):
    """The other side cannot be reached or answers nonsense; the text says which."""


@dataclass(frozen=True)
class Answer:
    """A status, and the start of the body as text."""

    status: int
    start: str


@dataclass(frozen=True)
class Document:
    """A status, and the whole body."""

    status: int
    body: bytes


@dataclass(frozen=True)
class _Target:
    parts: SplitResult
    host: str
    port: int
    address: str


def check(
    url: str, *, allowed: Sequence[str], resolve: Resolve = socket.getaddrinfo
) -> None:
    """Refuse an address that would be refused when called. Raises `AddressRefused`.

    A name that does not resolve now is refused, too.
    """
    try:
        _target(url, allowed, resolve)
    except CallFailed as error:
        raise AddressRefused(str(error)) from error


def post(
    url: str,
    body: bytes,
    *,
    headers: Mapping[str, str],
    allowed: Sequence[str],
    resolve: Resolve = socket.getaddrinfo,
) -> Answer:
    """Send a body and return the answer, whatever its status; follow no redirect.

    `allowed` names networks that may be called although they are not public, such as
    `10.1.0.0/16`, and only they without TLS. Asks no proxy. Raises `AddressRefused`,
    `CallFailed`.
    """
    deadline = time.monotonic() + SECONDS
    target = _target(url, allowed, resolve, deadline)
    try:
        received, _ended = _exchange(target, _request(target, body, headers), deadline)
        return _answer(received)
    except (OSError, HTTPException, ValueError) as error:
        raise _failed(target, error) from error


def get(
    url: str,
    *,
    allowed: Sequence[str],
    headers: Mapping[str, str] | None = None,
    seconds: float = SECONDS,
    largest: int = LARGEST_ANSWER,
    certificate: str = "",
    resolve: Resolve = socket.getaddrinfo,
) -> Document:
    """Fetch a document whole, whatever its status; follow no redirect.

    As `post`, within `seconds` for everything. `certificate` is the authority (PEM)
    that alone is trusted to vouch for the other side. A body that breaks off, or an
    answer of more than `largest` bytes with its headers, is a failure, never a part.
    Raises `AddressRefused`, `CallFailed`.
    """
    deadline = time.monotonic() + seconds
    target = _target(url, allowed, resolve, deadline)
    request = _request(target, b"", headers or {}, method="GET")
    return _fetched(target, request, deadline, largest, certificate)


def send(
    url: str,
    body: bytes,
    *,
    headers: Mapping[str, str],
    allowed: Sequence[str],
    seconds: float = SECONDS,
    largest: int = LARGEST_ANSWER,
    resolve: Resolve = socket.getaddrinfo,
) -> Document:
    """Send a body and fetch the answer whole, with the limits of `get`.

    Raises `AddressRefused`, `CallFailed`.
    """
    deadline = time.monotonic() + seconds
    target = _target(url, allowed, resolve, deadline)
    return _fetched(target, _request(target, body, headers), deadline, largest)


def _fetched(
    target: _Target,
    request: bytes,
    deadline: float,
    largest: int,
    certificate: str = "",
) -> Document:
    try:
        received, ended = _exchange(target, request, deadline, largest + 1, certificate)
        if len(received) > largest:
            raise CallFailed(
                _("%(host)s answers with more than %(size)s bytes.")
                % {"host": target.host, "size": largest}
            )
        if not ended:
            raise TimeoutError(_("it takes too long"))
        return _whole(received)
    except (OSError, HTTPException, ValueError) as error:
        raise _failed(target, error) from error


def _exchange(
    target: _Target,
    request: bytes,
    deadline: float,
    largest: int = LARGEST_ANSWER,
    certificate: str = "",
) -> tuple[bytes, bool]:
    with _connected(target, deadline, certificate) as sock:
        sock.settimeout(_left(deadline))
        sock.sendall(request)
        return _read(sock, deadline, largest)


def _failed(target: _Target, error: Exception) -> CallFailed:
    return CallFailed(
        _("%(host)s cannot be reached: %(error)s")
        % {"host": target.host, "error": error}
    )


def _target(
    url: str,
    allowed: Sequence[str],
    resolve: Resolve,
    deadline: float | None = None,
) -> _Target:
    """Whom to call: all addresses of the name are judged, the first is taken."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise AddressRefused(_("This is no address: %s") % error) from error
    if parts.scheme not in ("http", "https") or not host or not url.isprintable():
        raise AddressRefused(_("An address begins with https:// and names a host."))
    if parts.username is not None or parts.password is not None or " " in url:
        raise AddressRefused(_("No user name, password or space in the address."))
    port = port or (443 if parts.scheme == "https" else 80)
    asked = _resolvers.submit(resolve, host, port, type=socket.SOCK_STREAM)
    try:
        found = asked.result(SECONDS if deadline is None else _left(deadline))
    except (OSError, UnicodeError) as error:
        asked.cancel()
        raise CallFailed(_("%s is not known to the name service.") % host) from error
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        _require_public(address, allowed, tls=parts.scheme == "https")
    if not addresses:
        raise CallFailed(_("%s has no address.") % host)
    return _Target(parts, host, port, addresses[0])


def _require_public(text: str, allowed: Sequence[str], *, tls: bool) -> None:
    address = ipaddress.ip_address(text)
    meant = _embedded(address)
    if any(_within(one, allowed) for one in {address, meant}):
        return
    if not all(_public(one) for one in {address, meant}):
        raise AddressRefused(
            _("%s is not public. The operator can allow it by its network.") % text
        )
    if _METADATA & {address, meant}:
        raise AddressRefused(_("%s belongs to the cloud's own services.") % text)
    if not tls:
        raise AddressRefused(_("Public addresses are called over https:// only."))


def _public(address: Address) -> bool:
    # Site-local addresses are of the inner network still (RFC 3879).
    site_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    return address.is_global and not address.is_multicast and not site_local


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 address leads to, or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64 or address in _COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address


def _within(address: Address, networks: Sequence[str]) -> bool:
    return any(address in ipaddress.ip_network(network) for network in networks)


def _connected(
    target: _Target, deadline: float, certificate: str = ""
) -> socket.socket:
    sock = socket.create_connection((target.address, target.port), _left(deadline))
    if target.parts.scheme == "http":
        return sock
    try:
        sock.settimeout(_left(deadline))
        context = ssl.create_default_context(cadata=certificate or None)
        return context.wrap_socket(sock, server_hostname=target.host)
    except BaseException:
        sock.close()
        raise


def _request(
    target: _Target, body: bytes, headers: Mapping[str, str], method: str = "POST"
) -> bytes:
    path = target.parts.path or "/"
    if target.parts.query:
        path += f"?{target.parts.query}"
    host = target.parts.netloc
    lines = {
        "Host": host,
        "Connection": "close",
        **({"Content-Length": str(len(body))} if method == "POST" else {}),
        "User-Agent": "Freigabe",
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body


def _read(sock: socket.socket, deadline: float, largest: int) -> tuple[bytes, bool]:
    """What comes, up to a size and a time, and whether the other side ended it."""
    received = b""
    while len(received) < largest:
        try:
            sock.settimeout(_left(deadline))
            piece = sock.recv(min(8192, largest - len(received)))
        except TimeoutError:
            if b"\r\n\r\n" in received:
                break
            raise
        if not piece:
            return received, True
        received += piece
    return received, False


class _Received:
    """Bytes that came, as `HTTPResponse` wants to read them."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> IO[bytes]:
        return BytesIO(self._data)


def _answer(received: bytes) -> Answer:
    response = HTTPResponse(_Received(received))  # type: ignore[arg-type]
    response.begin()
    try:
        start = response.read(KEPT)
    except HTTPException:
        start = b""
    return Answer(response.status, start.decode("utf-8", "replace"))


def _whole(received: bytes) -> Document:
    """All of it; `IncompleteRead` is an `HTTPException`."""
    response = HTTPResponse(_Received(received), method="GET")  # type: ignore[arg-type]
    response.begin()
    return Document(response.status, response.read())


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError(_("it takes too long"))
    return left

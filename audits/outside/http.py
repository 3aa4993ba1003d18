"""Calls to addresses that the operator configured: bounded in time, size and place."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import requests
import urllib3

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
BODY_SECONDS = 30.0  # for a whole answer, however slowly it drips
LARGEST_ANSWER = 1_000_000  # bytes


class CallFailed(Exception):
    """The other side cannot be reached or answers nonsense; the text says which."""


@dataclass(frozen=True)
class Answer:
    """A status and a body of at most LARGEST_ANSWER bytes."""

    status: int
    content_type: str
    body: bytes


def post(
    url: str,
    body: bytes,
    *,
    headers: Mapping[str, str] | None = None,
    read_seconds: float = READ_SECONDS,
) -> Answer:
    """Send a body and return the answer, whatever its status. Raises CallFailed.

    Follows no redirect, and asks no proxy that the environment does not name.
    """
    try:
        with requests.post(
            url,
            data=body,
            headers=dict(headers or {}),
            timeout=(CONNECT_SECONDS, read_seconds),
            allow_redirects=False,
            stream=True,
        ) as response:
            content = _bounded(response.raw, url)
            kind = response.headers.get("Content-Type", "").partition(";")[0].strip()
            status = response.status_code
    except (
        requests.RequestException,
        urllib3.exceptions.HTTPError,  # what reading a body raises
        OSError,
        ValueError,
    ) as error:
        raise CallFailed(f"{url} cannot be reached: {error}") from error
    return Answer(status, kind, content)


def _bounded(raw: urllib3.BaseHTTPResponse, url: str) -> bytes:
    """Read a body piece by piece, up to a size and a time. Raises CallFailed."""
    until = time.monotonic() + BODY_SECONDS
    content = b""
    while piece := raw.read1(65_536, decode_content=True):
        content += piece
        if len(content) > LARGEST_ANSWER:
            raise CallFailed(f"{url} answers with more than {LARGEST_ANSWER} bytes.")
        if time.monotonic() > until:
            raise CallFailed(f"{url} takes longer than {BODY_SECONDS} s to answer.")
    if raw.length_remaining:
        raise CallFailed(f"{url} breaks off in the middle of its answer.")
    return content

"""Calls to addresses that the operator configured: bounded in time, size and place."""

from collections.abc import Mapping
from dataclasses import dataclass

import requests

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
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
            content = response.raw.read(LARGEST_ANSWER + 1, decode_content=True)
            kind = response.headers.get("Content-Type", "").partition(";")[0].strip()
            status = response.status_code
    except (requests.RequestException, OSError, ValueError) as error:
        raise CallFailed(f"{url} cannot be reached: {error}") from error
    if len(content) > LARGEST_ANSWER:
        raise CallFailed(f"{url} answers with more than {LARGEST_ANSWER} bytes.")
    return Answer(status, kind, content)

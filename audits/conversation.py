"""Reads what a sandboxed child says over its pipe, believing nothing of it."""

import json
import math
import os
import selectors
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.sandboxed import wire

MAX_REPLY_BYTES = 2 * 1024**3
MAX_WORDS_BYTES = 256 * 1024**2  # JSON, sentences
MAX_HEAD_BYTES = 10_000
BEAT_SECONDS = 1.0
OnProgress = Callable[[float, str], None]
OnBeat = Callable[[], None]


class BrokenAnswer(Exception):
    """The child broke the form of its answer; the text is a sentence for people."""


@dataclass
class Conversation:
    """What has come over the pipe so far."""

    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    values: dict[str, Any] | None = None
    refusal: str | None = None
    level: str = ""
    progress: tuple[float, str] = (0.0, "starting")
    received: int = 0

    @property
    def ended(self) -> bool:
        """Whether the child has said its last word."""
        return self.values is not None or self.refusal is not None


def listen(
    answers: int,
    *,
    deadline: float,
    on_progress: OnProgress | None,
    on_beat: OnBeat,
) -> Conversation:
    """Read frames until the child answers, refuses, or closes the pipe.

    `on_progress` hears from the child about once a second, `on_beat` is called four
    times as often; what they raise passes through. Arrays are read into their place,
    so that the pipe costs no second copy. Raises BrokenAnswer, and TimeoutError at the
    `deadline` (`time.monotonic`).
    """
    talk = Conversation()
    places = _places(talk)
    place = next(places)
    next_beat = next_look = 0.0
    with selectors.DefaultSelector() as selector:
        selector.register(answers, selectors.EVENT_READ)
        while True:
            now = time.monotonic()
            if now > deadline:
                raise TimeoutError
            if on_progress is not None and now >= next_beat:
                on_progress(*talk.progress)
                next_beat = now + BEAT_SECONDS
            if now >= next_look:
                on_beat()
                next_look = now + BEAT_SECONDS / 4
            if not selector.select(timeout=BEAT_SECONDS / 4):
                continue
            count = os.readv(answers, [place])
            if not count:
                return talk
            place = place[count:]
            while not place:
                place = next(places)
                if talk.ended:
                    return talk


def _places(talk: Conversation) -> Iterator[memoryview]:
    """Answer one empty place after the other for the bytes that come next."""
    while True:
        prefix = bytearray(wire.PREFIX)
        yield memoryview(prefix)
        size = int.from_bytes(prefix[1:], "big")
        talk.received += size + wire.PREFIX
        if talk.received > MAX_REPLY_BYTES:
            raise BrokenAnswer("The model code answered with too much data.")
        try:
            if prefix[:1] == wire.ARRAY:
                yield from _array(talk, size)
            else:
                yield from _words(talk, bytes(prefix[:1]), size)
        except (ValueError, KeyError, TypeError, RecursionError) as trouble:
            raise BrokenAnswer(BROKEN) from trouble


BROKEN = "The model code broke the form of its answer."


def _array(talk: Conversation, size: int) -> Iterator[memoryview]:
    length = bytearray(wire.HEAD_PREFIX)
    yield memoryview(length)
    head_size = int.from_bytes(length, "big")
    if head_size > MAX_HEAD_BYTES:
        raise ValueError("head")
    head_bytes = bytearray(head_size)
    yield memoryview(head_bytes)
    head = json.loads(head_bytes)
    shape = tuple(int(length) for length in head["shape"])
    if any(length < 0 for length in shape) or len(shape) > 3:
        raise ValueError("shape")
    body = math.prod(shape) * wire.DTYPES[head["dtype"]]
    if body + wire.HEAD_PREFIX + head_size != size:
        raise ValueError("size")
    array = np.empty(shape, dtype=head["dtype"])
    yield memoryview(array.reshape(-1).view(np.uint8))
    talk.arrays[str(head["name"])] = array


def _words(talk: Conversation, kind: bytes, size: int) -> Iterator[memoryview]:
    if size > MAX_WORDS_BYTES:
        raise ValueError("size")
    payload = bytearray(size)
    yield memoryview(payload)
    if kind == wire.PROGRESS:
        share, words = json.loads(payload)
        talk.progress = (min(max(float(share), 0.0), 1.0), str(words)[:200])
    elif kind == wire.RESULT:
        values = json.loads(payload)
        if not isinstance(values, dict):
            raise ValueError("not an object")
        talk.values = values
    elif kind == wire.REFUSAL:
        talk.refusal = payload.decode(errors="replace")[:2000]
    elif kind == wire.LEVEL and not talk.level:  # the first, before hostile bytes
        talk.level = payload.decode(errors="replace")[:200]
    else:
        raise ValueError("unknown frame")

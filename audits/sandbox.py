"""Runs one verb over hostile files in a child without credentials or network."""

import json
import logging
import math
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from audits import isolation
from audits.sandboxed import wire

DEFAULT_TIMEOUT_SECONDS = 900
DEFAULT_MEMORY_BYTES = 4 * 1024**3
MAX_REPLY_BYTES = 2 * 1024**3
MAX_PROCESSES = 256
THREADS = "2"
BEAT_SECONDS = 1.0
LOGGED_BYTES = 8000
OnProgress = Callable[[float, str], None]
logger = logging.getLogger(__name__)


class SandboxRefused(Exception):
    """The child refused, crashed or lied; the text is a full sentence for people."""


class SandboxTimeout(SandboxRefused):
    """The child did not finish in the time it was given."""


@dataclass(frozen=True)
class SandboxResult:
    """What a child answered. Its shape is checked, its content is not believed."""

    values: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
    level: str
    seconds: float


@dataclass
class _Conversation:
    """What has come over the pipe so far."""

    buffer: bytearray = field(default_factory=bytearray)
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    values: dict[str, Any] | None = None
    refusal: str | None = None
    level: str = ""
    progress: tuple[float, str] = (0.0, "starting")
    received: int = 0


def run(
    verb: str,
    *,
    files: Mapping[str, Path],
    options: Mapping[str, Any],
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    memory_bytes: int = DEFAULT_MEMORY_BYTES,
    on_progress: OnProgress | None = None,
) -> SandboxResult:
    """Do `inspect`, `check`, `predict`, `explain` or `probe` in a child of its own.

    `on_progress` is called with a share (0 to 1) and words, at least once a second;
    what it raises ends the child and passes through (so a caller can cancel).
    Raises SandboxRefused with a sentence, SandboxTimeout after `timeout_seconds`, and
    FileNotFoundError when a file of ours is gone.
    """
    began = time.monotonic()
    way = isolation.isolation()
    files = {name: path.resolve(strict=True) for name, path in files.items()}
    job = {
        "verb": verb,
        "files": way.seen(files),
        "options": dict(options),
        "level": way.level,
        "contained": way.contained,
        "parent": 0 if way.contained else os.getpid(),
        "memory_bytes": memory_bytes,
        "cpu_seconds": int(timeout_seconds * int(THREADS)) + 5,
        # Outside a user namespace the limit counts all processes of the user.
        "processes": MAX_PROCESSES if way.contained else 0,
    }
    with (
        tempfile.TemporaryDirectory(prefix="freigabe-") as scratch,
        tempfile.TemporaryFile() as task,
        tempfile.TemporaryFile() as trouble,
    ):
        task.write(json.dumps(job).encode())
        task.seek(0)
        home = isolation.SCRATCH_INSIDE if way.contained else scratch
        child, answers = _start(
            way.command(files), home=home, task=task, trouble=trouble
        )
        try:
            talk = _listen(answers, began + timeout_seconds, on_progress)
            code = child.wait(timeout=max(1.0, began + timeout_seconds - _now()))
        except (TimeoutError, subprocess.TimeoutExpired):
            raise SandboxTimeout(_too_long(timeout_seconds)) from None
        finally:
            _end(child, answers)
            words = _last_words(trouble)
        if words:
            logger.info("The sandbox said while it was asked to %s:\n%s", verb, words)
        if talk.refusal is not None:
            raise SandboxRefused(talk.refusal)
        if talk.values is None:
            raise SandboxRefused(_what_happened(code, words))
    return SandboxResult(
        values=talk.values,
        arrays=talk.arrays,
        level=talk.level,
        seconds=round(_now() - began, 3),
    )


def _now() -> float:
    return time.monotonic()


def _too_long(seconds: float) -> str:
    return f"The model code took longer than {seconds:g} seconds and was stopped."


def _start(
    command: list[str], *, home: str, task: IO[bytes], trouble: IO[bytes]
) -> tuple[subprocess.Popen[bytes], int]:
    ours, theirs = os.pipe()
    try:
        child = subprocess.Popen(
            command,
            env=_environment(home),
            stdin=task,
            stdout=theirs,
            stderr=trouble,
            cwd="/",
            close_fds=True,
            start_new_session=True,
        )
    except OSError:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    return child, ours


def _environment(home: str) -> dict[str, str]:
    """The whole environment of the child: no credentials, no telemetry, few threads."""
    threads = ("OMP", "OPENBLAS", "MKL", "NUMEXPR")
    return {
        "HOME": home,
        "TMPDIR": home,
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "LOKY_MAX_CPU_COUNT": "1",
        "MALLOC_ARENA_MAX": "2",
        "OMP_WAIT_POLICY": "PASSIVE",  # spinning threads starve a busy machine
        "ORT_DISABLE_TELEMETRY": "1",
        **{f"{name}_NUM_THREADS": THREADS for name in threads},
    }


def _listen(
    answers: int, deadline: float, on_progress: OnProgress | None
) -> _Conversation:
    talk = _Conversation()
    next_beat = 0.0
    with selectors.DefaultSelector() as selector:
        selector.register(answers, selectors.EVENT_READ)
        while True:
            if _now() > deadline:
                raise TimeoutError
            if on_progress is not None and _now() >= next_beat:
                on_progress(*talk.progress)
                next_beat = _now() + BEAT_SECONDS
            if not selector.select(timeout=BEAT_SECONDS / 4):
                continue
            chunk = os.read(answers, 1 << 20)
            if not chunk:
                return talk
            talk.received += len(chunk)
            if talk.received > MAX_REPLY_BYTES:
                raise SandboxRefused("The model code answered with too much data.")
            talk.buffer += chunk
            _take_frames(talk)


def _take_frames(talk: _Conversation) -> None:
    while len(talk.buffer) >= wire.PREFIX:
        size = int.from_bytes(talk.buffer[1 : wire.PREFIX], "big")
        if size > MAX_REPLY_BYTES:
            raise SandboxRefused("The model code broke the form of its answer.")
        end = wire.PREFIX + size
        if len(talk.buffer) < end:
            return
        kind = bytes(talk.buffer[:1])
        payload = bytes(talk.buffer[wire.PREFIX : end])
        del talk.buffer[:end]
        try:
            _take(talk, kind, payload)
        except (ValueError, KeyError, TypeError) as trouble:
            raise SandboxRefused(
                "The model code broke the form of its answer."
            ) from trouble


def _take(talk: _Conversation, kind: bytes, payload: bytes) -> None:
    if kind == wire.PROGRESS:
        share, words = json.loads(payload)
        talk.progress = (min(max(float(share), 0.0), 1.0), str(words)[:200])
    elif kind == wire.ARRAY:
        name, array = _read_array(payload)
        talk.arrays[name] = array
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


def _read_array(payload: bytes) -> tuple[str, NDArray[Any]]:
    """Read one array frame. Raises ValueError when size and shape disagree."""
    cut = 4 + int.from_bytes(payload[:4], "big")
    head = json.loads(payload[4:cut])
    size = wire.DTYPES[head["dtype"]]
    shape = tuple(int(length) for length in head["shape"])
    if any(length < 0 for length in shape) or len(shape) > 2:
        raise ValueError("shape")
    if math.prod(shape) * size != len(payload) - cut:
        raise ValueError("size")
    body = np.frombuffer(payload, dtype=head["dtype"], offset=cut)
    return str(head["name"]), body.reshape(shape)


def _end(child: subprocess.Popen[bytes], answers: int) -> None:
    """Kill the whole group: bubblewrap, the child, and what the child started."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        child.kill()
    os.close(answers)
    child.wait()


def _last_words(trouble: IO[bytes]) -> str:
    size = trouble.seek(0, os.SEEK_END)
    trouble.seek(max(0, size - LOGGED_BYTES))
    return trouble.read().decode(errors="replace").strip()


def _what_happened(code: int, words: str) -> str:
    """Say in a sentence how a child ended that did not answer."""
    # A shell convention that bubblewrap follows: 128 plus the signal.
    number = -code if code < 0 else code - 128
    if number == signal.SIGKILL:
        return "The model code was killed, most likely because it used too much memory."
    if number == signal.SIGXCPU:
        return "The model code used more processor time than allowed and was stopped."
    if number in set(signal.Signals):
        name = signal.Signals(number).name
        return f"The model file crashed its loader ({name}); it was not accepted."
    last = words.rsplit("\n", maxsplit=1)[-1][:300]
    return f"The model code ended with an error: {last or f'exit code {code}'}."

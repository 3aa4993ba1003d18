"""Runs one verb over hostile files in a child without credentials or network."""

import contextlib
import fcntl
import json
import logging
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from numpy.typing import NDArray

from audits import isolation
from audits.conversation import BrokenAnswer, listen
from audits.conversation import OnProgress as OnProgress

DEFAULT_TIMEOUT_SECONDS = 900
DEFAULT_MEMORY_BYTES = 4 * 1024**3
MAX_PROCESSES = 256
DEFAULT_THREADS = 2
GRACE_SECONDS = 5.0
MAX_SCRATCH_FILES = 10_000
PIPE_BYTES = 1024**2
LOGGED_BYTES = 8000
# Of all libraries known to phone home (evidence.md, finding 10), installed or not.
NO_TELEMETRY = (
    "ORT_DISABLE_TELEMETRY",  # onnxruntime
    "MLFLOW_DISABLE_TELEMETRY",
    "HF_HUB_DISABLE_TELEMETRY",
    "ITERATIVE_DO_NOT_TRACK",  # evidently
    "NML_DISABLE_USAGE_LOGGING",  # nannyml
    "SCARF_NO_ANALYTICS",
    "DO_NOT_TRACK",
    "DISABLE_TELEMETRY",
)
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


def run(
    verb: str,
    *,
    files: Mapping[str, Path],
    options: Mapping[str, Any],
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    memory_bytes: int = DEFAULT_MEMORY_BYTES,
    threads: int = DEFAULT_THREADS,
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
    job: dict[str, Any] = {
        "verb": verb,
        "files": way.seen(files),
        "options": dict(options),
        "level": way.level,
        "contained": way.contained,
        "parent": 0 if way.contained else os.getpid(),
        "readable": [] if way.contained else isolation.readable(),
        "memory_bytes": memory_bytes,
        "cpu_seconds": int(timeout_seconds * threads) + 5,
        # Outside a user namespace the limit counts all processes of the user.
        "processes": MAX_PROCESSES if way.contained else 0,
    }
    with (
        tempfile.TemporaryDirectory(
            prefix="freigabe-", ignore_cleanup_errors=True
        ) as scratch,
        tempfile.TemporaryFile() as task,
        tempfile.TemporaryFile() as trouble_file,
    ):
        job["scratch"] = scratch
        task.write(json.dumps(job).encode())
        task.seek(0)
        home = isolation.SCRATCH_INSIDE if way.contained else scratch
        child, answers = _start(
            way.command(files),
            environment=_environment(home, threads),
            task=task,
            trouble=trouble_file,
        )
        try:
            talk = listen(
                answers,
                deadline=began + timeout_seconds,
                on_progress=on_progress,
                on_beat=lambda: _check_scratch(Path(scratch)),
            )
            code = None if talk.ended else _wait(child)
        except TimeoutError:
            raise SandboxTimeout(_too_long(timeout_seconds)) from None
        except BrokenAnswer as trouble:
            raise SandboxRefused(str(trouble)) from trouble
        finally:
            _end(child, answers)
            words = _last_words(trouble_file)
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
    command: list[str],
    *,
    environment: dict[str, str],
    task: IO[bytes],
    trouble: IO[bytes],
) -> tuple[subprocess.Popen[bytes], int]:
    ours, theirs = os.pipe()
    with contextlib.suppress(OSError):  # a limit for pipes of all users together
        fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    try:
        child = subprocess.Popen(
            command,
            env=environment,
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


def _environment(home: str, threads: int) -> dict[str, str]:
    """The whole environment of the child: no credentials, no telemetry, few threads."""
    counted = ("OMP", "OPENBLAS", "MKL", "NUMEXPR")
    return {
        "HOME": home,
        "TMPDIR": home,
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "LOKY_MAX_CPU_COUNT": "1",
        "MALLOC_ARENA_MAX": "2",
        "OMP_WAIT_POLICY": "PASSIVE",  # spinning threads starve a busy machine
        **dict.fromkeys(NO_TELEMETRY, "1"),
        **{f"{name}_NUM_THREADS": str(threads) for name in counted},
    }


def _wait(child: subprocess.Popen[bytes]) -> int | None:
    """Answer the exit code of a child that closed its pipe; None when it lives on."""
    try:
        return child.wait(timeout=GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        return None


def _check_scratch(folder: Path) -> None:
    """Refuse to let a child fill the disk (in bubblewrap its scratch is elsewhere)."""
    used = count = 0
    for inside, _, names in os.walk(folder):
        for name in names:
            count += 1
            with contextlib.suppress(OSError):
                used += os.lstat(os.path.join(inside, name)).st_size
    if used > isolation.SCRATCH_BYTES or count > MAX_SCRATCH_FILES:
        raise SandboxRefused(
            "The model code wrote more than it may into its scratch folder and was "
            "stopped."
        )


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


def _what_happened(code: int | None, words: str) -> str:
    """Say in a sentence how a child ended that did not answer."""
    if code is None:
        return "The model code closed its answer without a word and was stopped."
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

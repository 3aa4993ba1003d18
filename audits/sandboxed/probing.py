"""Verb `probe`: misbehaves on purpose, to see that the sandbox holds."""

import contextlib
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audits.sandboxed.attempts import succeed, threads_start
from audits.sandboxed.refusal import Refused

CONNECT_SECONDS = 2.0


def work(
    *, files: Mapping[str, Path], options: Mapping[str, Any], progress: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Report what is within reach, after the misbehaviour that `options` ask for.

    `sleep` seconds, `allocate` bytes, `signal` number, `refuse` text, `babble` bytes
    on standard output, `connect` [host, port], `read` and `write` lists of paths,
    `attempt` names of ATTEMPTS, `spin` forever, `fill` the scratch folder, `hang_up`
    and sleep, `flood` the pipe, `fork_bomb`.
    """
    progress(0.5, "misbehaving")
    for name, misbehave in ENDLESS.items():
        if name in options:
            misbehave()
    if "babble" in options:
        os.write(1, b"x" * int(options["babble"]))
    if "refuse" in options:
        raise Refused(str(options["refuse"]))
    if "signal" in options:
        os.kill(os.getpid(), int(options["signal"]))
    held = bytearray(int(options.get("allocate", 0)))
    time.sleep(float(options.get("sleep", 0)))
    reach = {
        "allocated": len(held),
        "environment": sorted(os.environ),
        "connected": _connects(options.get("connect")),
        "readable": [path for path in options.get("read", ()) if _reads(path)],
        "writable": [path for path in options.get("write", ()) if _writes(path)],
        "processes": _processes(),
        "worked": succeed(list(options.get("attempt", ()))),
        "threads": threads_start(),
        "files": {name: path.stat().st_size for name, path in files.items()},
    }
    return reach, {}


def _spin() -> None:
    while True:
        pass


def _fill() -> None:
    """Write many files of the largest size that is allowed."""
    chunk = bytes(1 << 20)
    for number in range(1_000_000):
        with (
            contextlib.suppress(OSError),
            open(os.path.join(os.environ["TMPDIR"], str(number)), "wb") as file,
        ):
            for _ in range(1 << 10):
                file.write(chunk)


def _hang_up() -> None:
    os.closerange(0, 256)
    time.sleep(3600)


def _flood() -> None:
    """Write to every descriptor, which breaks the form of the answer."""
    while True:
        for number in range(32):
            with contextlib.suppress(OSError):
                os.write(number, b"x" * 65536)


def _fork_bomb() -> None:
    """Copy for ever; where no copy starts, say so."""
    while True:
        try:
            os.fork()
        except OSError as trouble:
            raise Refused("No process could be started.") from trouble


ENDLESS = {
    "spin": _spin,
    "fill": _fill,
    "hang_up": _hang_up,
    "flood": _flood,
    "fork_bomb": _fork_bomb,
}


def _connects(address: list[Any] | None) -> bool | None:
    if address is None:
        return None
    try:
        if len(address) == 1:  # a Unix socket
            with socket.socket(socket.AF_UNIX) as local:
                local.connect(address[0])
        else:
            target = (str(address[0]), int(address[1]))
            socket.create_connection(target, timeout=CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def _processes() -> int:
    try:
        return sum(name.isdigit() for name in os.listdir("/proc"))
    except OSError:  # out of reach
        return 0


def _reads(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            file.read(1)
    except OSError:
        return False
    return True


def _writes(path: str) -> bool:
    try:
        with open(path, "ab"):
            pass
    except OSError:
        return False
    return True

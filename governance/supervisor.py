"""A process supervisor: starts children, shows their trouble, stops them cleanly."""

import ctypes
import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from types import FrameType
from typing import IO

GRACE_SECONDS = 10.0
KILL_SECONDS = 2.0
FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 30.0
# A child that ran this long was healthy: its next crash starts a new backoff.
HEALTHY_SECONDS = 60.0
TROUBLE = re.compile(r"\b(ERROR|CRITICAL)\b")
# What differs between two reports of the same trouble: times, numbers, ids.
PASSING = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+")
REPEAT_SECONDS = 60.0
LARGEST_LOG_BYTES = 20 * 1024**2
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class AlreadyRunning(Exception):
    """Another supervisor keeps this directory."""


@dataclass
class Child:
    """One process to be kept alive, with its own log file."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    log: IO[bytes] | None = None
    started_at: float = 0.0
    last_line: str = ""
    backoff: float = FIRST_BACKOFF_SECONDS
    restart_at: float | None = None


class Supervisor:
    """Keeps children running until it is told to stop.

    Children get SIGTERM when the supervisor itself is killed, and their process
    groups are written down, so that the next start ends what was left over.
    """

    def __init__(self, *, run_dir: Path, log_dir: Path, say: Callable[[str], None]):
        self.run_dir = run_dir
        self.log_dir = log_dir
        self.say = say
        self.children: list[Child] = []
        self.stopping = False
        self._said: dict[str, float] = {}
        self._selector = selectors.DefaultSelector()
        self._lock: IO[str] | None = None

    def __enter__(self) -> "Supervisor":
        """Take the directory, end left-overs and listen to Ctrl-C and SIGTERM."""
        for directory in (self.run_dir, self.log_dir):
            directory.mkdir(parents=True, exist_ok=True)
        self._lock = (self.run_dir / "supervisor.lock").open("a+")
        try:
            flock(self._lock, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            self._lock.seek(0)
            pid = self._lock.read().strip()
            self._lock.close()
            raise AlreadyRunning(
                f"The demo of this directory runs already (process {pid})."
            ) from None
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()
        end_left_overs(self.run_dir)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)
        return self

    def __exit__(self, *exc: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        self.stop_children()
        if self._lock is not None:
            self._lock.close()

    def start(self, child: Child) -> None:
        """Start a child and keep it running from now on."""
        self.children.append(child)
        self._launch(child)

    def watch(self, seconds: float) -> None:
        """Show trouble and restart what crashed, for so long or until a stop."""
        deadline = time.monotonic() + seconds
        while not self.stopping and (left := deadline - time.monotonic()) > 0:
            for key, _ in self._selector.select(timeout=min(left, 0.5)):
                self._relay(key.data)
            for child in self.children:
                self._look_after(child)

    def run(self, command: list[str], *, environment: dict[str, str]) -> int:
        """Run a command to its end, showing its lines; return its exit code."""
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_end_with_parent(os.getpid()),
        )
        record = self._record("command", process.pid)
        while process.poll() is None:
            self.watch(0.1)
            if self.stopping:
                _end_group(process.pid)
                break
        record.unlink(missing_ok=True)
        return process.wait()

    def _asked_to_stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _launch(self, child: Child) -> None:
        child.log = child.log or self._open_log(child.name)
        child.process = subprocess.Popen(
            child.command,
            env={**os.environ, **child.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # A group of its own: Ctrl-C reaches the supervisor only.
            start_new_session=True,
            preexec_fn=_end_with_parent(os.getpid()),
        )
        child.started_at = time.monotonic()
        child.restart_at = None
        self._record(child.name, child.process.pid)
        assert child.process.stdout is not None  # noqa: S101 - PIPE was asked for
        os.set_blocking(child.process.stdout.fileno(), False)
        self._selector.register(child.process.stdout, selectors.EVENT_READ, child)

    def _open_log(self, name: str) -> IO[bytes]:
        path = self.log_dir / f"{name}.log"
        if path.exists() and path.stat().st_size > LARGEST_LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path.open("ab")

    def _record(self, name: str, pid: int) -> Path:
        path = self.run_dir / f"{name}.pid"
        path.write_text(f"{pid} {_start_ticks(pid)}")
        return path

    def _relay(self, child: Child) -> None:
        """Copy what a child wrote into its log, and lines of trouble to the terminal.

        A line may come in two pieces; then its second half is judged alone, which
        costs at most one line on the terminal. The log has all.
        """
        if child.process is None or child.process.stdout is None:
            return
        written = child.process.stdout.read()
        if written == b"":
            with suppress(KeyError):  # its end was seen before
                self._selector.unregister(child.process.stdout)
        if not written or child.log is None:
            return
        child.log.write(written)
        child.log.flush()
        lines = written.decode(errors="replace").split("\n")
        child.last_line = next(filter(None, reversed(lines)), child.last_line)
        for line in filter(TROUBLE.search, lines):
            self._say_once(f"{child.name}: {line.strip()}")

    def _say_once(self, line: str) -> None:
        """Show a trouble, but not the same one again with every tick of the clock."""
        key = PASSING.sub("", line)
        now = time.monotonic()
        if (
            not self.stopping
            and now - self._said.get(key, -REPEAT_SECONDS) > REPEAT_SECONDS
        ):
            self._said[key] = now
            self.say(line)

    def _look_after(self, child: Child) -> None:
        now = time.monotonic()
        if child.restart_at is not None:
            if now >= child.restart_at:
                self._launch(child)
            return
        if child.process is None or child.process.poll() is None:
            return
        self._relay(child)
        self._forget(child)
        # Its own children would work on without it, beside those of its successor.
        _end_group(child.process.pid, at_once=True)
        if now - child.started_at > HEALTHY_SECONDS:
            child.backoff = FIRST_BACKOFF_SECONDS
        child.restart_at = now + child.backoff
        self.say(
            f"{child.name} ended ({_ending(child.process.returncode)}), starts again "
            f"in {child.backoff:.1f} s. Last line of {child.name}.log: "
            f"{child.last_line.strip() or 'none'}"
        )
        child.backoff = min(child.backoff * 2, LONGEST_BACKOFF_SECONDS)

    def _forget(self, child: Child) -> None:
        if child.process is not None and child.process.stdout is not None:
            with suppress(KeyError, ValueError):  # forgotten before
                self._selector.unregister(child.process.stdout)
            child.process.stdout.close()

    def stop_children(self) -> None:
        """Stop all children, the last started first; what lingers is killed."""
        running = [c for c in self.children if c.process and c.process.poll() is None]
        for child in reversed(running):
            assert child.process is not None  # noqa: S101 - chosen two lines above
            child.process.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < deadline and any(
            c.process and c.process.poll() is None for c in running
        ):
            # Their last words must be read, or a full pipe would hold them.
            for key, _ in self._selector.select(timeout=0.05):
                self._relay(key.data)
        for child in self.children:
            if child.process is None:
                continue
            self._relay_rest(child)
            _end_group(child.process.pid, at_once=True)
            child.process.wait()
            (self.run_dir / f"{child.name}.pid").unlink(missing_ok=True)
        self.children.clear()

    def _relay_rest(self, child: Child) -> None:
        with suppress(ValueError):
            self._relay(child)
        self._forget(child)
        if child.log is not None:
            child.log.close()


def end_left_overs(run_dir: Path) -> None:
    """End the process groups that a killed supervisor left behind.

    A number alone could be a stranger's by now: the start time must agree too.
    """
    for path in run_dir.glob("*.pid"):
        pid, _, ticks = path.read_text().partition(" ")
        if pid.isdigit() and ticks and _start_ticks(int(pid)) == ticks:
            _end_group(int(pid))
        path.unlink()


def _end_group(pid: int, *, at_once: bool = False) -> None:
    """End a process group: SIGTERM, after the grace period SIGKILL."""
    deadline = time.monotonic() + (0 if at_once else GRACE_SECONDS)
    with suppress(ProcessLookupError, PermissionError):
        if not at_once:
            os.killpg(pid, signal.SIGTERM)
        while time.monotonic() < deadline:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            os.killpg(pid, 0)
            time.sleep(0.05)
        os.killpg(pid, signal.SIGKILL)
        # A killed process lives on for a moment, and holds its port.
        while _start_ticks(pid) and time.monotonic() < deadline + KILL_SECONDS:
            time.sleep(0.01)


def _start_ticks(pid: int) -> str:
    """Return when a living process started, in ticks since boot; else nothing."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    state, *rest = stat.rpartition(")")[2].split()
    return "" if state == "Z" else rest[18]


def _end_with_parent(parent: int) -> Callable[[], None]:
    def ask_the_kernel() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask_the_kernel


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"

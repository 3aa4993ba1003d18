"""What a hostile model tries fails at every level that this machine can produce."""

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from audits import isolation, sandbox
from audits.sandboxed.attempts import ATTEMPTS

ROOT = Path(__file__).resolve().parents[2]
PROBE = (
    "import json, sys; from audits import sandbox\n"
    "try: r = sandbox.run('probe', files={}, options=json.loads(sys.argv[1]), "
    "timeout_seconds=float(sys.argv[2]), memory_bytes=2**30)\n"
    "except sandbox.SandboxRefused as no: print(json.dumps({'refused': str(no)}))\n"
    "else: print(json.dumps({'level': r.level, **r.values}))\n"
)
NO_USER_NAMESPACES = (
    "echo 0 > /proc/sys/user/max_user_namespaces && "
    "exec setpriv --bounding-set=-all --inh-caps=-all "
)
# Where bubblewrap is, where it is not, and where namespaces are forbidden as well.
LEVELS = ("bubblewrap", "user namespace", "Landlock")


def probe_at(level: str, seconds: float = 60, **options: Any) -> dict[str, Any]:
    """Probe in a worker of its own on a machine as described."""
    command = [sys.executable, "-c", PROBE, json.dumps(options), str(seconds)]
    folder = os.environ["PATH"] if level == "bubblewrap" else "/nonexistent"
    if level == "Landlock":
        if not shutil.which("setpriv") or not shutil.which("unshare"):
            pytest.skip("util-linux is missing")
        words = " ".join(f"'{word}'" for word in command[:1])
        script = f'{NO_USER_NAMESPACES} /usr/bin/env PATH={folder} {words} "$@"'
        command = ["unshare", "-Ur", "sh", "-c", script, "sh", *command[1:]]
    done = subprocess.run(
        command,
        env={"PATH": os.environ["PATH"] if level == "Landlock" else folder}
        | {"DATABASE_URL": "SECRET", "PGPASSWORD": "SECRET"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if level == "Landlock" and "unshare" in done.stderr:
        pytest.skip("user namespaces are forbidden here")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    if "level" in found and not found["level"].startswith(level):
        pytest.skip(f"this machine has {found['level']}")
    return found


@pytest.fixture
def services(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Offer a TCP port and a Unix socket as a database has them, and a secret file."""
    local = Path(tempfile.mkdtemp(dir="/tmp")) / ".s.PGSQL.5432"
    secret = tmp_path / "pgpass"
    secret.write_text("SECRET")
    with (
        socket.create_server(("127.0.0.1", 0)) as port,
        socket.socket(socket.AF_UNIX) as path,
    ):
        path.bind(str(local))
        path.listen()
        yield {
            "port": list(port.getsockname()[:2]),
            "path": [str(local)],
            "secret": str(secret),
        }


@pytest.mark.parametrize("level", LEVELS)
def test_no_attempt_works_at_any_level(level: str, services: dict[str, Any]) -> None:
    inside = probe_at(
        level,
        attempt=list(ATTEMPTS),
        connect=services["port"],
        read=[
            services["secret"], f"/proc/{os.getpid()}/environ", "/etc/passwd",
            "/etc/shadow", str(Path.home() / ".bashrc"), str(ROOT / "manage.py"),
        ],
        write=[
            services["secret"], str(ROOT / "x"), "/tmp/x",  # noqa: S108
            str(Path.home() / "x"), "/dev/x",
        ],
    )  # fmt: skip
    assert inside["worked"] == []
    assert inside["connected"] is False
    assert inside["readable"] == []
    assert inside["writable"] == []
    assert inside["threads"] is True
    assert not {"DATABASE_URL", "PGPASSWORD"} & set(inside["environment"])
    assert "seccomp" in inside["level"]
    local = probe_at(level, connect=services["path"])
    assert local["connected"] is False


def test_the_attempts_are_real_ones() -> None:
    """Outside of a sandbox they work, so that their failure says something."""
    script = (
        "from audits.sandboxed.attempts import *; "
        "print(*succeed(['fork', 'execute', 'local', 'passwords', 'namespace']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True
    )
    assert {"fork", "execute", "local", "passwords"} <= set(done.stdout.split())


ENDS = {
    "spin": "longer than 3 seconds",
    "fill": "scratch folder and was stopped|longer than 3 seconds",
    "hang_up": "closed its answer|longer than 3 seconds",
    "flood": "broke the form|too much data",
    "fork_bomb": "No process could be started",
}


@pytest.mark.parametrize("level", LEVELS[:2])
@pytest.mark.parametrize("misbehaviour", ENDS)
def test_the_worker_survives(level: str, misbehaviour: str) -> None:
    said = probe_at(level, 3, **{misbehaviour: True})["refused"]
    assert any(words in said for words in ENDS[misbehaviour].split("|")), said


def test_200_gigabytes_are_not_had() -> None:
    with pytest.raises(sandbox.SandboxRefused, match="more memory than"):
        sandbox.run("probe", files={}, options={"allocate": 200 * 1024**3})


def test_endless_words_do_not_fill_the_disk() -> None:
    said = probe_at("bubblewrap", babble=400 * 1024**2)
    assert "level" in said or "refused" in said
    assert not [
        child for child in psutil.Process().children() if "sandboxed" in child.name()
    ]


def test_a_killed_child_is_a_refusal() -> None:
    def kill(share: float, words: str) -> None:
        if share >= 0.5:
            for child in psutil.Process().children(recursive=True):
                # Others come and go meanwhile.
                with suppress(psutil.NoSuchProcess):
                    if "audits.sandboxed.child" in " ".join(child.cmdline()):
                        child.kill()

    with pytest.raises(sandbox.SandboxRefused, match="killed|longer than"):
        sandbox.run(
            "probe",
            files={},
            options={"sleep": 30},
            timeout_seconds=20,
            on_progress=kill,
        )


def test_root_becomes_nobody_where_nobody_can_read_the_code() -> None:
    """With the system's interpreter: that of a developer is often in a private home."""
    python = Path("/usr/bin/python3")
    parts = [str(isolation.CODE / part) for part in isolation.CODE_PARTS]
    shared = all(
        parent.stat().st_mode & stat.S_IXOTH for parent in isolation.CODE.parents
    )
    if os.geteuid() != 0 or not python.exists() or not shared:
        pytest.skip("needs root, /usr/bin/python3 and a repository that all can read")
    with tempfile.TemporaryDirectory() as private, tempfile.TemporaryDirectory() as own:
        data = Path(private) / "data"  # in a folder of root's, as stored files are
        data.write_text("x")
        data.chmod(0o644)
        job = {
            "verb": "probe", "files": {"data": str(data)},
            "options": {"read": ["/etc/shadow"], "write": [f"{own}/x", f"{private}/x"]},
            "level": "", "contained": False, "parent": os.getpid(), "scratch": own,
            "readable": ["/usr", "/lib", "/lib64", *parts], "processes": 0,
            "memory_bytes": 2**30, "cpu_seconds": 30,
        }  # fmt: skip
        done = subprocess.run(
            [python, "-I", "-B", "-c", isolation.BOOT, str(isolation.CODE.parent)],
            input=json.dumps(job).encode(),
            env={"HOME": own, "TMPDIR": own},
            capture_output=True,
            check=True,
        )
        assert b"user nobody" in done.stdout
        assert b'"files": {"data": 1}' in done.stdout
        assert b'"readable": []' in done.stdout
        assert json.dumps({"writable": [f"{own}/x"]})[1:-1].encode() in done.stdout
        assert (Path(own) / "x").stat().st_uid == 65534


def test_two_jobs_at_once_do_not_meet() -> None:
    seen: list[dict[str, Any]] = []

    def work() -> None:
        seen.append(
            sandbox.run("probe", files={}, options={"sleep": 0.5}).values,
        )

    both = [threading.Thread(target=work) for _ in range(2)]
    began = time.monotonic()
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert len(seen) == 2
    assert time.monotonic() - began < 60

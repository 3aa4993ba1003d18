"""The sandbox holds: no secrets, no network, limits, and clear ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from audits import isolation, sandbox

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("sklearn", "shap", "fairlearn", "xgboost", "lightgbm", "onnxruntime", "skops")
needs_bwrap = pytest.mark.skipif(
    not isolation.isolation().contained, reason="bubblewrap does not work here"
)


def probe(**options: Any) -> dict[str, Any]:
    timeout = options.pop("timeout_seconds", 60)
    memory = options.pop("memory_bytes", sandbox.DEFAULT_MEMORY_BYTES)
    result = sandbox.run(
        "probe",
        files={},
        options=options,
        timeout_seconds=timeout,
        memory_bytes=memory,
    )
    return result.values


@pytest.fixture
def listener() -> Iterator[tuple[str, int]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[:2]


def test_child_sees_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "PGPASSWORD", "DJANGO_SECRET_KEY", "AWS_SECRET"):
        monkeypatch.setenv(name, "secret")
    seen = probe()["environment"]
    allowed = {
        "HOME", "TMPDIR", "PATH", "PWD", "LANG", "LC_CTYPE", "LOKY_MAX_CPU_COUNT",
        "MALLOC_ARENA_MAX", "ORT_DISABLE_TELEMETRY", "OMP_NUM_THREADS",
        "OMP_WAIT_POLICY",
        "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS",
        *sandbox.NO_TELEMETRY,
    }  # fmt: skip
    assert set(seen) <= allowed
    assert "ORT_DISABLE_TELEMETRY" in seen


@needs_bwrap
def test_child_reaches_neither_network_nor_files(
    listener: tuple[str, int], tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    local = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(local))
        server.listen()
        assert probe(connect=[str(local)])["connected"] is False
    environ = f"/proc/{os.getpid()}/environ"
    seen = probe(
        connect=list(listener),
        read=[str(secret), "/etc/passwd", environ, str(ROOT / "manage.py")],
        write=[str(secret), "/usr/x", "/app/x", "/x", "/scratch/x"],
    )
    assert seen["connected"] is False
    assert seen["readable"] == []
    assert seen["writable"] == ["/scratch/x"]
    assert seen["processes"] <= 3


def test_level_says_what_held() -> None:
    result = sandbox.run("probe", files={}, options={}, timeout_seconds=60)
    way = isolation.isolation()
    assert result.level.startswith(way.level)
    assert result.level.endswith(
        "seccomp (no sockets, no new processes), resource limits"
    )


def run_plain(options: dict[str, Any]) -> dict[str, Any]:
    """Probe in a process that finds no bubblewrap, as on a machine without it."""
    script = (
        "import json, sys; from audits import sandbox; "
        "r = sandbox.run('probe', files={}, options=json.loads(sys.argv[1]), "
        "timeout_seconds=60); print(json.dumps([r.level, r.values]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(options)],
        env={"PATH": "/nonexistent", "DATABASE_URL": "secret"},
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    level, values = json.loads(done.stdout)
    return {"level": level, **values}


def test_without_bubblewrap_the_level_is_honest(listener: tuple[str, int]) -> None:
    seen = run_plain(
        {"connect": list(listener), "read": [f"/proc/{os.getpid()}/environ"]}
    )
    assert "DATABASE_URL" not in seen["environment"]
    assert "bubblewrap" not in seen["level"]
    assert ("no network" in seen["level"]) is (seen["connected"] is False)
    if "user namespace" in seen["level"]:
        assert seen["readable"] == []


def test_timeout_kills_the_whole_group() -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with pytest.raises(sandbox.SandboxTimeout, match="longer than 1.5 seconds"):
        probe(sleep=60, timeout_seconds=1.5)
    after = {child.pid for child in psutil.Process().children(recursive=True)}
    assert after <= before


def test_crash_is_named() -> None:
    with pytest.raises(sandbox.SandboxRefused, match="SIGSEGV"):
        probe(signal=int(signal.SIGSEGV))
    with pytest.raises(sandbox.SandboxRefused, match="killed"):
        probe(signal=int(signal.SIGKILL))


def test_too_much_memory_is_refused() -> None:
    with pytest.raises(sandbox.SandboxRefused, match=r"more memory than the 0\.5 GiB"):
        probe(allocate=3 * 1024**3, memory_bytes=512 * 1024**2)


def test_refusal_reaches_the_caller_as_a_sentence() -> None:
    with pytest.raises(sandbox.SandboxRefused, match=r"^No\.$"):
        probe(refuse="No.")


def test_printing_does_not_disturb_the_answer() -> None:
    assert probe(babble=100_000)["allocated"] == 0


def test_cancelling_ends_the_child() -> None:
    class Cancelled(Exception):
        pass

    def cancel(share: float, words: str) -> None:
        if share >= 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        sandbox.run(
            "probe",
            files={},
            options={"sleep": 60},
            timeout_seconds=60,
            on_progress=cancel,
        )
    assert not [
        child
        for child in psutil.Process().children(recursive=True)
        if "audits.sandboxed.child" in " ".join(child.cmdline())
    ]


@pytest.mark.parametrize("path", [None, "/nonexistent"], ids=["strongest", "plain"])
def test_child_dies_with_its_worker(path: str | None) -> None:
    script = (
        "from audits import sandbox; sandbox.run('probe', files={}, "
        "options={'sleep': 120}, timeout_seconds=200, "
        "on_progress=lambda share, words: print(share, flush=True))"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={"PATH": path or os.environ["PATH"]},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None
    for line in worker.stdout:
        if float(line) >= 0.5:
            break
    children = psutil.Process(worker.pid).children(recursive=True)
    assert children
    worker.kill()
    worker.wait()
    worker.stdout.close()
    deadline = time.monotonic() + 20
    while any(_alive(child) for child in children):
        assert time.monotonic() < deadline, "the child outlived its worker"
        time.sleep(0.05)


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_paths_may_be_long_and_hold_spaces(tmp_path: Path) -> None:
    folder = tmp_path / ("a long folder with spaces " * 6).strip()
    folder.mkdir()
    file = folder / "data file.csv"
    file.write_text("a,b\n1,2\n")
    result = sandbox.run("probe", files={"data": file}, options={}, timeout_seconds=60)
    assert result.values["files"] == {"data": 8}


def test_missing_file_of_ours_is_not_a_refusal(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sandbox.run("probe", files={"data": tmp_path / "gone"}, options={})


def test_light_modules_import_no_model_library() -> None:
    script = (
        "import sys\n"
        "import audits.sandbox, audits.artifacts, audits.datasets, audits.answers\n"
        "import audits.column_roles, audits.sampling, audits.evaluators.base\n"
        f"print([n for n in {(*HEAVY, 'pandas', 'pyarrow', 'scipy')!r} "
        "if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout.strip() == "[]"

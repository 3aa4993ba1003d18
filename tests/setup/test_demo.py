"""Wrong starts of the demo: one clear sentence, exit code 1, nothing left running."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from governance.supervisor import Supervisor

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def demo(tmp_path, monkeypatch):
    """Start the demo with a `var` of its own, and return how it ended."""
    monkeypatch.setenv("FREIGABE_VAR", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)

    def start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", "demo", *arguments],
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return start


def test_port_in_use(demo, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = demo(PORT=str(port))
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"CommandError: Port {port} is not free")
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "postgres").exists()


def test_second_demo_of_a_clone(demo, tmp_path, restored_signals):
    with Supervisor(
        run_dir=tmp_path / "run", log_dir=tmp_path / "log", say=restored_signals.append
    ):
        ended = demo()
    assert ended.returncode == 1
    assert f"runs already (process {os.getpid()})" in ended.stderr
    assert not (tmp_path / "postgres").exists()


def test_reset_spares_a_database_that_is_not_ours(demo, tmp_path):
    (tmp_path / "storage").mkdir()
    ended = demo("--reset", DATABASE_URL="postgresql://nobody@localhost/theirs")
    assert ended.returncode == 1
    assert "deletes the embedded database only" in ended.stderr
    assert (tmp_path / "storage").exists()

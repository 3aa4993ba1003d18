"""Starts of the demo, and of an empty installation."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import global_settings
from django.core.management import call_command
from django.test import Client

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


def test_the_demo_starts_over_nobodys_own_installation(demo, tmp_path):
    (tmp_path / "own").touch()
    (tmp_path / "storage").mkdir()
    ended = demo("--reset")
    assert ended.returncode == 1
    assert "an installation of your own" in ended.stderr
    assert (tmp_path / "storage").exists()


@pytest.fixture
def empty(fresh_database, tmp_path, monkeypatch):
    """Start an empty installation, stop it once it is ready, and return its lines."""
    monkeypatch.setenv("FREIGABE_VAR", str(tmp_path))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])

    def start() -> str:
        said = ""
        with subprocess.Popen(
            [sys.executable, "manage.py", "demo", "--empty"],
            cwd=ROOT,
            env={**os.environ, "PORT": port},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            for line in process.stdout:
                said += line
                if "is ready" in line:
                    process.send_signal(signal.SIGTERM)
        return said

    return start


@pytest.mark.timeout(400)  # starts all processes, twice
def test_an_empty_installation_leads_its_administrator_to_the_first_steps(
    empty, settings
):
    settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS
    said = empty()
    assert "Freigabe is ready" in said
    password = re.search(r"Password, shown only now: (\S+)", said)[1]
    browser = Client()
    assert browser.login(username="admin", password=password)
    assert browser.get("/").url == "/start/"
    call_command("access", "--grant-role", "admin", "owner")
    again = empty()
    assert "People are here already" in again
    assert "Freigabe is ready" in again
    assert "Password" not in again

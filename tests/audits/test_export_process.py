"""`manage.py export_log` as a process of its own: killed, doubled, and at length."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from audits import log
from audits.export.destination import latest
from audits.export.directory import Directory
from audits.export.export import Busy, export
from audits.offline import main
from tests.audits.ledger import NOW

ROOT = Path(__file__).resolve().parents[2]


def _append(superuser, count: int) -> None:
    """Write entries as fast as the database can, and sign them."""
    superuser.execute(
        "SELECT public.audits_append('C', 'public.filling', NULL, NULL, "
        "jsonb_build_object('n', g, 'text', repeat('x', 200)), NULL, NULL) "
        "FROM generate_series(1, %s) g",
        [count],
    )
    log.advance(at=NOW)


def _process(folder: Path, tmp_path: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "manage.py", "export_log", "--to", str(folder)],
        cwd=ROOT,
        env=os.environ | {"FREIGABE_VAR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".unfinished" not in path.parts
    }


def _kill_after(process: subprocess.Popen, folder: Path, files: int) -> bool:
    """Kill the process once it has written so many files; say whether it lived."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if folder.exists() and len(list(folder.rglob("*"))) >= files:
            process.send_signal(signal.SIGKILL)
            break
    process.communicate()
    return process.returncode == -signal.SIGKILL


def _run_killed(superuser, tmp_path, leaves: int, moments: range) -> None:
    _append(superuser, leaves)
    export(to=str(tmp_path / "whole"), at=NOW)
    whole = _files(tmp_path / "whole")
    killed = 0
    for files in moments:
        folder = tmp_path / f"killed-{files}"
        killed += _kill_after(_process(folder, tmp_path), folder, files)
        _go_on(folder)
        assert _files(folder) == whole
    assert killed


def _go_on(folder: Path) -> None:
    """Export as soon as PostgreSQL has noticed that the killed process is gone."""
    deadline = time.monotonic() + 30
    while True:
        try:
            export(to=str(folder), at=NOW)
        except Busy:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        else:
            return


def test_a_killed_export_goes_on_to_the_same_bytes(written_log, superuser, tmp_path):
    _run_killed(superuser, tmp_path, 3000, range(5, 25, 12))


@pytest.mark.soak
def test_exports_killed_at_many_moments(written_log, superuser, tmp_path):
    _run_killed(superuser, tmp_path, 20_000, range(3, 180, 6))


def test_two_exports_at_once_end_in_one_that_holds(written_log, superuser, tmp_path):
    _append(superuser, 3000)
    folder = tmp_path / "worm"
    running = [_process(folder, tmp_path) for _ in range(3)]
    said = [process.communicate()[1].decode() for process in running]
    codes = sorted(process.returncode for process in running)
    assert codes[0] == 0, said
    assert set(codes) <= {0, 2}
    assert said.count("") == codes.count(0)
    assert all("Another export is running" in text for text in said if text)
    assert latest(Directory(folder)).number == 1
    assert main([str(folder), "--key", log.signer().vkey]) == 0


@pytest.mark.soak
def test_a_log_with_three_levels_of_tiles(written_log, superuser, tmp_path):
    folder = tmp_path / "worm"
    for count in (66_000, 1, 70_000, 300):
        _append(superuser, count)
        export(to=str(folder), at=NOW)
    assert (folder / "tile/1/001").exists()
    assert main([str(folder), "--key", log.signer().vkey]) == 0

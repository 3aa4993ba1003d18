"""The supervisor: restarts what crashes, shows trouble, leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from governance import supervisor
from governance.supervisor import AlreadyRunning, Child, Supervisor

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def make(tmp_path, monkeypatch, restored_signals):
    """Make a supervisor that notes its lines in `make.said`."""
    monkeypatch.setattr(supervisor, "GRACE_SECONDS", 1.0)

    def made() -> Supervisor:
        return Supervisor(
            run_dir=tmp_path / "run",
            log_dir=tmp_path / "log",
            say=restored_signals.append,
        )

    made.said = restored_signals
    return made


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def until(condition: Callable[[], bool], watch: Callable[[], None]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        watch()


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_crashed_child_starts_again_and_says_so(make, tmp_path):
    with make() as keeper:
        keeper.start(Child("brief", python("print('last words'); exit(3)")))
        log = tmp_path / "log" / "brief.log"
        until(
            lambda: log.read_text().count("last words") >= 2, lambda: keeper.watch(0.1)
        )
    assert make.said[0].startswith("brief ended (exit code 3), starts again in 0.5 s")
    assert "last words" in make.said[0]


def test_killed_child_takes_its_own_children_along(make, tmp_path):
    code = "import subprocess as s,time; p=s.Popen(['sleep','600']);"
    code += "print(p.pid, flush=True); time.sleep(600)"
    with make() as keeper:
        child = Child("parent", python(code))
        keeper.start(child)
        log = tmp_path / "log" / "parent.log"
        until(lambda: "\n" in log.read_text(), lambda: keeper.watch(0.1))
        grandchild = int(log.read_text())
        child.process.kill()
        until(lambda: bool(make.said), lambda: keeper.watch(0.1))
        until(lambda: not alive(grandchild), lambda: time.sleep(0.05))


def test_the_same_trouble_is_shown_once(make, tmp_path):
    code = "import time\nfor i in range(5): print('12:00:0%d ERROR disk full' % i)\n"
    code += "print('INFO well', flush=True); time.sleep(600)"
    with make() as keeper:
        keeper.start(Child("noisy", python(code)))
        log = tmp_path / "log" / "noisy.log"
        until(lambda: "well" in log.read_text(), lambda: keeper.watch(0.1))
    assert make.said == ["noisy: 12:00:00 ERROR disk full"]
    assert log.read_text().count("disk full") == 5


def test_stopping_ends_even_who_does_not_listen(make, tmp_path):
    code = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    code += "print('deaf', flush=True); time.sleep(600)"
    with make() as keeper:
        child = Child("deaf", python(code))
        keeper.start(child)
        log = tmp_path / "log" / "deaf.log"
        until(lambda: "deaf" in log.read_text(), lambda: keeper.watch(0.1))
        os.kill(os.getpid(), signal.SIGTERM)
        keeper.watch(30)
        assert keeper.stopping
    assert child.process.returncode == -signal.SIGKILL
    assert list((tmp_path / "run").glob("*.pid")) == []


def test_second_supervisor_of_a_directory_is_refused(make):
    with (
        make(),
        pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"),
        make(),
    ):
        pass


def test_commands_exit_code_comes_back(make):
    with make() as keeper:
        assert keeper.run(python("exit(7)"), environment={}) == 7


KILLED = """
import sys, time
from pathlib import Path
from governance.supervisor import Child, Supervisor
with Supervisor(run_dir=Path("run"), log_dir=Path("log"), say=print) as keeper:
    child = Child("deaf", [sys.executable, "-c",
        "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('deaf', flush=True); time.sleep(600)"])
    keeper.start(child)
    while b"deaf" not in Path("log/deaf.log").read_bytes():
        keeper.watch(0.1)
    print(child.process.pid, flush=True)
    keeper.watch(600)
"""


def test_next_start_ends_what_a_killed_supervisor_left(make, tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", KILLED],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    ) as killed:
        orphan = int(killed.stdout.readline())
        killed.kill()
    assert alive(orphan)
    with make():
        assert not alive(orphan)


def test_pid_of_a_stranger_is_left_alone(make, tmp_path):
    with subprocess.Popen(["/bin/sleep", "600"], start_new_session=True) as stranger:
        run = tmp_path / "run"
        run.mkdir()
        (run / "web.pid").write_text(f"{stranger.pid} 1")
        with make():
            assert alive(stranger.pid)
        stranger.kill()

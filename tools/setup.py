"""Set up the project: interpreter, virtual environment, packages, system packages.

Runs under any Python from 3.8 on, with the standard library alone.
"""

import argparse
import fcntl
import hashlib
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import interpreters  # noqa: E402 - beside this file, wherever the clone lies
import system_packages  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "freigabe-stamp"
LOCK = ROOT / "requirements.lock"
LOG = ROOT / "var" / "log" / "setup.log"


class Stop(Exception):
    """The set-up cannot go on; the text says what to do."""


def main():
    """Set up what is missing; a second run has nothing to do and takes no time."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--python", default="")
    arguments.add_argument("--for", dest="purpose", choices=["demo", "test"])
    given = arguments.parse_args()
    os.chdir(ROOT)
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with (ROOT / "var" / ".setup.lock").open("w") as lock:
        wait_for(lock)
        try:
            system_packages.provide(given.purpose, step=Step)
            make_environment(given.python)
        except (Stop, interpreters.NoPython) as reason:
            sys.exit(str(reason))
        except KeyboardInterrupt:
            sys.exit("\nInterrupted. The next run goes on from here.")


def wait_for(lock):
    """Take the lock; children inherit it, so that an orphaned pip holds it too."""
    os.set_inheritable(lock.fileno(), True)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("Another set-up of this directory is running; waiting ...", flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)


def make_environment(wanted):
    """Make `.venv` as the lock says, unless its stamp says that it is so already."""
    if not wanted and is_current(VENV / "bin" / "python"):
        return
    python = interpreters.choose(wanted)
    if is_current(python):
        return
    # Whatever is there is old, of another interpreter, or half made.
    STAMP.unlink(missing_ok=True)
    print("Python {} at {}".format(*interpreters.describe(python)), flush=True)
    with Step("Making the virtual environment"):
        create_venv(python)
    count = len(re.findall(r"^[a-zA-Z0-9]", LOCK.read_text(), re.MULTILINE))
    with Step("Installing packages", count=count, counted=count_installed):
        install()
    with Step("Compiling packages"):
        compile_packages()
    STAMP.write_text(stamp(VENV / "bin" / "python"))


def stamp(python):
    """Return what an environment depends on: the lock, the interpreter, the place."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    version, _ = interpreters.describe(python)
    return "\n".join([digest, version, str(VENV)])


def is_current(python):
    """Say whether `.venv` was made from this lock, by this Python, at this place."""
    if not STAMP.exists() or interpreters.describe(python) is None:
        return False
    if interpreters.describe(VENV / "bin" / "python") is None:
        return False
    return STAMP.read_text() == stamp(python)


def create_venv(python):
    """Create an empty environment, installing ensurepip's package where it lacks."""
    command = [str(python), "-m", "venv", "--clear", str(VENV)]
    if run(command) == 0:
        return
    version, _ = interpreters.describe(python)
    package = "python{}-venv".format(".".join(version.split(".")[:2]))
    if not system_packages.install([package], step=Step) or run(command) != 0:
        raise Stop(
            f"The virtual environment could not be made (see {LOG}). On Debian: "
            f"sudo apt-get install {package}"
        )


def install():
    """Install exactly the lock; pip's own configuration says from where."""
    command = [str(VENV / "bin" / "python"), "-m", "pip", "install"]
    command += [
        "--require-hashes",
        "--no-deps",
        "--no-compile",
        "--disable-pip-version-check",
    ]
    command += ["--no-input", "--progress-bar", "off", "-r", str(LOCK)]
    if run(command) != 0:
        lines = LOG.read_text(errors="replace").splitlines()
        errors = [line for line in lines if line.startswith("ERROR")][-3:]
        raise Stop(
            "\n".join(["pip could not install the lock:", *errors, f"See {LOG}"])
        )


def compile_packages():
    """Compile what will be imported: the packages' own tests are half of all files.

    pip would compile everything, on one core. A sandboxed model cannot write into
    the environment, and would compile what it needs in every run.
    """
    python = str(VENV / "bin" / "python")
    run(
        [
            python,
            "-m",
            "compileall",
            "-q",
            "-j",
            "0",
            "-x",
            "/tests?/",
            str(VENV / "lib"),
        ]
    )


def count_installed():
    """Return how many packages the environment holds by now."""
    return len(list(VENV.glob("lib/python*/site-packages/*.dist-info")))


def run(command):
    """Run a command with its output in the log; return its exit code."""
    with LOG.open("ab") as log:
        return subprocess.call(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            close_fds=False,
        )


class Step:
    """Shows that a long step is running, how far it is, and how long it took."""

    def __init__(self, title, count=0, counted=None):
        self.title = title
        self.count = count
        self.counted = counted
        self.live = sys.stdout.isatty()
        self.done = threading.Event()

    def __enter__(self):
        self.began = time.monotonic()
        print(f"{self.title} ...", end="" if self.live else "\n", flush=True)
        self.thread = threading.Thread(target=self._tick, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, kind, *rest):
        self.done.set()
        self.thread.join()
        result = "stopped after" if kind else "done in"
        start = "\r\x1b[K" if self.live else ""
        print(f"{start}{self.title}: {result} {self._elapsed()} s", flush=True)

    def _elapsed(self):
        return round(time.monotonic() - self.began)

    def _tick(self):
        while not self.done.wait(1 if self.live else 10):
            progress = f", {self.counted()} of {self.count}" if self.counted else ""
            line = f"{self.title} ... {self._elapsed()} s{progress}"
            print(f"\r\x1b[K{line}" if self.live else line, end="", flush=True)
            if not self.live:
                print(flush=True)


if __name__ == "__main__":
    main()

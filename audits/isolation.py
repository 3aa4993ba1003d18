"""Which isolation this machine allows, found by trying, strongest first."""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CODE = Path(__file__).resolve().parent
CODE_INSIDE = Path("/app")
CODE_PARTS = ("__init__.py", "artifacts.py", "packed.py", "sandboxed")
FILES_INSIDE = Path("/in")
SCRATCH_INSIDE = "/scratch"
SCRATCH_BYTES = 256 * 1024**2
SHARED_BYTES = 16 * 1024**2
PROBE_SECONDS = 30
BOOT = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from audits.sandboxed.child import main; main()"
)
# What the loader of shared libraries needs, and nothing with names or secrets.
SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/alternatives")


@dataclass(frozen=True)
class Isolation:
    """A way to start the child: the words in front, and what they achieve."""

    level: str
    prefix: tuple[str, ...]

    @property
    def contained(self) -> bool:
        """Whether the child starts inside namespaces of its own."""
        return bool(self.prefix)

    def command(self, files: Mapping[str, Path]) -> list[str]:
        """Answer the command that starts the child with these files and no others."""
        binds: list[str] = []
        if self.contained:
            for name, path in files.items():
                binds += ["--ro-bind", str(path), str(FILES_INSIDE / name)]
            binds += ["--remount-ro", "/", "--chdir", SCRATCH_INSIDE]
        root = CODE_INSIDE if self.contained else CODE.parent
        return [*self.prefix, *binds, sys.executable, "-I", "-B", "-c", BOOT, str(root)]

    def seen(self, files: Mapping[str, Path]) -> dict[str, str]:
        """Answer the paths under which the child finds the files."""
        if self.contained:
            return {name: str(FILES_INSIDE / name) for name in files}
        return {name: str(path) for name, path in files.items()}


PLAIN = Isolation(level="", prefix=())  # the child finds out what holds


@functools.cache
def isolation() -> Isolation:
    """Try bubblewrap once per process; answer the strongest way that works here."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        return PLAIN
    for proc in (("--proc", "/proc"), ()):
        found = Isolation(
            level="bubblewrap (no network, only its own files and processes)",
            prefix=(bwrap, *_namespaces(), *proc),
        )
        if _works(found):
            return found
    return PLAIN


def _namespaces() -> tuple[str, ...]:
    words = ["--unshare-all", "--die-with-parent", "--new-session"]
    words += ["--cap-drop", "ALL", "--hostname", "sandbox"]
    for path in (*SYSTEM, *_python_folders()):
        words += ["--ro-bind-try", path, path]
    for part in CODE_PARTS:
        words += ["--ro-bind-try", str(CODE / part), str(CODE_INSIDE / "audits" / part)]
    words += ["--dev", "/dev", "--size", str(SHARED_BYTES)]
    words += ["--tmpfs", "/dev/shm"]  # noqa: S108 - inside, where nobody else is
    words += ["--remount-ro", "/dev"]  # else it takes as much memory as one likes
    words += ["--size", str(SCRATCH_BYTES), "--tmpfs", SCRATCH_INSIDE]
    return tuple(words)


def readable() -> list[str]:
    """Answer what the child must read besides the files of its job."""
    code = [str(CODE / part) for part in CODE_PARTS]
    return [*SYSTEM, *_python_folders(), *code]


def _python_folders() -> list[str]:
    """Where this interpreter and its packages live (a venv has two or three homes)."""
    real = Path(os.path.realpath(sys.executable)).parent.parent
    found = {sys.prefix, sys.base_prefix, sys.base_exec_prefix, str(real)}
    return sorted(folder for folder in found if not folder.startswith("/usr"))


def _works(candidate: Isolation) -> bool:
    command = [*candidate.prefix, sys.executable, "-I", "-c", "import numpy"]
    try:
        done = subprocess.run(
            command,
            env={},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0

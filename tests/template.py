"""A migrated PostgreSQL kept for the day: a session copies it instead of migrating.

Migrating takes longer than most test files. The copy is taken only while migrations,
SQL, packs and packages are the same, and what runs after each migration runs again.
"""

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from governance import embedded

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "var" / "test-template"


@contextmanager
def started(data: Path) -> Iterator[None]:
    """Start a server at `data`, a copy of the kept one, for the block that migrates it.

    Where none is kept, what the block made of an empty one is, and the sessions that
    start meanwhile wait for it: one migrates, the others copy.
    """
    with ExitStack() as turn:
        turn.enter_context(_alone())
        kept = KEPT / _digest()
        copied = kept.exists()
        if copied:
            data.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["/bin/cp", "-a", str(kept), str(data)], check=True)
            turn.close()
        embedded.start(data, fsync=False)
        yield
        if not copied:
            embedded.stop(data)
            _keep(data, kept)
            embedded.start(data, fsync=False)


def _keep(data: Path, kept: Path) -> None:
    for old in KEPT.glob("*"):
        if old.is_dir():
            shutil.rmtree(old)
    half = KEPT / "half"
    subprocess.run(["/bin/cp", "-a", str(data), str(half)], check=True)
    half.rename(kept)


def _digest() -> str:
    """What a migrated database depends on, and the day: packs count from a day on."""
    digest = hashlib.sha256(datetime.now(UTC).date().isoformat().encode())
    for path in sorted(_sources()):
        digest.update(f"{path.relative_to(ROOT)}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    yield ROOT / "requirements.lock"
    for app in ("registry", "audits", "governance"):
        yield from (ROOT / app).glob("migrations/*.py")
        yield from (ROOT / app).glob("*.sql")
    yield from (p for p in (ROOT / "governance" / "packs").rglob("*") if p.is_file())


@contextmanager
def _alone() -> Iterator[None]:
    """One session of this clone at a time."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

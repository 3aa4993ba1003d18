"""A migrated PostgreSQL kept for the day: a session copies it instead of migrating.

Migrating takes longer than most test files. The copy is taken only while migrations,
SQL, packs and packages are the same, and what runs after each migration runs again.
"""

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from governance import embedded

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "var" / "test-template"


def copy_to(data: Path) -> bool:
    """Lay a copy of the kept server's files at `data`; False when none fits."""
    with _alone():
        kept = KEPT / _digest()
        if not kept.exists():
            return False
        data.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["/bin/cp", "-a", str(kept), str(data)], check=True)
    return True


def keep(data: Path) -> None:
    """Keep the files of the server at `data`, which is stopped meanwhile."""
    embedded.stop(data)
    with _alone():
        for old in KEPT.glob("*"):
            if old.is_dir():
                shutil.rmtree(old)
        half = KEPT / "half"
        subprocess.run(["/bin/cp", "-a", str(data), str(half)], check=True)
        half.rename(KEPT / _digest())
    embedded.start(data, fsync=False)


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

"""Restoring a backup into an empty database, and asking others whether it is old."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connections

from audits import epochs, log, recall
from audits.models import Epoch
from audits.recall import Comparison, Standing
from governance import backup, database_roles
from registry.digests import sha256_of_chunks

# What prepare_database() lays into a database before its first migration.
_CLEAR = """
DROP EVENT TRIGGER IF EXISTS audits_ddl;
DROP EVENT TRIGGER IF EXISTS audits_drop;
DROP FUNCTION IF EXISTS public.audits_record_ddl();
"""
_TABLES = """
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
AND n.nspname <> 'information_schema' AND NOT starts_with(n.nspname, 'pg_') LIMIT 1
"""
_CHUNK = 1024 * 1024


class RestoreRefused(Exception):
    """Nothing was restored; the text says why."""


@dataclass(frozen=True)
class Restored:
    """A restored backup, beside what others remember of the log."""

    backup: backup.Backup
    comparisons: tuple[Comparison, ...]

    @property
    def holds(self) -> bool:
        """Whether everything is there that anybody remembers as signed."""
        return all(item.holds for item in self.comparisons)


def restore(
    *, folder: Path, superuser: str, say: Callable[[str], None] = lambda _line: None
) -> Restored:
    """Restore a backup into the configured database, which must be empty.

    `superuser` is the address of that database as a superuser: only such a role may
    make event triggers and give tables to their owners. Everything is checked before
    the first change, and the database is filled in one transaction. Then the entries
    get their leaves, and the tree is compared with what the key folder and the export
    remember; nothing is signed. Raises RestoreRefused, backup.BackupBroken,
    backup.BackupFailed, and what recall.compare() and log.integrate() raise.
    """
    found = backup.check(folder)
    say(f"The backup of {found.made_at} is whole: {len(found.files)} files.")
    stored = _stored_files(found, folder)
    _require_empty(superuser)
    for source, target in stored:
        _copy(source, target)
    _fill(folder / backup.DUMP, superuser)
    say(f"Restored {found.leaves} leaves and {len(stored)} stored files.")
    connections.close_all()  # what was connected to the empty database knows nothing
    log.integrate()
    return Restored(found, tuple(recall.compare()))


def open_epoch(*, restored: Restored, because: str, by: object, at: datetime) -> Epoch:
    """Go on under a new name after an older state was restored.

    The new epoch quotes the largest signed tree that anybody remembers. Raises what
    epochs.open_epoch() raises.
    """
    largest = max(
        (item.recollection for item in restored.comparisons),
        key=lambda item: item.tree.size,
        default=None,
    )
    note = largest.note if largest else None
    return epochs.open_epoch(because=because, by=by, at=at, former_note=note)


def lost(comparisons: tuple[Comparison, ...]) -> list[Comparison]:
    """Return the comparisons that speak of leaves which are gone or were replaced."""
    return [c for c in comparisons if c.standing in (Standing.OLDER, Standing.OTHER)]


def _require_empty(superuser: str) -> None:
    """Refuse a database with tables, a stranger's role, or another database."""
    configured = str(connections["default"].settings_dict["NAME"])
    try:
        with psycopg.connect(superuser) as connection:
            if connection.info.dbname != configured:
                raise RestoreRefused(
                    f"The superuser's address names the database "
                    f"{connection.info.dbname}, the settings {configured}."
                )
            row = connection.execute(
                "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
            if row != (True,):
                raise RestoreRefused(f"{connection.info.user} is no superuser.")
            table = connection.execute(_TABLES).fetchone()
            if table is not None:
                raise RestoreRefused(
                    f"The database {configured} is not empty: it has {table[0]}. A "
                    "backup is restored into a new database only, so that nothing is "
                    "overwritten."
                )
    except psycopg.Error as error:
        raise RestoreRefused(str(error).strip()) from error


def _stored_files(found: backup.Backup, folder: Path) -> list[tuple[Path, Path]]:
    """Return what to copy where; refuse to overwrite a file of another content."""
    parts = [p for p in found.files if p.path.startswith(f"{backup.STORAGE}/")]
    if not parts:
        return []
    if not isinstance(default_storage, FileSystemStorage):
        raise RestoreRefused("The backup has stored files, but files are not local.")
    there = Path(default_storage.location)
    copies = []
    for part in parts:
        target = there / part.path.removeprefix(f"{backup.STORAGE}/")
        if target.exists():
            with target.open("rb") as file:
                digest, _ = sha256_of_chunks(iter(lambda: file.read(_CHUNK), b""))
            if digest != part.sha256:
                raise RestoreRefused(f"{target} is there with another content.")
            continue
        copies.append((folder / part.path, target))
    return copies


def _copy(source: Path, target: Path) -> None:
    """Copy a file so that it appears whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{target.name}.restoring")
    shutil.copy2(source, scratch)
    scratch.replace(target)


def _fill(dump: Path, superuser: str) -> None:
    """Load the dump in one transaction, with the owners and rights that it names."""
    address, password = backup.split_password(superuser)
    database_roles.make_roles(superuser)
    with psycopg.connect(superuser) as connection:
        connection.execute(_CLEAR)
        server = connection.info.server_version // 10_000
    backup.run(
        "pg_restore",
        "--single-transaction",
        "--exit-on-error",
        f"--dbname={address}",
        str(dump),
        server=server,
        password=password,
    )
    database_roles.prepare_database(superuser)
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute("ANALYZE")

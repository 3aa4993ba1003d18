"""Backing up: the database at one moment, the stored files, and what was signed then.

The keys are not part of a backup: who holds both could write another history.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import psycopg
from django.conf import settings
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connections
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from audits.keys import replace_file
from governance import embedded
from registry.digests import canonical_json, sha256_hex

FORMAT = "freigabe-backup/1"
MANIFEST = "manifest.json"
DUMP = "database.dump"
CHECKPOINT = "checkpoint"
STORAGE = "storage"
NOT_INCLUDED = (
    "The keys (FREIGABE_VAR/keys) and secret_key: back them up apart from this, where "
    "other people hold them.",
    "The write-once export, witnesses and time stamps: they are others' memory.",
)
_NOW = """
SELECT pg_export_snapshot(), current_database(), current_setting('server_version'),
  (SELECT tree_size FROM audits_sequencer),
  (SELECT coalesce(max(entry_id), 0) FROM audits_entry),
  (SELECT note FROM audits_checkpoint ORDER BY tree_size DESC LIMIT 1)
"""


class BackupFailed(Exception):
    """Nothing was backed up; the text says why."""


class BackupBroken(Exception):
    """The folder is no whole backup; the text names what is wrong with it."""


@dataclass(frozen=True)
class Part:
    """A file of the backup; `bytes` is its length."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Backup:
    """A whole backup: when, of which log, how far it was, and its files."""

    made_at: str
    origin: str
    database: str
    server: str
    leaves: int
    last_entry: int
    files: tuple[Part, ...]
    not_included: tuple[str, ...]

    @property
    def content(self) -> bytes:
        """The manifest's bytes (RFC 8785)."""
        document = {"format": FORMAT, **vars(self)}
        document["files"] = [vars(part) for part in self.files]
        return canonical_json(document)

    @property
    def sha256(self) -> str:
        """The manifest's digest: whoever keeps it elsewhere can tell the backup."""
        return sha256_hex(self.content)


def make(*, into: Path, at: datetime, hard_link: bool = False) -> Backup:
    """Back up the running installation into an empty or new folder.

    The database is dumped as of one moment, as its owner; then the stored files are
    copied: they are written before the rows that name them, so that none is missing.
    `hard_link` saves space on one file system, and does not survive the disk. The
    manifest is written last: without it there is no backup. Raises BackupFailed.
    """
    _require_empty(into)
    into.mkdir(parents=True, exist_ok=True)
    into.chmod(0o700)  # names, addresses and password hashes are in the dump
    address, password = address_of(settings.FREIGABE_OWNER_ALIAS)
    try:
        with psycopg.connect(address, password=password) as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            row = connection.execute(_NOW).fetchone()
            if row is None:
                raise BackupFailed("The log has no sequencer: run migrate first.")
            snapshot, database, server, leaves, last_entry, note = row
            major = connection.info.server_version // 10_000
            target = into / DUMP
            _dump(target, address, password, server=major, snapshot=snapshot)
    except psycopg.Error as error:
        raise BackupFailed(str(error).strip()) from error
    if note:
        replace_file(into / CHECKPOINT, note.encode())
    missing = list(NOT_INCLUDED)
    if isinstance(default_storage, FileSystemStorage):
        _copy_storage(Path(default_storage.location), into / STORAGE, hard_link)
    else:
        missing.append("The stored files: they are not on a local file system.")
    made = Backup(
        made_at=at.isoformat(),
        origin=note.partition("\n")[0] if note else settings.FREIGABE_LOG_ORIGIN,
        database=database,
        server=server,
        leaves=leaves,
        last_entry=last_entry,
        files=tuple(_parts(into)),
        not_included=tuple(missing),
    )
    for part in made.files:
        _sync(into / part.path)
    replace_file(into / MANIFEST, made.content)
    return made


def check(folder: Path) -> Backup:
    """Read a backup and hash every file of it. Raises BackupBroken, naming the file."""
    backup = read(folder)
    there = {part.path: part for part in _parts(folder)}
    for part in backup.files:
        found = there.pop(part.path, None)
        if found is None:
            raise BackupBroken(f"{part.path} is missing.")
        if found != part:
            raise BackupBroken(
                f"{part.path} has {found.bytes} bytes with the SHA-256 {found.sha256}; "
                f"the manifest says {part.bytes} bytes, {part.sha256}."
            )
    if there:
        raise BackupBroken(f"{min(there)} is not in the manifest.")
    return backup


def read(folder: Path) -> Backup:
    """Read the manifest only. Raises BackupBroken."""
    path = folder / MANIFEST
    try:
        raw = path.read_bytes()
        document = json.loads(raw)
        backup = _backup(document)
        canonical = backup.content
    except FileNotFoundError as error:
        raise BackupBroken(
            f"There is no {path}: this is no backup, or one that was interrupted."
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupBroken(f"{path} cannot be read: {error}") from error
    if canonical != raw:
        raise BackupBroken(f"{path} is not written as a manifest of {FORMAT} is.")
    return backup


def address_of(alias: str) -> tuple[str, str]:
    """Return a configured database as libpq keywords without, and its password."""
    found = connections[alias].settings_dict
    options = {k: v for k, v in found["OPTIONS"].items() if isinstance(v, str)}
    address = make_conninfo(
        "",
        dbname=found["NAME"],
        user=found["USER"] or None,
        host=found["HOST"] or None,
        port=found["PORT"] or None,
        **options,
    )
    return address, found["PASSWORD"]


def split_password(address: str) -> tuple[str, str]:
    """Take the password out of an address, because command lines are public."""
    parts = conninfo_to_dict(address)
    password = str(parts.pop("password", None) or "")
    return make_conninfo("", **parts), password


def run(program: str, *arguments: str, server: int, password: str) -> None:
    """Run a program of PostgreSQL for a server of this major version.

    Raises BackupFailed with what it said.
    """
    environment = os.environ | ({"PGPASSWORD": password} if password else {})
    command = [_program(program, server), *arguments]
    ended = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False
    )
    if ended.returncode != 0:
        raise BackupFailed(f"{program} failed: {ended.stderr.strip()[-2000:]}")


def _program(name: str, server: int) -> str:
    """Return the program of the embedded PostgreSQL or of PATH that fits the server.

    That of its own version, because a newer one writes what it does not read; else a
    newer one, because an older one refuses.
    """
    found = {major: path for path in _candidates(name) if (major := _major(path))}
    fitting = [major for major in sorted(found, reverse=True) if major >= server]
    if not fitting:
        raise BackupFailed(
            f"The server is PostgreSQL {server}, and there is no {name} of this "
            "version: install PostgreSQL's client programs."
        )
    return found[server if server in found else fitting[0]]


def _candidates(name: str) -> Iterator[str]:
    if path := shutil.which(name):
        yield path
    try:
        yield embedded._program(name)
    except embedded.EmbeddedFailure:
        return


def _major(path: str) -> int:
    """Return the major version that a program says it has, 0 if it does not run."""
    try:
        said = subprocess.run(
            [path, "--version"], capture_output=True, text=True, check=False
        )
    except OSError:
        return 0
    match = re.search(r"\) (\d+)", said.stdout)
    return int(match[1]) if match else 0


def _require_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupFailed(f"{folder} is not an empty folder: name a new one.")


def _dump(
    target: Path, address: str, password: str, *, server: int, snapshot: str
) -> None:
    run(
        "pg_dump",
        "--format=custom",
        f"--snapshot={snapshot}",
        f"--file={target}",
        f"--dbname={address}",
        server=server,
        password=password,
    )


def _copy_storage(source: Path, target: Path, hard_link: bool) -> None:
    if not source.is_dir():
        return
    try:
        shutil.copytree(source, target, copy_function=partial(_copy, hard_link))
    except (OSError, shutil.Error) as error:
        raise BackupFailed(f"The stored files were not copied: {error}") from error


def _copy(hard_link: bool, source: str, target: str) -> None:
    """Copy one file; a worker may remove what an attempt at a dossier left."""
    with contextlib.suppress(FileNotFoundError):
        (os.link if hard_link else shutil.copy2)(source, target)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _parts(folder: Path) -> Iterator[Part]:
    """Hash every file below the folder but the manifest, in the order of paths."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise BackupBroken(f"{name} is a link, which no backup contains.")
        if path.is_dir() or name == MANIFEST:
            continue
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        yield Part(name, digest, path.stat().st_size)


def _backup(document: Any) -> Backup:
    if not isinstance(document, dict) or document.pop("format") != FORMAT:
        raise ValueError(f"it is not of the format {FORMAT}")
    parts = tuple(Part(**item) for item in document.pop("files"))
    for part in parts:
        pure = PurePosixPath(part.path)
        if pure.is_absolute() or ".." in pure.parts:
            raise ValueError(f"{part.path!r} lies outside")
    missing = tuple(document.pop("not_included"))
    return Backup(**document, files=parts, not_included=missing)

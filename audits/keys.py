"""Private keys in files that only their owner can read."""

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


class KeyUnusable(Exception):
    """The key file is open to others or holds something else; the text says which."""


def load_or_create_key(path: Path) -> Ed25519PrivateKey:
    """Read the Ed25519 key in this PEM file; make one, mode 0600, if there is none.

    Two processes that start at once end up with the same key. Raises KeyUnusable.
    """
    if not path.exists():
        create_file(path, _fresh_pem())
    return load_key(path)


def load_key(path: Path) -> Ed25519PrivateKey:
    """Read the Ed25519 key in this PEM file. Raises KeyUnusable."""
    key = read_private_key(path)
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(f"{path} holds a key of another kind than Ed25519.")
    return key


def read_private_key(path: Path) -> PrivateKeyTypes:
    """Read a private key of any kind that only its owner can. Raises KeyUnusable."""
    if not path.is_file():
        raise KeyUnusable(f"There is no key file {path}.")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise KeyUnusable(f"{path} is open to others (mode {mode:o}); use chmod 600.")
    try:
        return load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyUnusable(f"{path} does not hold a readable private key.") from error


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that a crash leaves the old or the new content, never a mix."""
    scratch = _write_beside(path, content)
    scratch.replace(path)
    _sync_folder(path.parent)


def new_key_file(path: Path) -> None:
    """Put a fresh Ed25519 key in place of the one in this file, whole or not at all."""
    replace_file(path, _fresh_pem())


def _fresh_pem() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )


def create_file(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, unless another process was first."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch = _write_beside(path, content)
    # A link, unlike a rename, never replaces what another process just made.
    with contextlib.suppress(FileExistsError):
        os.link(scratch, path)
    scratch.unlink()
    _sync_folder(path.parent)


def _write_beside(path: Path, content: bytes) -> Path:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return Path(name)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

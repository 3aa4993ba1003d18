"""The log's keys in a folder: the one that signs, its predecessor, public ones."""

import base64
import contextlib
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from audits.keys import (
    KeyUnusable,
    load_key,
    load_or_create_key,
    new_key_file,
    replace_file,
)
from audits.note import NoteMalformed, decode_base64, parse_public_key

CURRENT = "log.pem"
RETIRING = "log-retiring.pem"


class KeyRing:
    """Keys of the log. What it knows lies outside the database.

    Every public key that ever signed stays as a `.pub` file, so that old checkpoints
    can be verified without believing the database about keys. A key that others may
    hold has a `.revoked` file beside it with the names for which it still counts.
    """

    def __init__(self, folder: Path, *, create: bool = True) -> None:
        """Open the folder; make a first key if `create`.

        A lost key is not silently replaced. Raises keys.KeyUnusable.
        """
        self.folder = folder
        path = folder / CURRENT
        if is_lost(folder):
            raise KeyUnusable(
                f"The log's signing key {path} is gone. Put it back from your copy of "
                "the folder; if there is none: manage.py open_epoch."
            )
        self.current = load_or_create_key(path) if create else load_key(path)
        if create:
            self._keep_public(self.current.public_key())

    @property
    def retiring(self) -> Ed25519PrivateKey | None:
        """The predecessor, while it still signs. Raises keys.KeyUnusable."""
        path = self.folder / RETIRING
        if not path.exists():
            return None
        key = load_key(path)
        # The same key twice: a rotation was interrupted before the new key was there.
        same = raw(key.public_key()) == raw(self.current.public_key())
        return None if same else key

    @property
    def signing(self) -> list[Ed25519PrivateKey]:
        """The keys that sign now, the current one first."""
        former = self.retiring
        return [self.current] if former is None else [self.current, former]

    @property
    def public(self) -> list[Ed25519PublicKey]:
        """All public keys that this folder knows, those that sign first."""
        keys = [key.public_key() for key in self.signing]
        known = {raw(key) for key in keys}
        for path in sorted(self.folder.glob("log-*.pub")):
            key = _read_public(path)
            if raw(key) not in known:
                keys.append(key)
        return keys

    @property
    def revoked(self) -> list[Ed25519PublicKey]:
        """The keys that others may hold."""
        return [key for key in self.public if _revocation(self.folder, key).exists()]

    def trusted(self, origin: str) -> list[Ed25519PublicKey]:
        """Return the public keys whose signatures count under this name of the log."""
        return [key for key in self.public if _counts(self.folder, key, origin)]

    def revoke(self, origins: Sequence[str]) -> None:
        """Say, before they are replaced, that the signing keys count only for these."""
        text = "".join(f"{name}\n" for name in origins)
        for key in self.signing:
            replace_file(_revocation(self.folder, key.public_key()), text.encode())

    def rotate(self, *, keep_signing: bool) -> Ed25519PublicKey:
        """Make a new key that signs from now on; return its public half.

        With `keep_signing` the former one signs beside it until drop_retiring(). A
        crash between two steps leaves a folder that signs, and can be called again.
        """
        former = self.current
        self._keep_public(former.public_key())
        if keep_signing:
            replace_file(self.folder / RETIRING, (self.folder / CURRENT).read_bytes())
        else:
            self.drop_retiring()
        new_key_file(self.folder / CURRENT)
        self.current = load_key(self.folder / CURRENT)
        return self.current.public_key()

    def drop_retiring(self) -> None:
        """Delete the predecessor's private key; its public one stays."""
        former = self.retiring
        if former is not None:
            self._keep_public(former.public_key())
        with contextlib.suppress(FileNotFoundError):
            (self.folder / RETIRING).unlink()

    def _keep_public(self, key: Ed25519PublicKey) -> None:
        path = _file_of(self.folder, key, "pub")
        if not path.exists():
            replace_file(path, base64.b64encode(raw(key)) + b"\n")


def is_lost(folder: Path) -> bool:
    """Whether the folder has signed before, and its private key is gone."""
    # The public file is the younger one: looking for it first, a first start that is
    # under way in another process is no loss.
    signed_before = any(folder.glob("log-*.pub"))
    return signed_before and not (folder / CURRENT).exists()


def replace_lost(folder: Path) -> None:
    """Make a new key where the former one is gone."""
    new_key_file(folder / CURRENT)


def trusted_keys(folder: Path, origin: str) -> list[Ed25519PublicKey]:
    """Return the keys that count under this name, also where the private one is lost.

    Raises keys.KeyUnusable.
    """
    if not is_lost(folder):
        return KeyRing(folder, create=False).trusted(origin)
    keys = [_read_public(path) for path in sorted(folder.glob("log-*.pub"))]
    return [key for key in keys if _counts(folder, key, origin)]


def raw(key: Ed25519PublicKey) -> bytes:
    """Return the 32 bytes of a public key."""
    return key.public_bytes_raw()


def _counts(folder: Path, key: Ed25519PublicKey, origin: str) -> bool:
    path = _revocation(folder, key)
    return not path.exists() or origin in path.read_text().splitlines()


def _revocation(folder: Path, key: Ed25519PublicKey) -> Path:
    return _file_of(folder, key, "revoked")


def _file_of(folder: Path, key: Ed25519PublicKey, kind: str) -> Path:
    return folder / f"log-{raw(key).hex()[:16]}.{kind}"


def _read_public(path: Path) -> Ed25519PublicKey:
    try:
        return parse_public_key(decode_base64(path.read_text().strip(), path.name))
    except (NoteMalformed, UnicodeDecodeError) as error:
        raise KeyUnusable(f"{path} does not hold a public key: {error}") from error

"""The log's keys in a folder: the one that signs, its predecessor, public ones."""

import base64
import contextlib
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from audits.keys import load_key, load_or_create_key, new_key_file, replace_file
from audits.note import parse_public_key

CURRENT = "log.pem"
RETIRING = "log-retiring.pem"


class KeyRing:
    """Keys of the log. What it knows lies outside the database.

    Every public key that ever signed stays as a `.pub` file, so that old checkpoints
    can be verified without believing the database about keys.
    """

    def __init__(self, folder: Path, *, create: bool = True) -> None:
        """Open the folder; make a first key if `create`. Raises keys.KeyUnusable."""
        self.folder = folder
        path = folder / CURRENT
        self.current = load_or_create_key(path) if create else load_key(path)

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
            key = parse_public_key(base64.b64decode(path.read_text()))
            if raw(key) not in known:
                keys.append(key)
        return keys

    def rotate(self, *, keep_signing: bool) -> Ed25519PublicKey:
        """Make a new key that signs from now on; return its public half.

        With `keep_signing` the former one signs beside it until drop_retiring(). A
        crash between two steps leaves a folder that signs, and can be called again.
        """
        former = self.current
        self._remember(former.public_key())
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
            self._remember(former.public_key())
        with contextlib.suppress(FileNotFoundError):
            (self.folder / RETIRING).unlink()

    def _remember(self, key: Ed25519PublicKey) -> None:
        text = base64.b64encode(raw(key))
        replace_file(self.folder / f"log-{raw(key).hex()[:16]}.pub", text + b"\n")


def raw(key: Ed25519PublicKey) -> bytes:
    """Return the 32 bytes of a public key."""
    return key.public_bytes_raw()

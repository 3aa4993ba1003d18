"""Stored artifacts as local files, checked against their digests."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.files.storage import default_storage

from registry.digests import sha256_of_chunks
from registry.models import Artifact

_CHUNK = 1024 * 1024


class ArtifactDamaged(Exception):
    """The stored bytes are gone, or no longer those of the digest."""


@contextmanager
def local_copy(artifact: Artifact) -> Iterator[Path]:
    """A private copy of the artifact's bytes, gone afterwards.

    Works on any storage, S3 too. Raises `ArtifactDamaged`.
    """
    with tempfile.TemporaryDirectory(prefix="freigabe-") as folder:
        path = Path(folder) / "artifact"
        try:
            source = default_storage.open(artifact.storage_name)
        except OSError as error:
            raise ArtifactDamaged(f"The file {artifact} cannot be read.") from error
        with source, path.open("wb") as target:

            def copy() -> Iterator[bytes]:
                for chunk in source.chunks(_CHUNK):
                    target.write(chunk)
                    yield chunk

            digest, _size = sha256_of_chunks(copy())
        if digest != artifact.sha256:
            raise ArtifactDamaged(
                f"The stored file {artifact} has the digest {digest}: it was changed."
            )
        yield path

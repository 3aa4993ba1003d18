"""The act of storing a file: hashed while it streams, known by its content."""

import hashlib
import tempfile
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.utils.translation import gettext as _

from audits.artifacts import MODEL_FORMATS, Detected, UnsupportedArtifact, detect
from governance import roles
from registry.acts import acting
from registry.models import Artifact, User

_CHUNK = 1024 * 1024


class TooLarge(Exception):
    """The file is larger than this installation accepts."""


class NotAModel(Exception):
    """The file is not in a format from which a model can be loaded safely."""


def store(
    *,
    chunks: Iterable[bytes],
    file_name: str,
    by: User,
    at: datetime,
    as_model: bool = True,
    accept: Callable[[Path, Detected], None] | None = None,
    right: str = "upload artifacts",
) -> Artifact:
    """Store a file and return its artifact; the same bytes twice are one artifact.

    The bytes go to a scratch file while they are hashed, are identified by content and
    shown to `accept`, and only then enter the storage: a refused upload leaves nothing
    behind. `right` is what allows the act that stores it. Raises `NotAllowed`,
    `TooLarge`, `NotAModel`, `UnsupportedArtifact`, and what `accept` raises.
    """
    roles.require(by, right)
    scratch_dir = Path(settings.FILE_UPLOAD_TEMP_DIR)
    scratch_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=scratch_dir) as scratch:
        digest, size = _spool(chunks, scratch)
        found = detect(Path(scratch.name))
        _require_model(found.format, as_model)
        if accept is not None:
            accept(Path(scratch.name), found)
        known = Artifact.objects.filter(sha256=digest).first()
        if known is not None:
            _heal(Path(scratch.name), known)
            return known
        return _keep(
            scratch=Path(scratch.name),
            artifact=Artifact(
                sha256=digest,
                size=size,
                media_type=found.media_type,
                format=found.format,
                file_name=Path(file_name).name[:255] or "unnamed",
                storage_name=f"artifacts/{digest[:2]}/{digest}",
                uploaded_by=by,
                uploaded_at=at,
            ),
        )


def _spool(chunks: Iterable[bytes], scratch: IO[bytes]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        size += len(chunk)
        if size > settings.FREIGABE_MAX_ARTIFACT_BYTES:
            raise TooLarge(
                _("The file is larger than %(limit)s MiB.")
                % {"limit": settings.FREIGABE_MAX_ARTIFACT_BYTES // 2**20}
            )
        digest.update(chunk)
        scratch.write(chunk)
    scratch.flush()
    if size == 0:
        raise UnsupportedArtifact(_("The file is empty."))
    return digest.hexdigest(), size


def _require_model(file_format: str, as_model: bool) -> None:
    if as_model and file_format not in MODEL_FORMATS:
        raise NotAModel(
            _("This is %(format)s, not a model. Accepted are: %(formats)s.")
            % {"format": file_format, "formats": ", ".join(sorted(MODEL_FORMATS))}
        )


def _heal(scratch: Path, known: Artifact) -> None:
    """Bring back the bytes of a known artifact that the storage has lost."""
    if not default_storage.exists(known.storage_name):
        with scratch.open("rb") as source:
            default_storage.save(known.storage_name, File(source))


def _keep(*, scratch: Path, artifact: Artifact) -> Artifact:
    """Put the bytes into the storage and the row into the database, or neither."""
    name = artifact.storage_name
    fresh = not default_storage.exists(name)
    if fresh:
        with scratch.open("rb") as source:
            default_storage.save(name, File(source))
    try:
        with acting(by=artifact.uploaded_by):
            kept, _created = Artifact.objects.get_or_create(
                sha256=artifact.sha256,
                defaults={
                    f.name: getattr(artifact, f.name)
                    for f in Artifact._meta.concrete_fields
                    if f.name not in ("id", "sha256")
                },
            )
    except BaseException:
        if fresh:
            default_storage.delete(name)
        raise
    return kept

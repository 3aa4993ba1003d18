"""Exports of a finished dossier, as its bundle keeps them."""

import io
import json
import zipfile
from base64 import b64encode
from typing import Any

from django.core.files.storage import default_storage
from django.http import FileResponse
from django.utils.translation import gettext as _

from governance.dossier.exports import EXPORTS
from governance.models import Dossier

_NAMES = tuple(export.name for export in EXPORTS)


class NoSuchExport(Exception):
    """The dossier has no such export, or its file is gone."""


def listed(row: Dossier) -> list[dict[str, Any]]:
    """What dossier.json says of the exports of a finished dossier, in their order."""
    if row.state != Dossier.State.FINISHED or not row.bundle_name:
        return []
    found = {item["name"]: item for item in json.loads(row.document)["attachments"]}
    return [found[name] for name in _NAMES if name in found]


def answer(row: Dossier, name: str) -> FileResponse:
    """The bytes with their media type and digest (RFC 9530). Raises `NoSuchExport`."""
    facts = next((item for item in listed(row) if item["name"] == name), None)
    if facts is None:
        raise NoSuchExport(_("This dossier has no export of this name."))
    try:
        with default_storage.open(row.bundle_name) as file:
            body = zipfile.ZipFile(file).read(name)
    except (FileNotFoundError, zipfile.BadZipFile, KeyError) as error:
        raise NoSuchExport(_("The file of this export is missing.")) from error
    digest = b64encode(bytes.fromhex(facts["sha256"])).decode()
    return FileResponse(
        io.BytesIO(body),
        # Never shown in place: a card or page may quote a stranger's text.
        as_attachment=True,
        filename=f"{row.stem}-{name}",
        content_type=facts["media_type"],
        headers={
            "Content-Digest": f"sha-256=:{digest}:",
            "ETag": f'"{facts["sha256"]}"',
        },
    )

"""Exports of a finished dossier: kept under the digest of their bytes, and answered."""

import json
from base64 import b64encode
from collections.abc import Iterable
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.http import FileResponse
from django.utils.translation import gettext as _

from governance.dossier.attachments import File
from governance.dossier.exports import EXPORTS
from governance.models import Dossier

_NAMES = tuple(export.name for export in EXPORTS)


class NoSuchExport(Exception):
    """The dossier has no such export, or its file is gone."""


def keep(files: Iterable[File]) -> None:
    """Store the exports among the files of a dossier; the same bytes once."""
    for file in files:
        place = _place(file.facts.sha256)
        if file.facts.name in _NAMES and not default_storage.exists(place):
            default_storage.save(place, ContentFile(file.body))


def listed(row: Dossier) -> list[dict[str, Any]]:
    """What dossier.json says of the exports of a finished dossier, in their order."""
    if row.state != Dossier.State.FINISHED or not row.document:
        return []
    found = {item["name"]: item for item in json.loads(row.document)["attachments"]}
    return [found[name] for name in _NAMES if name in found]


def alone(row: Dossier) -> list[str]:
    """Where exports of this dossier lie that no other kept dossier has."""
    others = Dossier.objects.filter(removed_at=None).exclude(pk=row.pk)
    return [
        _place(item["sha256"])
        for item in listed(row)
        if not others.filter(document__contains=item["sha256"]).exists()
    ]


def answer(row: Dossier, name: str) -> FileResponse:
    """The bytes with their media type and digest (RFC 9530). Raises `NoSuchExport`."""
    facts = next((item for item in listed(row) if item["name"] == name), None)
    if facts is None:
        raise NoSuchExport(_("This dossier has no export of this name."))
    try:
        file = default_storage.open(_place(facts["sha256"]))
    except FileNotFoundError as error:
        raise NoSuchExport(_("The file of this export is missing.")) from error
    digest = b64encode(bytes.fromhex(facts["sha256"])).decode()
    return FileResponse(
        file,
        # Never shown in place: a card or page may quote a stranger's text.
        as_attachment=True,
        filename=f"{row.stem}-{name}",
        content_type=facts["media_type"],
        headers={
            "Content-Digest": f"sha-256=:{digest}:",
            "ETag": f'"{facts["sha256"]}"',
        },
    )


def _place(sha256: str) -> str:
    return f"dossiers/{sha256[:2]}/{sha256}"

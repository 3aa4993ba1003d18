"""The public page that says whether this installation made a dossier.

It is asked by whoever holds a dossier, without an account: it tells nothing that the
paper does not say, and of a file that is sent only the digest is computed.
"""

import hashlib
import re
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import (
    FileUploadHandler,
    SkipFile,
    StopUpload,
)
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from governance.models import Dossier

LARGEST = 256 * 1024**2  # bytes of a file that is checked
ROOM_FOR_FORM = 4096
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Hashing(FileUploadHandler):
    """Hashes what is uploaded and keeps nothing of it."""

    def __init__(self, request: HttpRequest) -> None:
        """Begin with nothing."""
        super().__init__(request)
        self.sha256 = hashlib.sha256()
        self.seen = 0
        self.complete = False

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Take the first file alone."""
        super().new_file(*args, **kwargs)
        if self.seen or self.complete:
            raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Hash a piece; end the upload when it is more than `LARGEST` bytes."""
        self.seen += len(raw_data)
        if self.seen > LARGEST:
            raise StopUpload(connection_reset=True)
        self.sha256.update(raw_data)

    def file_complete(self, file_size: int) -> "UploadedFile[Any] | None":
        """Nothing is kept: the view asks this handler."""
        self.complete = file_size > 0
        return None


@csrf_exempt  # it changes nothing, and nobody is logged in
@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest, sha256: str = "") -> HttpResponse:
    """Say of a digest, or of the file that is sent, whether it was made here."""
    if request.method == "POST":
        return _uploaded(request)
    given = request.GET.get("sha256", sha256).strip().lower()
    if not given:
        return _answer(request, {})
    if not _DIGEST.fullmatch(given):
        problem = _("A SHA-256 digest has 64 hexadecimal digits.")
        return _answer(request, {"problem": problem}, status=400)
    return _answer(request, _found(given))


def _uploaded(request: HttpRequest) -> HttpResponse:
    """Hash the file of the form. One that is too large is not read at all."""
    largest = {"size": LARGEST // 1024**2}
    too_large = _("A file of more than %(size)s MiB is not checked here.") % largest
    try:
        length = int(request.headers.get("Content-Length", "0"))
    except ValueError:
        length = 0
    if length > LARGEST + ROOM_FOR_FORM:
        return _answer(request, {"problem": too_large}, status=413)
    handler = Hashing(request)
    request.upload_handlers = [handler]
    list(request.FILES)  # reads the body
    if handler.seen > LARGEST:
        return _answer(request, {"problem": too_large}, status=413)
    if not handler.complete:
        problem = _("Choose the file that you want to check.")
        return _answer(request, {"problem": problem}, status=400)
    return _answer(request, _found(handler.sha256.hexdigest()) | {"uploaded": True})


def _found(sha256: str) -> dict[str, Any]:
    """What is known of a digest: of the sealed PDF, its bundle or its dossier.json."""
    row = (
        Dossier.objects.filter(
            Q(pdf_sha256=sha256) | Q(document_sha256=sha256) | Q(bundle_sha256=sha256),
            state=Dossier.State.FINISHED,
        )
        .defer("document")
        .order_by("ended_at")
        .first()
    )
    whole = row is not None and row.document_sha256 != sha256
    return {"sha256": sha256, "row": row, "whole": whole}


def _answer(
    request: HttpRequest, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    response = render(
        request,
        "dossiers/check.html",
        {"largest": LARGEST // 1024**2, **context},
        status=status,
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response

"""Being a witness (C2SP tlog-witness): no token, only configured logs."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from audits.keys import KeyUnusable
from audits.outside import witness
from audits.outside.witnesses import SIZE_TYPE
from registry.acts import through

STATUS: dict[type[Exception], int] = {
    witness.BadRequest: 400,
    witness.Unsigned: 403,
    witness.UnknownLog: 404,
    witness.Inconsistent: 422,
    witness.MemoryUnusable: 503,
    KeyUnusable: 503,
}


@csrf_exempt
@require_POST
def add_checkpoint(request: HttpRequest) -> HttpResponse:
    """Answer with the cosignature line, or with the statuses of the specification."""
    length = request.headers.get("Content-Length") or "0"
    if not length.isdecimal():
        return _text(400, "The request names no length.")
    if len(length) > 9 or int(length) > witness.LARGEST_REQUEST:
        return _text(413, "The request is too large.")
    try:
        with through("witness"):
            line = witness.add_checkpoint(
                request.read(witness.LARGEST_REQUEST), at=timezone.now()
            )
    except witness.SizeConflict as error:
        return HttpResponse(f"{error.size}\n", status=409, content_type=SIZE_TYPE)
    except tuple(STATUS) as error:
        return _text(STATUS[type(error)], str(error))
    return _text(200, line)


def _text(status: int, line: str) -> HttpResponse:
    return HttpResponse(
        f"{line}\n", status=status, content_type="text/plain; charset=utf-8"
    )

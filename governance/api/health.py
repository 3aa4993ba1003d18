"""Health for orchestrators, and the public keys."""

from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from audits import log
from audits.keys import KeyUnusable
from governance import permit


@require_GET
def live(_request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@require_GET
def ready(_request: HttpRequest) -> JsonResponse:
    """The process can decide: database and keys are there."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM governance_policypack LIMIT 1")
        permit.gate_key()
    except (Error, permit.NoKey) as error:
        return JsonResponse(
            {"status": _("not ready"), "because": str(error)}, status=503
        )
    return JsonResponse({"status": "ok"})


@require_GET
def keys(_request: HttpRequest) -> JsonResponse:
    """Public keys for permits and checkpoints (`keys.json`)."""
    try:
        key = permit.gate_key()
        checkpoint_vkey = log.signer().vkey
    except (permit.NoKey, KeyUnusable, OSError) as error:
        return JsonResponse(
            {"status": _("not ready"), "because": str(error)}, status=503
        )
    return JsonResponse(
        {
            "issuer": settings.FREIGABE_INSTANCE_URL,
            "keys": [
                {
                    "use": "permit",
                    "keyid": permit.key_id(key),
                    "algorithm": "Ed25519",
                    "public_key": permit.public_pem(key),
                },
                {
                    "use": "checkpoint",
                    "keyid": settings.FREIGABE_LOG_ORIGIN,
                    "algorithm": "Ed25519",
                    "vkey": checkpoint_vkey,
                },
            ],
        }
    )

"""Health for orchestrators, and the public keys."""

from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from governance import gate, permit
from governance.patience import DECIDING_SECONDS, within


@require_GET
def live(_request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@require_GET
def ready(_request: HttpRequest) -> JsonResponse:
    """The process can decide: database, its migrations and keys are there."""
    try:
        with within(DECIDING_SECONDS):
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM governance_policypack LIMIT 1")
            gate.require_migrated()
            permit.gate_key()
    except (Error, gate.NotMigrated, permit.NoKey) as error:
        return JsonResponse(
            {"status": _("not ready"), "because": str(error)}, status=503
        )
    return JsonResponse({"status": "ok"})


@require_GET
def keys(_request: HttpRequest) -> JsonResponse:
    """Public keys for permits and checkpoints (`keys.json`)."""
    try:
        with within(DECIDING_SECONDS):
            return JsonResponse(permit.public_keys(at=timezone.now()))
    except (Error, permit.NoKey) as error:
        return JsonResponse(
            {"status": _("not ready"), "because": str(error)}, status=503
        )

"""The gate beside a bare Django REST framework view that inserts one row."""

import statistics
import time
from typing import Any

from django.test import Client, override_settings
from django.urls import include, path
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audits import log, verification
from governance import access, approvals
from governance.models import SignatureAttempt
from governance.signatures import Proof
from registry.models import Role
from tests.world import NOW, PASSWORD, World

ROUNDS = 200
BODY = {"model": "mortgage-approval", "version": "1", "environment": "production"}


class Bare(APIView):
    """Authenticates like every view of the API, inserts one row, answers."""

    row: SignatureAttempt

    def post(self, request: Request) -> Response:
        """Insert."""
        SignatureAttempt.objects.create(
            request=self.row.request, attempted_by=request.user, attempted_at=NOW
        )
        return Response({"inserted": True})


urlpatterns = [
    path("bare", Bare.as_view()),
    path("", include("governance.urls")),
]


@override_settings(ROOT_URLCONF="tests.benchmarks.gate", ALLOWED_HOSTS=["testserver"])
def decision() -> dict[str, Any]:
    """Median time of an allowing `POST gate/decisions`, interleaved with the peer."""
    client = _stage()
    ours, peer = [], []
    for _ in range(ROUNDS):
        ours.append(_timed(client, "/api/v1/gate/decisions", "decision", "allow"))
        peer.append(_timed(client, "/bare", "inserted", True))
    return {
        "ours": statistics.median(ours) * 1000,
        "reference": statistics.median(peer) * 1000,
        "reference_name": "a bare DRF view that inserts one row",
        "unit": "ms",
        "goal": 2.0,
    }


def _timed(client: Client, url: str, key: str, expected: object) -> float:
    begin = time.perf_counter()
    answer = client.post(url, BODY, content_type="application/json")
    taken = time.perf_counter() - begin
    if answer.status_code != 200 or answer.json()[key] != expected:
        raise SystemExit(f"{url} answered {answer.status_code}: {answer.content!r}")
    return taken


def _stage() -> Client:
    """An approved version and a token that may ask for it."""
    world = World()
    log.advance(at=timezone.now())
    verification.run_and_record(at=timezone.now())
    version = world.ready()
    request = approvals.submit(
        version=version, environment=world.production, by=world.anna, at=NOW
    )
    Bare.row = SignatureAttempt(request=request)
    for who, meaning in ((world.vera, "review"), (world.carl, "approval")):
        approvals.sign(
            request=request,
            meaning=meaning,
            proof=Proof(password=PASSWORD),
            by=who,
            at=timezone.now(),
        )
    _token, secret = access.issue_token(
        name="bench", role=Role.CI, by=access.system_user(), at=timezone.now()
    )
    return Client(headers={"Authorization": f"Bearer {secret}"})

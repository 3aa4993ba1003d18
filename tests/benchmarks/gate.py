"""The gate beside a bare Django REST framework view that inserts one row."""

import os
import statistics
import time
from typing import Any

from django.db import connection
from django.test import Client, override_settings
from django.urls import include, path
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audits import log, verification
from governance import access, approvals
from governance.models import Authorisation, SignatureAttempt
from governance.signatures import Proof
from registry.models import Role
from tests.benchmarks import judging
from tests.world import NOW, PASSWORD, World

ROUNDS = 500
PER_SECOND = 100  # rounds, about
GROWN = 100
SIZES = os.environ.get("FREIGABE_BENCH_VERSIONS", "1000,10000")
MODEL = "mortgage-approval"
BODY = {"model": MODEL, "version": "1", "environment": "production"}


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


_stand = override_settings(
    ROOT_URLCONF="tests.benchmarks.gate", ALLOWED_HOSTS=["testserver"]
)


@_stand
def decision() -> list[dict[str, Any]]:
    """Allowing `POST gate/decisions` beside the peer, interleaved: the mean, which is
    throughput, the median and the 99th percentile.

    Between rounds the log is taken further, untimed, as the clock does each second.
    """
    client = _stage()
    ours, peer = [], []
    for turn in range(ROUNDS):
        if turn % PER_SECOND == 0:
            log.advance(at=timezone.now())
        ours.append(_decided(client, MODEL))
        peer.append(_timed(client, "/bare", BODY, "inserted", True))
    return [
        {
            "suffix": f"-{name}",
            "ours": measure(ours) * 1000,
            "reference": measure(peer) * 1000,
            "reference_name": "a bare DRF view that inserts one row",
            "unit": "ms",
            "goal": goal,
        }
        for name, measure, goal in (
            ("mean", statistics.mean, 2.0),
            ("median", statistics.median, None),
            ("p99", _p99, 3.0),
        )
    ]


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


@_stand
def growth() -> list[dict[str, Any]]:
    """The median decision among more and more versions, beside that among the fewest.

    How many is in `FREIGABE_BENCH_VERSIONS`, such as `1000,10000,100000`; every version
    writes some thirty entries to the log. `again` is asked of one version, which the
    gate remembers; `first` of another one each time; the bare view runs `beside`.
    """
    client, sizes = _stage(), [int(n) for n in SIZES.split(",")]
    first = Authorisation.objects.select_related(
        "request__assessment", "version__model"
    ).get()
    rows: list[dict[str, Any]] = []
    before: dict[str, float] = {}
    present = 1
    for size in sizes:
        judging.copies(first, present, size)
        names = [f"copy-{number}" for number in range(present, present + GROWN)]
        present, here = size, f"here {_settled()} entries"
        taken = _grown(client, names)
        for kind in ("again", "first"):
            median = statistics.median(taken[kind])
            fewest = before.setdefault(kind, median)
            peer = f"{sizes[0]} versions; {here}"
            rows.append(_row(f"{size}-{kind}", median, fewest, peer, 1.2))
        ours, bare = (statistics.mean(taken[kind]) for kind in ("again", "bare"))
        rows.append(_row(f"{size}-beside", ours, bare, f"the bare view; {here}", 2.0))
    return rows


def _settled() -> int:
    """The number of entries; each has its place, as a second later it would."""
    log.advance(at=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("SELECT count(*) FROM audits_entry")
        return int(cursor.fetchone()[0])


def _row(
    name: str, ours: float, peer: float, named: str, goal: float
) -> dict[str, Any]:
    return {
        "suffix": f"-{name}",
        "ours": ours * 1000,
        "reference": peer * 1000,
        "reference_name": named,
        "unit": "ms",
        "goal": goal,
    }


def _grown(client: Client, names: list[str]) -> dict[str, list[float]]:
    """Seconds of each kind of question, interleaved, so that load meets them alike."""
    taken: dict[str, list[float]] = {"again": [], "first": [], "bare": []}
    for name in names:
        taken["again"].append(_decided(client, MODEL))
        taken["first"].append(_decided(client, name))
        taken["bare"].append(_timed(client, "/bare", BODY, "inserted", True))
    return taken


def _decided(client: Client, model: str) -> float:
    body = BODY | {"model": model}
    return _timed(client, "/api/v1/gate/decisions", body, "decision", "allow")


def _timed(
    client: Client, url: str, body: dict[str, str], key: str, expected: object
) -> float:
    begin = time.perf_counter()
    answer = client.post(url, body, content_type="application/json")
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

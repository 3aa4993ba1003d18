"""Times the pages of the portfolio. Run by apart.run(); prints JSON."""

import json
import os
import statistics
import sys
import time
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client, override_settings  # noqa: E402

from governance.models import RiskAssessment  # noqa: E402
from registry.models import ModelVersion, RegisteredModel  # noqa: E402
from tests.world import NOW, World, log_verified  # noqa: E402

SIZES = os.environ.get("FREIGABE_BENCH_MODELS", "1000,10000")
LIMIT_MS = 150.0
ROUNDS = 40
PAST = NOW.date().replace(year=NOW.year - 1).isoformat()
PAGES = {
    "dashboard": "/",
    "dashboard-past": f"/?as_of={PAST}",
    "models": "/models/",
    "models-tier": "/models/?tier=2&sort=-risk",
    "models-words": "/models/?q=household+refusal",
    "models-status": "/models/?status=approved",
    "models-past": f"/models/?as_of={PAST}",
    "permits": "/portfolio/permits/",
    "findings": "/portfolio/findings/",
}
# Copies of one row: what differs is computed for each number.
_COPY = (
    "INSERT INTO {table} SELECT (jsonb_populate_record(one, {changes})).*"
    " FROM (SELECT * FROM {table} WHERE id = %s) AS one,"
    " generate_series(%s, %s) AS n"
)
_STATUSES = ("development", "in-validation", "approved")


@override_settings(ALLOWED_HOSTS=["testserver"])
def pages() -> list[dict[str, Any]]:
    """The 95th percentile of each page's server time in ms, against the limit."""
    log_verified()
    world = World()
    model = world.model()
    world.assessed(model)
    world.version(model)
    client, begun, rows = Client(), 1, []
    client.force_login(world.carl)
    for size in map(int, SIZES.split(",")):
        _fill(begun, size)
        begun = size + 1
        rows += [_timed(client, name, url, size) for name, url in PAGES.items()]
    return rows


def _timed(client: Client, name: str, url: str, size: int) -> dict[str, Any]:
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        answer = client.get(url)
        times.append((time.perf_counter() - begin) * 1000)
        if answer.status_code != 200:
            raise SystemExit(f"{url} answered {answer.status_code}")
    return {
        "ours": statistics.quantiles(times, n=20)[-1],
        "reference": LIMIT_MS,
        "reference_name": f"the limit, {size} models with 10 versions each",
        "suffix": f"-{name}-{size}",
        "unit": "ms",
        "goal": 1.0,
    }


def _fill(first: int, last: int) -> None:
    """Models with two assessments, ten versions of three moves each."""
    model = RegisteredModel.objects.get(slug="mortgage-approval")
    version = ModelVersion.objects.get(model=model)
    row = RiskAssessment.objects.get(model=model)
    with connection.cursor() as cursor:
        _copy(
            cursor,
            "registry_registeredmodel",
            "'id', md5('m' || n)::uuid, 'slug', 'm-' || n, 'name', 'Model ' || n,"
            " 'registered_at', now() - interval '2 years'",
            (model.pk, first, last),
        )
        _copy(
            cursor,
            "governance_riskassessment",
            "'id', gen_random_uuid(), 'model_id', md5('m' || (n + 1) / 2)::uuid,"
            " 'sequence', 1 + n %% 2, 'likelihood', 1 + n / 2 %% 5,"
            " 'impact', 1 + n / 10 %% 5, 'residual_likelihood', 1, 'residual_impact',"
            " 1, 'assessed_at', now() - interval '2 years'",
            (row.pk, 2 * first - 1, 2 * last),
        )
        _copy(
            cursor,
            "registry_modelversion",
            "'id', md5('v' || n)::uuid, 'model_id', md5('m' || (n + 9) / 10)::uuid,"
            " 'version', n::text, 'registered_at', now() - interval '2 years'",
            (version.pk, 10 * first - 9, 10 * last),
        )
        cursor.execute(
            "INSERT INTO governance_statuschange (id, version_id, status, reason,"
            " moved_by_id, moved_at, sequence) SELECT gen_random_uuid(),"
            " md5('v' || n)::uuid, (%s::text[])[s], '', %s,"
            " now() - interval '2 years', s"
            " FROM generate_series(%s, %s) AS n, generate_series(1, 3) AS s"
            " WHERE s <= 1 + n %% 3",
            (list(_STATUSES), model.owner_id, 10 * first - 9, 10 * last),
        )
        cursor.execute("ANALYZE")


def _copy(cursor: Any, table: str, changes: str, values: tuple[Any, ...]) -> None:
    built = f"jsonb_build_object({changes})"
    cursor.execute(_COPY.format(table=table, changes=built), values)


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    json.dump(pages(), sys.stdout)

"""Times the main pages at two sizes of the inventory. Run by apart.run()."""

import gc
import json
import math
import os
import re
import statistics
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.staticfiles import finders  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client, override_settings  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.utils import timezone  # noqa: E402

from audits import log  # noqa: E402
from governance import access, embedded  # noqa: E402
from governance.models import Finding, GateDecision, PolicyPack  # noqa: E402
from governance.portfolio import remembering  # noqa: E402
from registry.models import Role  # noqa: E402
from tests.benchmarks.estate import ENTRIES, Estate  # noqa: E402
from tests.world import NOW, World, later, log_verified  # noqa: E402

SIZES = os.environ.get("FREIGABE_BENCH_MODELS", "1000,10000")
ONLY = os.environ.get("FREIGABE_BENCH_PAGES", "")
LIMIT_MS, LIMIT_KB = 150.0, 200.0
ROUNDS, PATIENCE = 40, 6.0
PAST = (NOW.date().replace(day=1)).isoformat()
YESTERDAY = NOW.date().isoformat()  # when everything had happened
MODEL = "/models/found-11/"
PAGES = {
    "portfolio": "/",
    # With nothing remembered: the first look after a change, or within a minute.
    "portfolio-anew": "/",
    "portfolio-past": f"/?as_of={YESTERDAY}",
    "models": "/models/",
    "models-tier": "/models/?tier=2&sort=-risk",
    "models-words": "/models/?q=household+refusal",
    "models-status": "/models/?status=approved",
    "models-past": f"/models/?as_of={YESTERDAY}",
    "versions-status": "/portfolio/versions/?status=approved",
    "versions-development": "/portfolio/versions/?status=development",
    "permits-ending": "/portfolio/permits/",
    "waivers-ending": "/portfolio/waivers/",
    "findings-by-age": "/portfolio/findings/",
    "model": MODEL,
    "history": f"{MODEL}history",
    "lineage": f"{MODEL}lineage",
    "version": f"{MODEL}versions/1/",
    "my-work": "/work/",
    "approvals": "/approvals/",
    "deployments": "/deployments/",
    "gate": "/gate/",
    "decision": "/gate/{decision}/",
    "log": "/log/",
    "log-entries": "/log/entries/",
    "log-table": "/log/entries/?table=registry_modelversion",
    "log-actor": "/log/entries/?actor=anna",
    "log-days": f"/log/entries/?begin={PAST}&end={PAST}",
    "policy": "/policy/",
    "pack": "/policy/packs/{pack}/",
    "findings": "/findings/",
    "finding": "/findings/{finding}/",
    "waivers": "/waivers/",
    "incidents": "/incidents/",
    "risk": "/risk/",
    "data-sets": "/data-sets/",
    "data-set": "/data-sets/calm-data/",
    "notifications": "/notifications/",
    "dossiers": "/dossiers/",
    "api-models": "/api/v1/models",
    "api-models-tier": "/api/v1/models?tier=2",
}
_DRAWN = re.compile(rb"<svg.*?</svg>", re.DOTALL)
_LOOPS: list[float] = []  # a fixed loop before each look, in ms
_STATIC = re.compile(r'(?:href|src)="/static/([^"?]+)')


@override_settings(ALLOWED_HOSTS=["testserver"])
def pages() -> list[dict[str, Any]]:
    """Of each page p95 of the server time in ms, queries, and bytes of a first load."""
    log_verified()
    world = World()
    data = Path(os.environ["FREIGABE_VAR"]) / "postgres"
    name = connection.settings_dict["NAME"]
    estate = Estate(world, embedded.dsn_for(data, user="postgres", database=name))
    timezone.now = lambda: later(hours=2)
    found: list[dict[str, Any]] = []
    clients = _clients(world)
    # As the web process does, see governance/wsgi.py.
    import_module(settings.ROOT_URLCONF)
    gc.collect()
    gc.freeze()
    asked: dict[str, int] = {}
    for size in map(int, SIZES.split(",")):
        begin = time.perf_counter()
        estate.grow(size)
        log.integrate()
        took = time.perf_counter() - begin
        sys.stderr.write(f"{size} models filled in {took:.0f} s\n")
        for page, address in _addresses().items():
            client = clients[address.startswith("/api/")]
            past = "as_of" in address
            timezone.now = lambda days=int(past): later(days=days, hours=2)
            clients[False].force_login(world.carl)
            found += _measured(client, page, address, size, asked)
        if _LOOPS:  # a name in FREIGABE_BENCH_PAGES may be of no page
            found.append(_machine(size))
    return found


def _clients(world: World) -> tuple[Client, Client]:
    """A person's browser, and a program that reads."""
    browser = Client()
    browser.force_login(world.carl)
    _token, secret = access.issue_token(
        name="reader", role=Role.AUDITOR, by=access.system_user(), at=timezone.now()
    )
    return browser, Client(headers={"Authorization": f"Bearer {secret}"})


def _addresses() -> dict[str, str]:
    pack = PolicyPack.objects.order_by("slug")[0]
    names = {
        "decision": GateDecision.objects.order_by("-decided_at")[0].pk,
        "finding": Finding.objects.order_by("-raised_at")[0].pk,
        "pack": f"{pack.slug}/{pack.version}",
    }
    chosen = set(ONLY.split(",")) if ONLY else PAGES.keys()
    return {page: url.format(**names) for page, url in PAGES.items() if page in chosen}


def _measured(
    client: Client, page: str, address: str, size: int, asked: dict[str, int]
) -> list[dict[str, Any]]:
    _get(client, address)
    with CaptureQueriesContext(connection) as queries:
        content = _get(client, address)
    sys.stderr.write(f"{page} {size}: {len(queries)} queries\n")
    number = sum("django_migrations" not in row["sql"] for row in queries)
    rows = [
        {
            "ours": _p95(client, address, anew=page.endswith("-anew")),
            "reference": LIMIT_MS,
            "reference_name": f"the limit; {size} models, {size * ENTRIES} log entries",
            "unit": "ms",
            "goal": 1.0,
        },
        {
            "ours": number,
            "reference": asked.setdefault(page, number),
            "reference_name": "the queries at the first size",
            "unit": "asked",
            "goal": 1.0,
        },
        {
            "ours": _first_load(content) / 1000,
            "reference": LIMIT_KB,
            "reference_name": "the limit, with style and script, without charts",
            "unit": "kB",
            "goal": 1.0,
        },
    ]
    return [
        row | {"suffix": f"-{page}-{size}-{row['unit']}".removesuffix("-ms")}
        for row in rows
    ]


def _machine(size: int) -> dict[str, Any]:
    """How much slower the machine ran than it can: other guests take their share."""
    row = {
        "ours": statistics.median(_LOOPS),
        "reference": min(_LOOPS),
        "reference_name": "its fastest in this run; the median of a fixed loop",
        "unit": "ms",
        "goal": None,
        "suffix": f"-machine-{size}",
    }
    _LOOPS.clear()
    return row


def _loop() -> float:
    begin, total = time.perf_counter(), 0
    for number in range(200_000):
        total += number * number
    return (time.perf_counter() - begin) * 1000


def _p95(client: Client, address: str, *, anew: bool) -> float:
    times: list[float] = []
    end = time.perf_counter() + PATIENCE
    while len(times) < 5 or (len(times) < ROUNDS and time.perf_counter() < end):
        if anew:
            remembering._kept.clear()
        _LOOPS.append(_loop())
        begin = time.perf_counter()
        _get(client, address)
        times.append((time.perf_counter() - begin) * 1000)
    return sorted(times)[math.ceil(0.95 * len(times)) - 1]


def _get(client: Client, address: str) -> bytes:
    answer = client.get(address)
    if answer.status_code != 200:
        raise SystemExit(f"{address} answered {answer.status_code}")
    return bytes(answer.content)


def _first_load(content: bytes) -> int:
    """Bytes of the page and of all style and script it names; nothing is compressed."""
    files = {finders.find(name) for name in _STATIC.findall(content.decode())}
    sizes = [Path(str(path)).stat().st_size for path in files if path]
    return len(_DRAWN.sub(b"", content)) + sum(sizes)


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    json.dump(pages(), sys.stdout)

"""How often the database is asked does not grow with what is recorded."""

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from governance import findings, gate
from governance.models import Incident, Severity
from registry.models import Role
from tests.crawling import walk
from tests.governance.reconciling import report
from tests.governance.test_emergencies import allow, invoked
from tests.governance.test_fleet import happened
from tests.governance.test_simulation import granted_of
from tests.governance.test_waivers import granted
from tests.world import NOW, later

MODEL = "mortgage-approval"
PORTFOLIO = (
    *("/", "/?as_of=2026-01-01", "/models/", "/models/?tier=2&as_of=2026-01-01"),
    *("/portfolio/versions/", "/portfolio/versions/?as_of=2026-01-01"),
    *("/portfolio/permits/", "/portfolio/waivers/", "/portfolio/findings/"),
)
LISTS = (
    *("/findings/", "/findings/?which=all", "/waivers/", "/risk/", "/data-sets/"),
    *("/deployments/", "/deployments/?state=permitted", "/gate/", "/policy/"),
)
PAGES = (*PORTFOLIO, *LISTS, f"/models/{MODEL}/", f"/models/{MODEL}/versions/1/")
READINESS = f"models/{MODEL}/versions/1/readiness?environment=production"
# The lists that have more rows than before, so that one query for each would show.
GROWING = {
    *("models", "approval-requests", "findings", "waivers", "break-glass"),
    *("incidents", "gate/decisions"),
}


def staged(world, slug):
    """A granted version of a model, with some of everything around it."""
    version = world.ready(slug)
    granted_of(world, version)
    around(world, version)
    invoked(world, version)
    question = gate.Question("production", slug, "1")
    decision = gate.decide(question=question, by=world.ola, at=later(hours=1))
    report(world, version, str(decision.pk), at=later(hours=1, minutes=1))
    return version


def around(world, version, rule="first-004"):
    """A finding, a waiver of a rule and an incident more."""
    findings.raise_finding(
        model=version.model,
        version=version,
        severity=Severity.LOW,
        title="Wide of the mark",
        text="It misses.",
        due_on=later(days=9).date(),
        by=world.vera,
        at=NOW,
    )
    granted(world, version, rules=(rule,))
    happened(world, version.model, kind=Incident.Kind.MINOR)


def counted(get, address):
    """How many queries an answer takes when what is cached is there, and its rows."""
    get(address)
    with CaptureQueriesContext(connection) as found:
        answer = get(address)
    assert answer.status_code == 200, (address, answer.content[:300])
    body = answer.json() if answer["Content-Type"] == "application/json" else None
    # Every two seconds the gate looks whether the database is migrated.
    asked = sum("django_migrations" not in row["sql"] for row in found)
    return asked, len(body) if isinstance(body, list) else 0


def lists():
    """The addresses of all lists of the API that need no parameter."""
    schema = Client().get("/api/v1/schema?format=json").json()
    for path, methods in schema["paths"].items():
        asked = methods.get("get", {}).get("parameters", ())
        if "get" in methods and not any(p.get("required") for p in asked):
            yield path.removeprefix("/api/v1/")


def linked(world):
    """One of each page that links lead a risk manager and an auditor to."""
    found = {}
    for person in (world.rita, world.ines):
        browser = Client()
        browser.force_login(person)
        for name, address in walk(person).pages().items():
            found.setdefault(name, (browser.get, address))
    return list(found.values())


def test_pages_lists_and_readiness_ask_no_more_of_many_rows_than_of_few(
    world, caller, clock
):
    clock(later(hours=2))
    allow(world)
    first = staged(world, MODEL)
    api, browser = caller(Role.COMPLIANCE), Client()
    browser.force_login(world.cora)
    doors = [(api.get, address) for address in [READINESS, *lists()]]
    doors += [(browser.get, address) for address in PAGES]
    asked = [(get, a) for get, a in doors if get(a).status_code == 200]
    assert {READINESS, *GROWING, *PAGES} <= {address for _get, address in asked}
    asked += [(get, a) for get, a in linked(world) if a not in PAGES]
    before = {address: counted(get, address) for get, address in asked}
    for slug in ("second", "third"):
        staged(world, slug)
    for rule in ("first-005", "first-006"):
        around(world, first, rule)
    after = {address: counted(get, address) for get, address in asked}
    grown = {a for a, (_queries, rows) in after.items() if rows > before[a][1]}
    assert grown >= GROWING
    more = {a: (before[a], after[a]) for a in after if after[a][0] > before[a][0]}
    assert more == {}

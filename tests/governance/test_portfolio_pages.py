"""The pages of the portfolio: past days, columns, and where figures lead."""

import re
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from governance import (
    assessing,
    lifecycle,
    portfolio,
    preferences,
    registration,
)
from governance.models import Status
from tests.governance.test_findings import raised
from tests.governance.test_number_of_queries import counted
from tests.governance.test_simulation import granted_of
from tests.world import LONG_AGO, NOW, RECORD, later

MODELS = "web:inventory"


@pytest.fixture(autouse=True)
def now(clock):
    """Ten days after the world began, so that days are over."""
    clock(later(days=10))


def as_(person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def read(client, address, **query) -> str:
    answer = client.get(address, query)
    assert answer.status_code == 200
    return answer.content.decode()


def slugs(client, **query) -> list[str]:
    answer = client.get(reverse(MODELS), query)
    return [line.model.slug for line in answer.context["lines"]]


def long_ago(world, slug="old", **record):
    """A model that was registered a month before everything else."""
    return registration.register_model(
        slug=slug,
        owner=world.anna,
        developer=world.ben,
        validator=world.vera,
        by=world.anna,
        at=LONG_AGO,
        **{**RECORD, **record},
    )


def assessed(world, model, place, at, residual=None):
    left, below = residual or (None, None)
    assessing.assess(
        model=model,
        likelihood=place[0],
        impact=place[1],
        residual_likelihood=left,
        residual_impact=below,
        rationale="So.",
        mitigations="A clerk decides." if residual else "",
        by=world.rita,
        at=at,
    )


def day(**delta) -> str:
    return later(**delta).date().isoformat()


def test_a_past_day_tells_risk_and_record_as_they_were(world):
    model = long_ago(world, name="Old name", jurisdictions=["DE"])
    assessed(world, model, (4, 4), LONG_AGO)
    assessed(world, model, (1, 1), NOW)
    registration.change_inventory(
        model=model, name="New name", jurisdictions=["CH"], by=world.anna, at=NOW
    )
    world.model("young")
    reader = as_(world.ines)
    before = (LONG_AGO + (NOW - LONG_AGO) / 2).date().isoformat()
    answer = reader.get(reverse(MODELS), {"as_of": before})
    (line,) = answer.context["lines"]
    assert (line.model.name, line.model.jurisdictions) == ("Old name", ["DE"])
    assert (line.risk.band, line.tier) == ("high", 2)
    assert slugs(reader, as_of=before, cell="4x4") == ["old"]
    assert slugs(reader, as_of=before, q="new") == []
    assert slugs(reader, as_of=day(days=2), cell="4x4") == []
    assert slugs(reader, as_of=day(days=2)) == ["young", "old"]
    page = read(reader, "/", as_of=before)
    assert f"?cell=4x4&amp;as_of={before}" in page
    assert "cannot be told for a past day" in page
    assert "Needs a decision" not in page


def told_then(client, slug, as_of) -> str:
    """What the page of a model says of a past day."""
    page = read(client, reverse("web:model", args=[slug]), as_of=as_of)
    _before, _mark, rest = page.partition('<section class="then">')
    return " ".join(rest.partition("</section>")[0].split())


def test_a_past_day_goes_on_to_the_page_of_the_model(world):
    model = long_ago(world, name="Old name")
    assessed(world, model, (4, 4), LONG_AGO)
    assessed(world, model, (1, 1), NOW)
    registration.change_inventory(model=model, name="New name", by=world.anna, at=NOW)
    world.version(model)
    reader = as_(world.ines)
    before = (LONG_AGO + (NOW - LONG_AGO) / 2).date().isoformat()
    listed = read(reader, reverse(MODELS), as_of=before)
    assert f'href="/models/old/?as_of={before}"' in listed
    then = told_then(reader, "old", before)
    assert "Old name" in then
    assert "New name" not in then
    assert "<dt>Tier</dt><dd>2</dd>" in then
    assert "<dt>Versions</dt><dd>none</dd>" in then
    assert f'href="/models/?as_of={before}"' in then
    assert "All below shows today." in then
    assert "In development" in told_then(reader, "old", day(days=1))
    assert "not registered yet" in told_then(reader, "old", "2026-01-01")
    page = read(reader, reverse("web:model", args=["old"]))
    assert "All below shows today." not in page
    assert "errorlist" in read(reader, "/models/old/", as_of=day(days=10))


def test_what_was_authorised_then_is_told_on_the_page_of_the_model(world):
    version = world.ready()
    granted_of(world, version)
    lifecycle.move(version=version, to=Status.RETIRED, by=world.anna, at=later(days=3))
    reader = as_(world.ines)
    then = told_then(reader, "mortgage-approval", day(days=1))
    assert "Version 1 for Production, until" in then
    assert "Approved" in then
    then = told_then(reader, "mortgage-approval", day(days=5))
    assert "<dt>Authorisations in force</dt><dd>none</dd>" in then
    assert "Retired" in then


def test_a_past_day_goes_on_to_the_page_of_the_version(world):
    version = world.ready()
    granted_of(world, version)
    lifecycle.move(version=version, to=Status.RETIRED, by=world.anna, at=later(days=3))
    reader = as_(world.ines)
    address = reverse("web:version", args=["mortgage-approval", "1"])

    def told(as_of):
        page = read(reader, address, as_of=as_of)
        _before, _mark, rest = page.partition('<section class="then">')
        return rest.partition("</section>")[0]

    assert "<dd>Approved</dd>" in told(day(days=1))
    assert "<dd>Production, until" in told(day(days=1))
    assert "<dd>Retired</dd>" in told(day(days=5))
    assert "<dd>none</dd>" in told(day(days=5))
    assert "not registered yet" in told("2026-01-01")
    assert "errorlist" in read(reader, address, as_of=day(days=10))
    assert "All below shows today." not in read(reader, address)
    link = f'href="{address}?as_of={day(days=1)}"'
    for name, args in (
        *((MODELS, []), ("web:portfolio_versions", [])),
        ("web:model", ["mortgage-approval"]),
    ):
        page = read(reader, reverse(name, args=args), as_of=day(days=1))
        assert link in page


def newer(world, model, version, hours):
    """A version by whose place in time nobody can be mistaken."""
    registration.register_version(
        model=model,
        version=version,
        artifacts=[(world.artifact(), "model")],
        by=world.ben,
        at=later(hours=hours),
    )


def test_a_past_day_of_a_model_asks_no_more_of_many_rows(world):
    version = world.ready()
    granted_of(world, version)
    newer(world, version.model, "2", hours=1)
    get, address = as_(world.ines).get, f"/models/mortgage-approval/?as_of={day()}"
    before = counted(get, address)
    for hours, number in enumerate(("3", "4"), start=2):
        newer(world, version.model, number, hours=hours)
        granted_of(world, world.ready(f"other-{number}"))
    assert counted(get, address) == before


def test_a_status_of_a_past_day_is_that_of_then(world):
    world.version(world.model())
    reader = as_(world.ines)
    assert slugs(reader, status="development") == ["mortgage-approval"]
    assert slugs(reader, status="development", as_of=day()) == ["mortgage-approval"]
    assert slugs(reader, status="approved") == []
    before = (NOW - (NOW - LONG_AGO) / 2).date().isoformat()
    assert slugs(reader, status="development", as_of=before) == []


@pytest.mark.parametrize("query", [{"as_of": "2999-01-01"}, {"as_of": "yesterday"}])
def test_a_day_that_is_not_over_is_refused_beside_its_field(world, query):
    world.model()
    assert "errorlist" in read(as_(world.ines), reverse(MODELS), **query)
    assert "errorlist" in read(as_(world.ines), "/", **query)


def test_every_figure_of_the_portfolio_leads_to_as_many_rows(world):
    for number, place in enumerate([(4, 4), (4, 4), (1, 1), (5, 5)]):
        model = world.model(f"m-{number}")
        assessed(world, model, place, NOW, residual=(1, 1))
        world.version(model)
    # Two versions of a model: what is counted is a version, and so is each row.
    world.version(model, "2")
    world.model("bare")
    reader = as_(world.carl)
    page = read(reader, "/")
    rows = re.findall(
        r'<th scope="row"><a href="([^"]+)">[^<]+</a></th>\s*<td class="number[^"]*">'
        r"(\d+)<",
        page,
    )
    assert len(rows) > 15
    for href, count in rows:
        answer = reader.get(unescape(href))
        assert answer.status_code == 200, href
        found = answer.context.get("found")
        lines = answer.context["lines"]
        assert (found.total if found else len(lines)) == int(count), href
    moves = re.findall(r'<td><a href="([^"]+)" aria-label="[^"]+">(\d+)</a></td>', page)
    assert sorted(int(count) for _href, count in moves) == [1, 2]
    for href, count in moves:
        assert len(slugs(reader, **query_of(href))) == int(count)


@pytest.mark.parametrize(
    ("language", "names"),
    [
        ("en", ("Very likely", "Very large")),
        ("de", ("Sehr wahrscheinlich", "Sehr groß")),
    ],
)
def test_the_picture_of_moves_names_both_axes(world, language, names):
    assessed(world, world.model(), (4, 4), NOW, residual=(1, 1))
    reader = as_(world.ines)
    reader.cookies["django_language"] = language
    _before, _mark, picture = read(reader, "/").partition('<div class="moved">')
    drawn, _mark, _table = picture.partition("<details>")
    for name in names:
        assert f"<span>{name}</span>" in drawn


def test_versions_stand_where_they_stood_on_the_day(world):
    first = world.version(world.model())
    second = world.version(first.model, "2")
    world.version(first.model, "3")
    for version, to, days in (
        (first, Status.IN_VALIDATION, 1),
        (first, Status.APPROVED, 3),
        (second, Status.IN_VALIDATION, 3),
        (second, Status.DEVELOPMENT, 5),
    ):
        lifecycle.move(version=version, to=to, by=world.anna, at=later(days=days))
    reader = as_(world.ines)

    def listed(status, **day_of):
        address = reverse("web:portfolio_versions")
        query = {"status": status, **({"as_of": day(**day_of)} if day_of else {})}
        rows = reader.get(address, query).context
        assert rows["total"] == len(rows["lines"])
        return [name[-1] for _href, name, _cells in rows["lines"]]

    assert listed("approved") == ["1"]
    assert sorted(listed("development")) == ["2", "3"]
    assert sorted(listed("")) == ["1", "2", "3"]
    assert listed("in-validation") == []
    assert listed("in-validation", days=1) == ["1"]
    assert listed("in-validation", days=3) == ["2"]
    assert sorted(listed("development", days=1)) == ["2", "3"]
    assert listed("development", days=3) == ["3"]
    assert listed("", days=-1) == []


def test_the_versions_behind_a_figure_go_on_where_a_page_ends(world):
    model = world.model()
    ids = {world.version(model, str(number)).pk for number in range(5)}
    moment = portfolio.Moment(later(days=1))
    pages, after = [], None
    while rows := portfolio.standing(moment, "development", size=2, after=after):
        pages.append([row["id"] for row in rows])
        after = pages[-1][-1]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert {key for page in pages for key in page} == ids


def query_of(href):
    _path, _mark, query = unescape(href).partition("?")
    return dict(pair.split("=") for pair in query.split("&"))


def test_columns_are_chosen_and_stay_in_their_order(world):
    world.model(vendor="ACME <b>")
    reader = as_(world.ines)
    answer = reader.get(reverse(MODELS), {"columns": ["vendor", "tier", "nonsense"]})
    assert [c.key for c in answer.context["columns"]] == ["name", "tier", "vendor"]
    assert "ACME &lt;b&gt;" in answer.content.decode()


@pytest.mark.parametrize("name", ["versions", "permits", "waivers", "findings"])
@pytest.mark.parametrize(
    "query",
    [
        "",
        "?as_of=2026-01-01",
        "?as_of=x",
        "?age=9&severity=x",
        "?after=x",
        "?after=00000000-0000-4000-8000-000000000000",
    ],
)
def test_the_rows_behind_the_figures_answer_in_every_case(world, name, query):
    address = reverse(f"web:portfolio_{name}") + query
    assert as_(world.ines).get(address).status_code == 200


def test_the_number_of_rows_is_no_number_in_the_menu(world):
    for number in range(3):
        raised(world, model=world.model(f"m-{number}"), at=NOW)
    reader = as_(world.ines)
    menus = [
        re.findall(r'class="count[^"]*">[^<]*', read(reader, reverse(f"web:{name}")))
        for name in ("portfolio_findings", "dashboard")
    ]
    assert menus[0] == menus[1]


def test_roles_without_reading_see_no_rows(world):
    for name in ("inventory_csv", "portfolio_versions", "portfolio_findings"):
        assert as_(world.adam).get(reverse(f"web:{name}")).status_code == 403


@pytest.mark.parametrize("address", ["/", "/models/", "/portfolio/findings/"])
def test_a_past_day_is_the_same_day_in_every_time_zone(world, address):
    world.model()
    preferences.prefer(language="", time_zone="Pacific/Auckland", by=world.ines, at=NOW)
    page = read(as_(world.ines), address, as_of=day())
    assert f'As of the end of <time datetime="{day()}">' in page


def test_rows_of_a_past_day_know_no_later_name(world):
    model = long_ago(world, name="Before")
    raised(world, model=model, at=LONG_AGO)
    # The log has the database's time: after the day that is looked at.
    registration.change_inventory(
        model=model, name="Afterwards", by=world.rita, at=later(days=10)
    )
    reader = as_(world.ines)
    now = read(reader, reverse("web:portfolio_findings"))
    past = day(days=-20)
    then = read(reader, reverse("web:portfolio_findings"), as_of=past)
    assert "Afterwards" in now
    assert "Afterwards" not in then
    assert "Before" in then

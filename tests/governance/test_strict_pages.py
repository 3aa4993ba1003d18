"""What a page may load, how much of it, and what stays text."""

import gzip
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse

from governance.glossary import terms
from governance.web.design import MEANINGS, tokens
from tests.governance.test_approvals import submit
from tests.governance.test_pages import LISTS
from tests.world import PASSWORD, later

HOSTILE = "</title><script>alert(1)</script><img src=x onerror=alert(2)>'\"&"
FIRST_LOAD = 200_000  # bytes, without charts
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
LOADS = {"script": "src", "link": "href", "img": "src", "iframe": "src"}


class Page(HTMLParser):
    """What a page loads, and the elements that it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.elements: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        found = dict(attrs)
        assert not [name for name in found if name.startswith("on")], (tag, found)
        assert "style" not in found, (tag, found)
        if LOADS.get(tag) in found:
            self.loads.append(found[LOADS[tag]])


@pytest.fixture
def reader(world, clock):
    """Carl, in an installation whose model has a hostile name."""
    clock(later(minutes=1))
    model = world.model(name=HOSTILE, purpose=HOSTILE)
    version = world.version(model)
    world.measured(version, world.data())
    world.assessed(model)
    request = submit(world, version)
    client = Client()
    client.force_login(world.carl)
    return client, [
        *map(reverse, LISTS),
        reverse("web:model", args=[model.slug]),
        reverse("web:version", args=[model.slug, "1"]),
        reverse("web:approval", args=[request.pk]),
        reverse("web:challenges", args=[request.pk]),
    ]


def test_every_page_names_a_strict_policy_and_loads_our_own_files_only(reader):
    client, pages = reader
    for address in pages:
        answer = client.get(address)
        assert answer.status_code == 200, address
        said = answer.headers["Content-Security-Policy"]
        assert dict(part.split(" ", 1) for part in said.split("; ")) == POLICY, address
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        loads = Page(answer.content.decode()).loads
        assert loads
        assert all(path.startswith("/static/") for path in loads), address


def test_a_hostile_name_stays_text_on_every_page(reader):
    client, pages = reader
    told = 0
    for address in pages:
        text = client.get(address).content.decode()
        page = Page(text)
        assert "alert(1)</script>" not in text, address
        assert "img" not in page.elements, address
        told += "alert(1)&lt;/script&gt;" in text
    assert told >= 5


def test_the_first_load_of_every_page_is_small(reader):
    client, pages = reader
    for address in pages:
        body = client.get(address).content
        loads = Page(body.decode()).loads
        files = [finders.find(path.removeprefix("/static/")) for path in set(loads)]
        size = len(gzip.compress(body)) + sum(
            Path(file).stat().st_size for file in files
        )
        assert size < FIRST_LOAD, (address, size)


def test_cookies_stay_on_this_site_and_out_of_scripts(world):
    client = Client()
    form = client.get("/account/login/")
    assert form.cookies["csrftoken"]["samesite"] == "Lax"
    said = {"login": "vera", "password": PASSWORD}
    answer = client.post("/account/login/", said)
    session = answer.cookies["sessionid"]
    assert (session["samesite"], session["httponly"]) == ("Lax", True)


def test_a_form_without_its_token_is_refused(world):
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.vera)
    assert client.post("/profile/", {"language": "de"}).status_code == 403


def test_every_colour_of_the_design_is_explained_and_drawn():
    colours = {token.name for token in tokens()["colour"]}
    assert colours == set(MEANINGS)
    css = Path(finders.find("governance/design.css")).read_text("utf-8")
    for kind, prefix in (("colour", "fill"), ("space", "wide"), ("type", "size")):
        for token in tokens()[kind]:
            assert f".{prefix}-{token.name} " in css, token


def test_the_style_sheet_uses_tokens_for_every_colour():
    sheet = Path(finders.find("governance/app.css"))
    rules = sheet.read_text("utf-8").split("/* Ground")[1]
    for other in sheet.parent.glob("*.css"):
        rules += "" if other == sheet else other.read_text("utf-8")
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(", rules)


def test_terms_of_pages_are_in_both_languages():
    assert len(terms()) > 100
    for term in terms().values():
        assert term.en, term.key
        assert term.de, term.key
        assert bool(term.means_en) == bool(term.means_de), term.key
    assert sum(bool(term.means_en) for term in terms().values()) > 40


def test_the_glossary_is_searched(world):
    client = Client()
    client.force_login(world.ines)
    page = client.get("/help/glossary/?q=Restrisiko").content.decode()
    assert 'id="residual-risk"' in page
    assert 'id="waiver"' not in page
    assert "No term speaks of" in client.get("/help/glossary/?q=xyz").content.decode()

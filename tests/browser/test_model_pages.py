"""The page of a model, its lineage and two versions of it, in a browser."""

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from tests.browser.test_looking import both_looks, faults
from tests.governance.traced_stage import fed, reported, versioned
from tests.world import later

pytestmark = pytest.mark.browser
MODEL = ("mortgage-approval",)


@pytest.fixture
def grown(bank, monkeypatch):
    """The model with six versions more, in production, fed by one and feeding one."""
    world, model = bank.world, bank.version.model
    data = world.data("households")
    for at in range(2, 8):
        version = versioned(world, model, str(at), data)
        numbers = {"performance": [("roc_auc", "", 0.9 - at / 30)]}
        world.measured(version, data, numbers, at=later(hours=20 + at))
    reported(world, version)
    fed(world, world.model("income", name="Income <i>"), model)
    fed(world, model, world.model("pricing", name="Pricing"))
    monkeypatch.setattr(timezone, "now", lambda: later(hours=60))
    return bank


def addresses() -> list[str]:
    return [
        reverse("web:model", args=MODEL),
        reverse("web:versions", args=MODEL),
        reverse("web:compare", args=MODEL),
        f"{reverse('web:compare', args=MODEL)}?a=1&b=7",
        reverse("web:history", args=MODEL),
        reverse("web:model_lineage", args=MODEL),
        f"{reverse('web:model_lineage', args=MODEL)}?open=*",
        reverse("web:version", args=(*MODEL, "7")),
        reverse("web:datasets"),
        reverse("web:dataset", args=["households"]),
        reverse("web:dataset_lineage", args=["households"]),
    ]


@both_looks
def test_pages_of_a_model_are_accessible_and_stay_inside_the_screen(
    grown, page, enter, width, scheme, language
):
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    enter(page, "rita")
    assert faults(grown, page, addresses(), language) == []


def test_the_graph_is_walked_by_keyboard_from_data_to_deployment(grown, page, enter):
    enter(page, "rita")
    page.goto(grown.url + reverse("web:model_lineage", args=MODEL))
    links = page.locator("svg.graph a")
    links.first.focus()
    seen = []
    for at in range(links.count()):
        expect(links.nth(at)).to_be_focused()
        place = links.nth(at).locator("g").get_attribute("transform")
        seen.append(tuple(int(n) for n in place[10:-1].split()))
        page.keyboard.press("Tab")
    assert seen == sorted(seen)
    stack = page.locator("svg.graph a[aria-label*='5 × Mortgage approval']").last
    stack.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**open=stack**")
    expect(page.get_by_role("link", name="Fold what is alike")).to_be_visible()


def test_who_learned_from_a_data_set_is_one_click_from_its_page(grown, page, enter):
    enter(page, "rita")
    page.goto(grown.url + reverse("web:dataset", args=["households"]))
    page.get_by_role(
        "link", name="Which models learned from it, and where do they run?"
    ).click()
    expect(page.get_by_text("6 versions learned from it")).to_be_visible()
    table = page.get_by_role("group", name="Models that used it")
    expect(table.get_by_role("link", name="version 7")).to_be_visible()


def test_the_drawing_of_many_models_is_shown_where_it_begins(bank, page, enter):
    data = bank.world.data("households")
    for at in range(30):
        versioned(bank.world, bank.world.model(f"m-{at}", name=f"M {at}"), "1", data)
    enter(page, "rita")
    page.goto(bank.url + reverse("web:dataset_lineage", args=["households"]))
    assert page.locator(".graph rect").count() == 31
    first = page.locator(".graph-room svg [transform]").first
    room = page.locator(".graph-room").bounding_box()
    expect(first).to_contain_text("Households 1")
    box = first.bounding_box()
    assert room["y"] < box["y"] < box["y"] + box["height"] < room["y"] + room["height"]
    page.locator('.graph a[aria-label^="M 7,"]').focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{reverse('web:model_lineage', args=['m-7'])}")

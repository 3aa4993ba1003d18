"""Charts of evidence and the threshold explorer, in a browser."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from audits.models import EvidenceRun
from tests.browser.conftest import asked, finish
from tests.browser.test_looking import both_looks, faults
from tests.governance.test_evidence_pages import drift
from tests.governance.test_threshold_explorer import measured
from tests.world import PASSWORD

pytestmark = pytest.mark.browser
VERSION = ("mortgage-approval", "1")


@pytest.fixture
def fair(bank) -> EvidenceRun:
    """A fairness run with a tiny group; and two of drift."""
    run = asked(bank.world, bank.version, "fairness")
    finish(run, measured())
    for index in (0.05, 0.3):
        finish(asked(bank.world, bank.version, "drift"), drift(index))
    return run


@both_looks
def test_evidence_pages_are_accessible_and_stay_inside_the_screen(
    bank, fair, page, enter, width, scheme, language
):
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    enter(page, "rita")
    explorer = reverse("web:threshold", args=[fair.pk])
    performance = EvidenceRun.objects.get(
        kind="performance", report__document__contains="threshold_counts"
    )
    pages = [
        explorer,
        f"{explorer}?threshold=0.61&feature=town",
        f"{explorer}?threshold=7",
        reverse("web:threshold", args=[performance.pk]),
        reverse("web:evidence", args=[fair.pk]),
        reverse("web:drift", args=VERSION),
    ]
    assert faults(bank, page, pages, language) == []


def test_the_slider_moves_performance_and_fairness(bank, fair, page, enter):
    enter(page, "rita")
    page.goto(bank.url + reverse("web:threshold", args=[fair.pk]))
    expect(page.get_by_role("status")).to_contain_text("Threshold 0.430, in force")
    page.evaluate("window.same = true")
    slider = page.get_by_role("slider", name="Threshold, as a slider")
    slider.focus()
    for _key in range(7):
        page.keyboard.press("ArrowRight")
    expect(page.get_by_role("status")).to_contain_text("Threshold 0.500, in force")
    expect(page.get_by_label("Threshold", exact=True)).to_have_value("0.5")
    expect(slider).to_be_focused()
    page.get_by_label("Threshold", exact=True).fill("0.62")
    expect(page.get_by_role("status")).to_contain_text("Threshold 0.620, in force")
    expect(page).to_have_url(re.compile("threshold=0.62"))
    assert page.evaluate("window.same") is True


def test_a_comma_that_is_typed_in_german_is_no_other_number(bank, fair, page, enter):
    enter(page, "rita")
    german = {"name": "django_language", "value": "de", "url": bank.url}
    page.context.add_cookies([german])
    page.goto(bank.url + reverse("web:threshold", args=[fair.pk]))
    number = page.get_by_label("Schwelle", exact=True)
    number.fill("")
    number.press_sequentially("0,62")
    expect(page.get_by_role("status")).to_contain_text("Schwelle 0,620")
    slider = page.locator("input[type=range]")
    expect(slider).to_have_value("0.62")
    slider.press("ArrowRight")
    expect(number).to_have_value("0,63")
    expect(page.get_by_role("status")).to_contain_text("Schwelle 0,630")


def test_the_explorer_works_without_javascript(bank, fair, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    address = reverse("web:threshold", args=[fair.pk])
    page.goto(f"{bank.url}/account/login/?next={address}")
    page.get_by_label("Username").fill("rita")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("Threshold", exact=True).fill("0.7")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("status")).to_contain_text("Threshold 0.700, in force")
    context.close()

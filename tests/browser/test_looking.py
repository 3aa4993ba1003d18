"""Pages in a browser: accessible, inside the screen, alive without a reload."""

from collections.abc import Iterable

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import expect

from audits.models import EvidenceRun
from governance.models import GateDecision, Signature
from tests.browser import decided
from tests.browser.conftest import asked, finish
from tests.world import PASSWORD

pytestmark = pytest.mark.browser
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What goes on to the right without a name, the keyboard or, on a narrow screen, where
# no bar shows, a shadow that says so.
UNSEEN = """[...document.querySelectorAll("main *")].filter(e => {
    const look = getComputedStyle(e);
    return /auto|scroll/.test(look.overflowX) && e.tagName !== "TEXTAREA"
        && e.scrollWidth > e.clientWidth + 1
        && !(e.matches("[role=group][tabindex='0'][aria-label]")
            && (innerWidth > 960 || look.backgroundAttachment.includes("local")));
}).map(e => e.outerHTML.slice(0, 80))"""
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
MODEL, VERSION = ("mortgage-approval",), ("mortgage-approval", "1")


def addresses(bank) -> list[str]:
    """The pages that somebody of the second line sees in a day."""
    runs = EvidenceRun.objects.filter(version=bank.version).order_by("requested_at")
    return [
        "/",
        reverse("web:inventory"),
        reverse("web:model", args=MODEL),
        reverse("web:version", args=VERSION),
        reverse("web:assess", args=MODEL),
        reverse("web:measure", args=VERSION),
        reverse("web:edit_model", args=MODEL),
        *(reverse("web:evidence", args=[run.pk]) for run in runs),
        reverse("web:approvals"),
        reverse("web:approval", args=[bank.request.pk]),
        f"{reverse('web:gate')}?model=mortgage-approval&version=1&environment=production",
        reverse("web:decision", args=[GateDecision.objects.get().pk]),
        reverse("web:policy"),
        reverse("web:log"),
        reverse("web:log_entries"),
        reverse("web:log_object", args=["registry_user", bank.world.anna.pk]),
        reverse("web:log_entry", args=[5]),
        reverse("web:request_dossier", args=VERSION),
        reverse("web:work"),
        reverse("web:start"),
        reverse("web:profile"),
        reverse("web:glossary"),
        reverse("web:design"),
        reverse("mfa_index"),
        "/nothing/",
    ]


WIDE, NARROW = (1280, "light", "en"), (390, "dark", "de")
RARELY = [
    pytest.param(1280, "dark", "en", id="dark", marks=pytest.mark.soak),
    pytest.param(390, "light", "de", id="light", marks=pytest.mark.soak),
]
both_looks = pytest.mark.parametrize(
    ("width", "scheme", "language"),
    [pytest.param(*WIDE, id="wide"), pytest.param(*NARROW, id="narrow"), *RARELY],
)


@both_looks
def test_pages_are_accessible_and_stay_inside_the_screen(
    bank, page, enter, width, scheme, language
):
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    enter(page, "rita")
    assert faults(bank, page, addresses(bank), language) == []


@both_looks
def test_pages_of_decisions_are_accessible_and_stay_inside_the_screen(
    bank, page, enter, width, scheme, language
):
    by_person = decided.pages(bank.world)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    found = []
    for name, pages in by_person.items():
        page.context.clear_cookies()
        enter(page, name)
        found += faults(bank, page, pages, language)
    assert found == []


def faults(bank, page, pages: Iterable[str], language: str) -> list[str]:
    """What axe finds on these pages, and which are wider than the screen."""
    axe, found = Axe(), []
    chosen = {"name": "django_language", "value": language, "url": bank.url}
    page.context.add_cookies([chosen])
    for address in pages:
        answer = page.goto(bank.url + address)
        if answer is None or (answer.status != 200 and address != "/nothing/"):
            found.append(f"{address} was not shown")
        if page.locator(f"html[lang={language}]").count() == 0:
            found.append(f"{address} is in another language")
        over = page.evaluate(WIDER)
        if over > 0:
            found.append(f"{address} is {over} pixels too wide")
        found += [f"{address} goes on unseen: {it}" for it in page.evaluate(UNSEEN)]
        answer = axe.run(page, options={"runOnly": RULES}).response
        found += [
            f"{address} {violation['id']}: {violation['nodes'][0]['html'][:120]}"
            for violation in answer["violations"]
        ]
    return found


def test_log_in_page_is_accessible_and_refuses_a_wrong_password(bank, page):
    page.goto(f"{bank.url}/")
    expect(page).to_have_title("Log in · Freigabe")
    answer = Axe().run(page, options={"runOnly": RULES}).response
    assert [violation["id"] for violation in answer["violations"]] == []
    page.get_by_label("Username").fill("vera")
    page.get_by_label("Password", exact=True).fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator(".errorlist")).to_be_visible()


def test_heat_map_and_filter_by_keyboard(bank, page, enter):
    enter(page, "carl")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    cell = page.get_by_role("link", name="1 model, Likely, large: High 16")
    cell.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/models/?cell=4x4")
    expect(page.get_by_role("link", name="Mortgage approval <b>")).to_be_visible()


def test_inventory_filters_while_somebody_types(bank, page, enter):
    bank.world.model("churn", name="Churn")
    enter(page, "carl")
    page.goto(bank.url + reverse("web:inventory"))
    page.evaluate("window.same = true")
    page.get_by_label("Search").fill("churn")
    expect(page.get_by_role("status")).to_contain_text("1 of 2 models")
    expect(page.get_by_role("link", name="Mortgage approval <b>")).to_have_count(0)
    assert page.evaluate("window.same") is True
    assert "q=churn" in page.url
    # What was swapped in is said, and whoever types goes on typing.
    expect(page.locator("#said")).to_contain_text("1 of 2 models")
    expect(page.get_by_label("Search")).to_be_focused()


def test_report_appears_when_the_run_ends(bank, page, enter, evaluations):
    run = asked(bank.world, bank.version, "performance")
    enter(page, "vera")
    page.goto(bank.url + reverse("web:evidence", args=[run.pk]))
    expect(page.get_by_role("status")).to_contain_text("predicting, 40 %")
    finish(run, evaluations["performance"])
    expect(page.get_by_role("heading", name="In words")).to_be_visible()
    expect(page.get_by_role("img").first).to_be_visible()


def test_validator_signs_without_javascript(bank, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{bank.url}/account/login/")
    page.get_by_label("Username").fill("vera")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Mortgage approval <b> 1").first.click()
    expect(page.locator("blockquote").first).to_contain_text(
        "I, Vera Haas, acting as Validator, have reviewed"
    )
    page.get_by_label("Comment").first.fill("Sound for the purpose.")
    page.get_by_label("Your user name").first.fill("vera")
    page.get_by_label("Your password").first.fill("wrong")
    page.get_by_role("button", name="Sign", exact=True).click()
    expect(page.locator(".errorlist")).to_contain_text("Nothing was signed")
    page.get_by_label("Your password").first.fill(PASSWORD)
    page.get_by_role("button", name="Sign", exact=True).click()
    digest = Signature.objects.get().record_sha256
    expect(page.get_by_role("status")).to_contain_text(digest)
    context.close()


def test_language_is_switched_and_kept(bank, page, enter):
    enter(page, "carl")
    page.get_by_role("button", name="Deutsch").click()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.goto(bank.url + reverse("web:inventory"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Modelle")

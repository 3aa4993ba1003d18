"""The main journey of each role, by keyboard, in both languages, with pictures."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.conf import settings
from playwright.sync_api import Locator, Page, expect

from governance.models import Signature
from tests.browser.conftest import Bank
from tests.browser.test_looking import WIDER
from tests.world import PASSWORD

pytestmark = pytest.mark.browser
PICTURES = settings.BASE_DIR / "var" / "pictures"
HOSTILE = "Mortgage approval <b>"
# 640 pixels are a screen of 1280 at 200 % zoom.
LOOKS = [
    pytest.param("en", 1280, "light"),
    pytest.param("de", 390, "dark"),
    pytest.param("en", 390, "light", marks=pytest.mark.soak),
    pytest.param("de", 640, "light", marks=pytest.mark.soak),
    pytest.param("en", 1920, "dark", marks=pytest.mark.soak),
    pytest.param("de", 1920, "light", marks=pytest.mark.soak),
]


@dataclass
class Tour:
    """Somebody on their way through the pages."""

    bank: Bank
    page: Page
    enter: Callable[[Page, str], None]
    language: str
    width: int

    def begin(self, name: str) -> None:
        """Log in as somebody, in the language of the tour."""
        self.page.context.clear_cookies()
        self.enter(self.page, name)
        self.page.context.add_cookies(
            [{"name": "django_language", "value": self.language, "url": self.bank.url}]
        )
        self.page.goto(f"{self.bank.url}/")
        self.name = name

    def go(self, target: Locator) -> None:
        """Follow a link by keyboard."""
        expect(target).to_be_visible()
        target.focus()
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def menu(self, path: str) -> None:
        """Choose an entry of the menu."""
        self.go(self.page.locator(f'.side a[href="{path}"]'))

    def look(self, what: str) -> None:
        """What every page keeps; and a picture of it."""
        page = self.page
        expect(page.locator("html")).to_have_attribute("lang", self.language)
        expect(page.locator("h1")).to_have_count(1)
        assert page.evaluate(WIDER) <= 0, f"{what} is wider than the screen"
        assert page.locator("main").get_by_text(HOSTILE).locator("b").count() == 0
        PICTURES.mkdir(parents=True, exist_ok=True)
        file = f"{self.name}-{what}-{self.language}-{self.width}.png"
        page.screenshot(path=PICTURES / file, full_page=True)

    def sign(self, meaning: str, comment: str) -> None:
        """Sign one of the offers, by keyboard."""
        form = self.page.locator(
            f'form:has(input[name="meaning"][value="{meaning}"])'
        ).first
        closed = self.page.locator("details:not([open])").filter(has=form)
        if closed.count():
            closed.locator("summary").focus()
            self.page.keyboard.press("Enter")
        form.locator('[name="comment"]').fill(comment)
        form.locator('[name="user_name"]').fill(self.name)
        password = form.locator('[name="password"]')
        password.fill(PASSWORD)
        password.focus()
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")


@pytest.mark.parametrize(("language", "width", "scheme"), LOOKS)
def test_each_role_finds_what_waits_and_does_it(
    bank, page, enter, language, width, scheme
):
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    tour = Tour(bank, page, enter, language, width)
    _developer(tour)
    _validator(tour)
    _approver(tour)
    _risk_manager(tour)
    _operator(tour)
    _auditor(tour)


def _developer(tour: Tour) -> None:
    """Ben reads the first steps, and why the gate said no."""
    tour.begin("ben")
    tour.menu("/start/")
    expect(tour.page.locator('[aria-current="step"]')).to_have_count(1)
    tour.look("start")
    tour.menu("/gate/")
    tour.look("gate")
    tour.go(tour.page.locator('main a[href^="/gate/"]').first)
    expect(tour.page.locator("main .no").first).to_be_visible()
    tour.look("denied")


def _validator(tour: Tour) -> None:
    """Vera finds the request in her work, and signs her review."""
    tour.begin("vera")
    tour.menu("/work/")
    link = tour.page.locator(f'main a[href="/approvals/{tour.bank.request.pk}/"]')
    expect(link.first).to_contain_text(HOSTILE)
    tour.look("work")
    tour.go(link.first)
    tour.look("request")
    tour.sign("review", "Sound.")
    expect(tour.page.locator(".message")).to_contain_text(
        Signature.objects.get().record_sha256
    )
    tour.menu("/work/")
    expect(link).to_have_count(0)


def _approver(tour: Tour) -> None:
    """Carl has it next, and rejects it with a reason."""
    tour.begin("carl")
    tour.menu("/work/")
    tour.go(
        tour.page.locator(f'main a[href="/approvals/{tour.bank.request.pk}/"]').first
    )
    tour.sign("rejection", "Too few groups.")
    assert Signature.objects.filter(meaning="rejection").exists()
    tour.look("rejected")


def _risk_manager(tour: Tour) -> None:
    """Rita sees the portfolio, its riskiest cell, and the model behind it."""
    tour.begin("rita")
    tour.look("portfolio")
    tour.go(tour.page.locator(".matrix a:has(b)").first)
    tour.look("inventory")
    tour.go(tour.page.locator('main a[href="/models/mortgage-approval/"]').first)
    tour.look("model")
    tour.menu("/work/")
    tour.look("work")


def _operator(tour: Tour) -> None:
    """Ola sees what runs, and chooses her time zone."""
    tour.begin("ola")
    tour.menu("/deployments/")
    tour.look("deployments")
    tour.menu("/profile/")
    tour.page.locator('[name="time_zone"]').fill("Europe/Berlin")
    tour.page.keyboard.press("Enter")
    expect(tour.page.locator(".message")).to_be_visible()
    expect(tour.page.locator("main time").first).to_contain_text("CE")
    tour.look("profile")


def _auditor(tour: Tour) -> None:
    """Ines reads the log, one entry of it, and looks a word up in place."""
    tour.begin("ines")
    tour.menu("/log/")
    tour.look("log")
    tour.go(tour.page.locator('main a[href="/log/entries/"]').first)
    tour.look("entries")
    tour.page.goto(f"{tour.bank.url}/log/5/")
    tour.look("entry")
    tour.menu("/help/glossary/")
    tour.look("glossary")
    tour.page.goto(f"{tour.bank.url}/help/design/")
    button = tour.page.locator("button.term").first
    button.focus()
    tour.page.keyboard.press("Enter")
    expect(tour.page.locator(".meaning").first).to_be_visible()
    tour.page.keyboard.press("Escape")
    expect(tour.page.locator(".meaning").first).to_be_hidden()
    tour.look("design")

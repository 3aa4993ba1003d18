"""Sending a form: once, and nothing is lost when the session ended meanwhile."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from governance.models import Finding
from tests.world import PASSWORD

pytestmark = pytest.mark.browser
RAISE = reverse("web:raise_finding", args=["mortgage-approval"])
TEXT = "Few <b>self-employed</b> people.\nSecond line."


def fill(page):
    page.locator("[name=title]").fill("Coverage")
    page.locator("[name=text]").fill(TEXT)
    page.locator("[name=severity]").select_option("high")
    page.locator("[name=due_on]").fill("2099-01-31")


def log_in_again(page):
    page.get_by_label("Username").fill("vera")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def send(page):
    page.locator("main form button.button").last.click()


def test_what_was_written_survives_the_end_of_the_session(bank, page, enter):
    enter(page, "vera")
    page.goto(bank.url + RAISE)
    fill(page)
    page.context.clear_cookies(name="sessionid")
    send(page)
    page.wait_for_url("**/account/login/**")
    log_in_again(page)
    page.wait_for_url(f"**{RAISE}")
    expect(page.get_by_role("status").last).to_contain_text("Nothing was sent")
    expect(page.locator("[name=text]")).to_have_value(TEXT)
    expect(page.locator("[name=severity]")).to_have_value("high")
    send(page)
    page.wait_for_url("**/findings/*/")
    assert Finding.objects.get().title == "Coverage"
    page.goto(bank.url + RAISE)
    expect(page.locator("[name=text]")).to_have_value("")


def test_a_form_that_became_too_old_in_another_tab_keeps_its_text(bank, page, enter):
    enter(page, "vera")
    page.goto(bank.url + RAISE)
    fill(page)
    page.context.clear_cookies(name="csrftoken")
    send(page)
    page.get_by_role("link", name="Load the page again").click()
    expect(page.locator("[name=text]")).to_have_value(TEXT)


def test_somebody_else_in_the_same_tab_does_not_read_it(bank, page, enter):
    enter(page, "vera")
    page.goto(bank.url + RAISE)
    fill(page)
    page.context.clear_cookies()
    send(page)
    enter(page, "rita")
    page.goto(bank.url + RAISE)
    expect(page.locator("[name=text]")).to_have_value("")


def clicked_twice(bank, page, enter):
    enter(page, "vera")
    page.goto(bank.url + RAISE)
    fill(page)
    page.locator("main form button.button").last.dblclick()
    page.wait_for_url("**/findings/*/")
    assert Finding.objects.count() == 1


def test_two_clicks_send_a_form_once(bank, page, enter):
    clicked_twice(bank, page, enter)


def test_two_clicks_without_javascript_send_a_form_once(bank, browser, enter):
    page = browser.new_context(java_script_enabled=False).new_page()
    clicked_twice(bank, page, enter)


def test_without_javascript_the_text_of_an_ended_session_is_shown(bank, browser, enter):
    page = browser.new_context(java_script_enabled=False).new_page()
    enter(page, "vera")
    page.goto(bank.url + RAISE)
    fill(page)
    page.locator("[name=text]").fill(TEXT * 2)
    page.context.clear_cookies(name="sessionid")
    send(page)
    expect(page.locator("pre")).to_contain_text("self-employed</b> people.")
    page.get_by_role("link", name="Log in").click()
    log_in_again(page)
    page.wait_for_url(f"**{RAISE}")

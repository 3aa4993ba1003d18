"""A server and a browser for the tests that look at pages."""

import os
import shutil
from collections.abc import Iterator

import pytest
from django.db import connections
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def live(fresh_database, settings) -> Iterator[LiveServer]:
    """Serve pages and API from a database of the test's own, at `live.url`."""
    server = LiveServer("localhost")
    settings.FREIGABE_INSTANCE_URL = server.url
    settings.ALLOWED_HOSTS = ["localhost"]
    yield server
    server.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Debian's Chromium; without one the test is skipped, except in CI.

    Playwright's event loop runs until it ends: no longer than the file, because
    nothing that has a loop of its own, such as pyHanko, works meanwhile.
    """
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        reason = "chromium is not installed (apt-get install chromium)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    # Under Playwright's event loop Django keeps other connections than before it.
    connections.close_all()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=program, headless=True, args=FLAGS
        )
        yield chromium
        chromium.close()
        connections.close_all()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a page; the test fails on a script error or a breach of our own policy."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    tab.set_default_timeout(30_000)  # milliseconds, on a busy machine
    troubles: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            troubles.append(message.text)

    tab.on("console", note)
    tab.on("pageerror", lambda error: troubles.append(str(error)))
    yield tab
    context.close()
    assert troubles == []

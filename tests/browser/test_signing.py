"""Passkeys in a browser, and the pages of notifications, webhooks and people."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import expect

from audits.models import ForeignEvidence
from governance import enrolment, notifications, persons, signatures, webhooks
from tests.browser.test_looking import RULES, VERSION, WIDER
from tests.governance.evidence_stage import PDF
from tests.world import PASSWORD, later

pytestmark = pytest.mark.browser


def test_a_passkey_is_enrolled_and_signs(bank, page):
    """An authenticator of the browser's own; its host must have a name."""
    site = bank.url
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page.goto(f"{site}/account/login/")
    page.get_by_label("Username").fill("vera")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{site}/")
    page.goto(f"{site}/account/2fa/webauthn/add/")
    # The world's clock is ahead of the log-in: the password is asked for again.
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("button", name="Add").click()
    page.wait_for_url("**/2fa/**recovery-codes/**")
    page.goto(site + reverse("web:attach", args=VERSION))
    page.get_by_label("Type").select_option("validation_report")
    for label, text in (
        ("Title", "Validation 2026"),
        ("Made by", "Vera Haas"),
        ("Made on", "2026-11-01"),
    ):
        page.get_by_label(label).fill(text)
    report = {"name": "r.pdf", "mimeType": "application/pdf", "buffer": PDF}
    page.get_by_label("Document").set_input_files([report])
    page.get_by_role("button", name="Sign with a passkey").click()
    page.wait_for_url("**/attachments/**")
    assert signatures.PASSKEY in ForeignEvidence.objects.get().statement


def addresses(bank, settings) -> list[str]:
    """The pages, filled."""
    world, at = bank.world, later()
    settings.FREIGABE_WEBHOOK_ALLOW = ["127.0.0.0/8"]
    notifications.tell(
        to=[world.rita, world.adam],
        subject="A waiver ends " * 10,
        text="x" * 300,
        link="/models/",
        at=at,
    )
    hook, _secret = webhooks.register(
        name="SIEM",
        url="http://127.0.0.1:9/" + "x" * 100,
        kinds=[],
        by=world.adam,
        at=at,
    )
    notifications.tell(to=[world.rita], subject="s", text="t", at=at)
    webhooks.queue(by=world.adam, at=at)
    webhooks.send_next(by=world.adam, at=at)
    enrolment.reset(user=world.vera, reason="Forgot.", by=world.adam, at=at)
    persons.declare(
        a=world.vera, b=world.carl, same=False, reason="x" * 99, by=world.cora, at=at
    )
    return [
        reverse("web:notifications"),
        reverse("web:webhooks"),
        reverse("web:webhook", args=[hook.pk]),
        reverse("web:people"),
        reverse("web:person", args=[world.vera.pk]),
    ]


@pytest.mark.parametrize("width", [1280, 390])
def test_pages_are_accessible_and_stay_inside_the_screen(
    bank, page, enter, settings, width
):
    page.set_viewport_size({"width": width, "height": 900})
    axe, found = Axe(), []
    pages = addresses(bank, settings)
    page.goto(f"{bank.url}/account/login/?next=/notifications/")
    page.get_by_label("Username").fill("adam")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Notifications")).to_be_visible()
    for address in pages:
        page.goto(bank.url + address)
        over = page.evaluate(WIDER)
        if over > 0:
            found.append(f"{address} is {over} pixels too wide")
        answer = axe.run(page, options={"runOnly": RULES}).response
        found += [
            f"{address} {violation['id']}: {violation['nodes'][0]['html'][:120]}"
            for violation in answer["violations"]
        ]
    assert found == []

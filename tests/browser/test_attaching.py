"""Attaching evidence in a browser: by keyboard, accessible, inside the screen."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import expect

from audits.models import ForeignEvidence
from tests.browser.test_looking import RULES, VERSION, WIDER
from tests.governance.evidence_stage import (
    PDF,
    lab,
    of_kind,
    signed_by_lab,
    signed_by_person,
    statement,
)
from tests.world import PASSWORD

pytestmark = pytest.mark.browser


def addresses(bank) -> list[str]:
    """The pages about evidence from others, filled."""
    lab(bank.world)
    long = {"title": "Wertpapier" * 20, "produced_by": "x" * 200}
    digests = (bank.version.sha256, "b" * 64)
    said = statement(
        bank.version,
        subject=[{"digest": {"sha256": digest}} for digest in digests],
        **of_kind("test_report", "failed"),
    )
    rows = [
        signed_by_lab(bank.world, bank.version, said),
        signed_by_person(bank.world, bank.version, claim=long),
    ]
    return [
        reverse("web:version", args=VERSION),
        reverse("web:attach", args=VERSION),
        *(reverse("web:attachment", args=[row.pk]) for row in rows),
        reverse("web:signers"),
        reverse("web:revoke_signer", args=["lab"]),
    ]


@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (390, "dark")], ids=["wide", "narrow"]
)
def test_pages_are_accessible_and_stay_inside_the_screen(
    bank, page, enter, width, scheme
):
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    enter(page, "rita")
    axe, found = Axe(), []
    for address in addresses(bank):
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


def test_a_report_is_attached_by_keyboard(bank, page, enter):
    enter(page, "vera")
    page.goto(bank.url + reverse("web:version", args=VERSION))
    page.get_by_role("link", name="Attach evidence").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Type").focus()
    page.keyboard.type("Validation")
    for label, text in (
        ("Title", "Validation 2026"),
        ("Made by", "Vera Haas"),
        ("Made on", "2026-11-01"),
        ("Your user name", "vera"),
        ("Or your password", "guess"),
    ):
        page.get_by_label(label).fill(text)
    report = {"name": "r.pdf", "mimeType": "application/pdf", "buffer": PDF}
    page.get_by_label("Document").set_input_files([report])
    page.get_by_label("Or your password").press("Enter")
    expect(
        page.get_by_text("The password is wrong. Nothing was signed.")
    ).to_be_visible()
    page.get_by_label("Document").set_input_files([report])
    page.get_by_label("Or your password").fill(PASSWORD)
    page.get_by_label("Or your password").press("Enter")
    page.wait_for_url("**/attachments/**")
    expect(page.get_by_role("heading", name="Validation 2026")).to_be_visible()
    row = ForeignEvidence.objects.get()
    assert (row.kind, row.attached_by) == ("validation_report", bank.world.vera)
    with page.expect_download() as started:
        page.get_by_role("link", name="Download").click()
    assert started.value.path().read_bytes() == PDF
    assert started.value.suggested_filename.endswith("-validation_report.pdf")

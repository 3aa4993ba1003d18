"""Findings, waivers and break-glass on pages."""

import pytest
from django.test import Client
from django.urls import reverse

from governance import registration, waived
from governance.models import Emergency, Finding, Waiver
from tests.governance.test_emergencies import broken, staged
from tests.governance.test_findings import raised
from tests.governance.test_waivers import asked
from tests.governance.traced_stage import reported
from tests.world import NOW, PASSWORD, later


@pytest.fixture
def seen_by(world, clock):
    """The browser of one of the cast."""

    def make(name: str) -> Client:
        client = Client()
        client.force_login(world.people[name])
        return client

    return make


def proof(name: str) -> dict[str, str]:
    return {"user_name": name, "password": PASSWORD}


def test_a_finding_is_raised_and_closed_on_pages(world, seen_by):
    world.ready()
    answer = seen_by("vera").post(
        reverse("web:raise_finding", args=["mortgage-approval"]),
        {
            "title": "Few self-employed people",
            "text": "Three per cent.",
            "severity": "high",
            "due_on": later(days=9).date().isoformat(),
        },
    )
    finding = Finding.objects.get()
    page = reverse("web:finding", args=[finding.pk])
    assert answer.url == page
    for who, act in (("anna", "resolve"), ("vera", "verify")):
        answer = seen_by(who).post(page, {"act": act, "text": "Seen."})
        assert answer.status_code == 302, answer.content.decode()
    assert "Closed" in seen_by("anna").get(page).content.decode()


def test_a_due_date_in_the_past_is_said_beside_its_field(world, seen_by):
    world.ready()
    answer = seen_by("vera").post(
        reverse("web:raise_finding", args=["mortgage-approval"]),
        {"title": "A", "text": "B", "severity": "low", "due_on": "2020-01-01"},
    )
    assert "The due date lies in the past." in answer.content.decode()
    assert not Finding.objects.exists()


def test_a_risk_is_accepted_with_password_only(world, seen_by):
    finding = raised(world)
    page = reverse("web:finding", args=[finding.pk])
    body = {
        "act": "accept-risk",
        "text": "The clerk decides.",
        "until": later(days=30).date().isoformat(),
    }
    eva = seen_by("eva")
    wrong = eva.post(page, {**body, "user_name": "eva", "password": "guess"})
    assert "Nothing was signed" in wrong.content.decode()
    assert eva.post(page, {**body, **proof("eva")}).status_code == 302


def test_a_waiver_is_asked_for_and_signed_on_pages(world, seen_by):
    version = world.ready()
    answer = seen_by("anna").post(
        reverse("web:request_waiver", args=["mortgage-approval"]),
        {
            "kind": "rules",
            "rules": "first-004, first-005",
            "reason": "a",
            "risk_statement": "b",
            "compensating_controls": "c",
            "plan_to_close": "d",
            "valid_until": later(days=20).date().isoformat(),
        },
    )
    waiver = Waiver.objects.get()
    page = reverse("web:waiver", args=[waiver.pk])
    assert answer.url == page
    for name in ("carl", "cora"):
        said = seen_by(name).get(page).content.decode()
        assert waiver.subject_sha256 in said
        answer = seen_by(name).post(page, {"act": "sign", **proof(name)})
        assert answer.status_code == 302, answer.content.decode()
    assert set(waived.rules_waived(version, world.production, NOW)) == set(waiver.rules)
    assert "Ending within" not in seen_by("rita").get("/waivers/").content.decode()


def test_a_rule_that_may_not_be_waived_is_refused_beside_its_field(world, seen_by):
    world.ready()
    answer = seen_by("anna").post(
        reverse("web:request_waiver", args=["mortgage-approval"]),
        {
            "kind": "rules",
            "rules": "first-008",
            "reason": "a",
            "risk_statement": "b",
            "compensating_controls": "c",
            "plan_to_close": "d",
            "valid_until": later(days=20).date().isoformat(),
        },
    )
    assert "may not be waived" in answer.content.decode()


def test_who_may_not_sign_a_waiver_sees_no_form_for_it(world, seen_by):
    waiver = asked(world, world.ready())
    page = seen_by("anna").get(reverse("web:waiver", args=[waiver.pk]))
    assert b'value="sign"' not in page.content


def test_the_glass_is_broken_confirmed_and_reviewed_on_pages(world, seen_by):
    version = staged(world)
    answer = seen_by("ola").post(
        reverse("web:break_glass", args=[version.model.slug, version.version]),
        {
            "environment": str(world.production.pk),
            "reason_code": "outage",
            "incident": "INC-4711",
            "reason": "It does not start.",
            "compensating_controls": "A clerk decides.",
            "hours": "5",
            **proof("ola"),
        },
    )
    emergency = Emergency.objects.get()
    page = reverse("web:emergency", args=[emergency.pk])
    assert answer.url == page
    rita, vera = seen_by("rita"), seen_by("vera")
    confirmed = rita.post(page, {"act": "confirm", **proof("rita")})
    assert confirmed.status_code == 302, confirmed.content.decode()
    assert "BREAK-GLASS" in rita.get(page).content.decode()
    assert "BREAK-GLASS" in rita.get("/break-glass/").content.decode()
    ended = rita.post(page, {"act": "end", "text": "Fixed."})
    assert ended.status_code == 302
    reviewed = vera.post(
        page,
        {
            "act": "review",
            "justified": "on",
            "root_cause": "A bad release.",
            "corrective_action": "Canary first.",
            **proof("vera"),
        },
    )
    assert reviewed.status_code == 302, reviewed.content.decode()
    assert "reviewed" in vera.get(page).content.decode()


def test_pages_of_model_and_version_name_what_is_open(world, seen_by):
    version = staged(world)
    raised(world, version.model)
    asked(world, version)
    broken(world, version)
    for address in (
        reverse("web:model", args=[version.model.slug]),
        reverse("web:version", args=[version.model.slug, version.version]),
    ):
        said = seen_by("rita").get(address).content.decode()
        for part in ("Few self-employed people", "first-004", "INC-4711"):
            assert part in said


def test_the_page_of_a_model_tells_what_is_open_about_its_older_versions(
    world, seen_by
):
    """The newest version, by which the page is judged, has nothing open itself."""
    emergency = broken(world, staged(world))
    registration.register_version(
        model=emergency.version.model,
        version="2",
        artifacts=[(world.artifact(), "model")],
        by=world.ben,
        at=later(hours=1),
    )
    page = seen_by("ines").get(reverse("web:model", args=["mortgage-approval"]))
    assert page.context["stands"].version.version == "2"
    assert [line.name for line in page.context["exceptions"]] == ["INC-4711"]


@pytest.mark.parametrize(
    "address", ["/findings/", "/findings/?which=all&severity=x", "/waivers/?page=9"]
)
def test_empty_lists_say_who_fills_them(world, seen_by, address):
    page = seen_by("ines").get(address)
    assert page.status_code == 200
    assert b"There is none" in page.content


def test_why_something_runs_unauthorised_is_read_in_the_readers_language(
    world, seen_by
):
    """Whoever reports it keeps the reason in English."""
    reported(world, world.ready(), hours=1)
    browser = seen_by("rita")
    browser.cookies["django_language"] = "de"
    for page in ("web:dashboard", "web:running"):
        said = browser.get(reverse(page)).content.decode()
        assert "Keine Erlaubnis wurde genannt." in said

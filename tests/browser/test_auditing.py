"""The auditor's room, the log and denials in a browser."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from audits import log
from governance import access, auditing, publishing, roles
from governance.models import GateDecision, PackDraft
from registry.acts import acting, through
from registry.models import RegisteredModel, Role, User
from tests.browser.test_looking import MODEL, both_looks, faults
from tests.governance.test_publishing import person, reviewed
from tests.world import LONG_AGO, PASSWORD

pytestmark = pytest.mark.browser


@pytest.fixture
def room(bank):
    """An access that holds, a request with an answer, and a sample that was drawn."""
    world, now = bank.world, timezone.now()
    iris = User.objects.create_user(
        "iris", password=PASSWORD, first_name="Iris", last_name="Outer"
    )
    roles.grant(
        user=iris, role=Role.EXTERNAL_AUDITOR, by=access.system_user(), at=LONG_AGO
    )
    with through("page"):
        given = auditing.give_access(
            auditor=iris,
            models_patterns=["mortgage-*"],
            units=[],
            begins_at=now - timedelta(hours=1),
            ends_at=now + timedelta(days=7),
            reason="Audit of the year",
            by=world.rita,
            at=now,
        )
        model = RegisteredModel.objects.get(slug=MODEL[0])
        request = auditing.ask(
            question="Who chose the data, and why? <b>",
            model=model,
            due_on=now.date(),
            by=iris,
            at=now,
        )
        auditing.answer(
            request=request,
            text="Ben did.",
            reference=reverse("web:model", args=MODEL),
            by=world.anna,
            at=now,
        )
        sample = auditing.ask_sample(
            wish=auditing.Wish(
                kind="entries",
                begin=(now - timedelta(days=3)).date(),
                end=(now + timedelta(days=3)).date(),
                size=12,
                by_tier=False,
                reason="Entries of the week",
            ),
            by=world.ines,
            at=now,
        )
    log.advance(at=now)
    with through("page"):
        auditing.draw(sample=sample, secret="", by=world.ines, at=now)
        with acting(by=world.anna):
            RegisteredModel.objects.update(limitations="long " * 60)
    User.objects.filter(pk=world.ben.pk).update(unit="Elsewhere")
    log.advance(at=now)
    return bank, given, request, sample


@both_looks
def test_the_room_the_log_and_denials_are_accessible(
    room, page, enter, width, scheme, language
):
    bank, given, request, sample = room
    draft = reviewed(person(bank.world, "paula", Role.POLICY_AUTHOR))
    assert publishing.text_of(draft)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    by_person = {
        "rita": [
            reverse("web:auditors"),
            reverse("web:give_access"),
            reverse("web:audit_access", args=[given.pk]),
            reverse("web:audit_request", args=[request.pk]),
            reverse("web:draft_changes", args=[PackDraft.objects.get().pk]),
            reverse("web:pack", args=["first-policy", "2026.11.0"]),
            reverse("web:decision", args=[GateDecision.objects.get().pk]),
        ],
        "ines": [
            reverse("web:ask_auditee"),
            reverse("web:ask_sample"),
            reverse("web:audit_sample", args=[sample.pk]),
            reverse("web:log"),
            reverse("web:log_entries"),
            reverse("web:log_entries") + "?outside=on",
            reverse("web:log_object", args=["registry_user", bank.world.ben.pk]),
            reverse("web:log_entry", args=[5]),
        ],
    }
    found = []
    for name, pages in by_person.items():
        page.context.clear_cookies()
        enter(page, name)
        found += faults(bank, page, pages, language)
    assert found == []


def test_an_external_auditor_comes_to_the_room_and_reads_the_models_of_it(room, page):
    bank, *_rest = room
    page.goto(f"{bank.url}/account/login/")
    page.get_by_label("Username").fill("iris")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{bank.url}{reverse('web:auditors')}")
    page.get_by_role("link", name="Mortgage approval <b>").first.click()
    page.wait_for_url(f"**{reverse('web:model', args=MODEL)}")
    answer = page.goto(f"{bank.url}{reverse('web:log_entries')}")
    assert answer is not None
    assert answer.status == 403

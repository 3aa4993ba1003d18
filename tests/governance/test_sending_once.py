"""A form sent twice without JavaScript, and one sent after the log-in ended."""

import re
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db.models.signals import post_save
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from governance.models import Finding
from tests.world import PASSWORD, later

FACTS = {"title": "Coverage", "severity": "high", "due_on": "2099-01-31"}


@pytest.fixture
def raising(world):
    """Where Vera raises a finding about a model."""
    return reverse("web:raise_finding", args=[world.model().slug])


@pytest.fixture
def vera(world, clock):
    """Vera in a browser, which the check for forged requests looks at."""
    clock(later(minutes=1))
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.vera)
    return client


def filled(client, address, text="Few self-employed people."):
    """The form of a page, as the page gives it, with values."""
    page = client.get(address).content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    return {**FACTS, "text": text, "csrfmiddlewaretoken": token}


def test_the_same_form_sent_twice_is_carried_out_once_and_leads_there(vera, raising):
    form = filled(vera, raising)
    first = vera.post(raising, form)
    second = vera.post(raising, form)
    assert Finding.objects.count() == 1
    assert second.status_code == 302
    assert second.headers["Location"] == first.headers["Location"]


def test_another_page_or_another_text_is_another_form(vera, raising):
    form = filled(vera, raising)
    vera.post(raising, form)
    vera.post(raising, {**form, "text": "Another weakness."})
    vera.post(raising, filled(vera, raising))
    assert Finding.objects.count() == 3


def test_what_was_refused_is_tried_anew(vera, raising):
    form = {**filled(vera, raising), "title": ""}
    assert vera.post(raising, form).status_code == 200
    assert vera.post(raising, form).status_code == 200
    vera.post(raising, {**form, "title": "Coverage"})
    assert Finding.objects.count() == 1


def test_after_a_while_the_same_form_is_meant_again(vera, raising, clock):
    form = filled(vera, raising)
    vera.post(raising, form)
    clock(timezone.now() + timedelta(minutes=2))
    vera.post(raising, form)
    assert Finding.objects.count() == 2


@pytest.mark.parametrize("lost", [True, False])
def test_a_confirmation_is_shown_once_whether_its_first_answer_came(vera, lost):
    page = vera.get("/profile/").content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    form = {"language": "", "time_zone": "Asia/Tokyo", "csrfmiddlewaretoken": token}
    vera.post("/profile/", form)
    if lost:
        vera.cookies.pop("messages")
    shown = vera.post("/profile/", form, follow=True).content.decode()
    assert shown.count("Kept.") == 1


def test_an_act_stands_though_its_log_in_ended_meanwhile(vera, raising):
    form = filled(vera, raising)

    def end(**_facts):
        Session.objects.all().delete()

    post_save.connect(end, sender=Finding)
    try:
        answer = vera.post(raising, form)
    finally:
        post_save.disconnect(end, sender=Finding)
    assert Finding.objects.count() == 1
    assert answer.status_code == 302
    assert "/account/login/" in vera.get(answer.headers["Location"]).headers["Location"]


def test_what_was_written_is_shown_when_the_log_in_had_ended(vera, raising):
    text = "A long reason that <b>nobody</b> wants to write a second time."
    form = {**filled(vera, raising, text), "password": PASSWORD * 9}
    del vera.cookies["sessionid"]
    answer = vera.post(raising, form)
    page = answer.content.decode()
    assert answer.status_code == 403
    assert "that &lt;b&gt;nobody&lt;/b&gt; wants" in page
    assert PASSWORD not in page
    assert form["csrfmiddlewaretoken"] not in page
    assert f"/account/login/?next={raising}" in page
    assert not Finding.objects.exists()

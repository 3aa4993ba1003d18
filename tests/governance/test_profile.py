"""A person's own language and time zone."""

from datetime import UTC, datetime

import pytest
from django.test import Client

from governance import preferences, records
from governance.models import Preference
from tests.governance.test_approvals import submit
from tests.world import NOW


@pytest.fixture
def vera(world):
    client = Client()
    client.force_login(world.vera)
    return client


def test_times_are_shown_in_the_zone_of_the_person_and_the_zone_is_named(
    world, vera, clock
):
    clock(datetime(2027, 1, 15, 23, 30, tzinfo=UTC))
    vera.force_login(world.vera)
    assert "15 Jan 2027 23:30</time>" in vera.get("/profile/").content.decode()
    wanted = {"language": "", "time_zone": "Europe/Berlin"}
    assert vera.post("/profile/", wanted).status_code == 302
    page = vera.get("/profile/").content.decode()
    assert 'title="2027-01-15 23:30:00 UTC">16 Jan 2027 00:30 CET</time>' in page
    assert "Times are shown in Europe/Berlin." in page


def test_what_is_signed_stays_in_utc_and_word_for_word(world, vera):
    request = submit(world, world.ready())
    address = f"/approvals/{request.pk}/"

    def statement():
        page = vera.get(address).content.decode()
        return page.split("<blockquote>")[1].split("</blockquote>")[0]

    before = statement()
    preferences.prefer(language="", time_zone="Asia/Tokyo", by=world.vera, at=NOW)
    assert statement() == before


def test_the_language_is_kept_for_other_browsers_and_a_switch_goes_before(world, vera):
    vera.post("/profile/", {"language": "de", "time_zone": ""})
    other = Client()
    other.force_login(world.vera)
    assert '<html lang="de">' in other.get("/profile/").content.decode()
    other.post("/language/", {"language": "en", "next": "/profile/"})
    other.cookies["django_language"] = "en"
    assert '<html lang="en">' in other.get("/profile/").content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [("language", "fr"), ("time_zone", "Mars/Olympus"), ("time_zone", "../etc/passwd")],
)
def test_what_there_is_not_is_refused(world, field, value):
    wanted = {"language": "", "time_zone": "", field: value}
    with pytest.raises(records.Refused) as refused:
        preferences.prefer(**wanted, by=world.vera, at=NOW)
    assert list(refused.value.errors) == [field]
    assert not Preference.objects.exists()


def test_a_zone_that_is_known_no_more_is_utc():
    assert preferences.zone("Atlantis/Capital").key == "UTC"
    assert len(preferences.time_zones()) > 300

"""The timeline: words, folded values, filters that an index answers, constant cost."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from audits import log
from audits.models import Entry
from governance.web.log_filter import PER_PAGE, FilterForm
from registry.acts import acting, through
from registry.models import RegisteredModel, User
from tests.governance.test_pages_log import as_, read
from tests.world import World, log_verified


@pytest.fixture
def live_log(fresh_database) -> World:
    """People and a model in a log that was integrated and signed."""
    world = World()
    world.model()
    with through("page"), acting(by=world.adam):
        User.objects.filter(pk=world.ola.pk).update(unit="Treasury")
    log.advance(at=timezone.now())
    return world


def test_a_change_is_told_in_words_with_before_and_after(live_log):
    page = read(live_log.ines, "web:log_entries", query="?actor=adam")
    assert "Account changed" in page
    assert "<summary>Unit</summary>" in page
    assert '<del><span class="soft">empty</span> </del>' in page
    assert re.search(r"<ins>Treasury\s*</ins>", page)
    assert "Treasury" not in read(live_log.anna, "web:log_entries", query="?actor=adam")


def test_keys_of_people_are_told_with_their_names(live_log):
    page = read(
        live_log.ines, "web:log_entries", query="?table=registry_registeredmodel"
    )
    assert f"Anna Lindqvist <small><code>{live_log.anna.pk}</code>" in page


def test_a_long_value_is_folded_and_kept_whole(live_log):
    text = "long " * 100
    with through("page"), acting(by=live_log.anna):
        RegisteredModel.objects.update(limitations=text)
    page = read(live_log.ines, "web:log_entries", query="?actor=anna")
    assert f'<pre tabindex="0">{text}</pre>' in page


def test_one_record_is_found_by_its_kind_and_id(live_log):
    query = f"?table=registry_user&key={live_log.ola.pk}"
    page = read(live_log.ines, "web:log_entries", query=query)
    assert set(re.findall(r"/log/objects/registry_user/([^/]+)/", page)) == {
        str(live_log.ola.pk)
    }
    page = read(live_log.ines, "web:log_entries", query=f"?key={live_log.ola.pk}")
    assert "Say of which kind the record is." in page
    assert "/log/objects/" not in page


def test_people_are_found_by_their_names_too(live_log):
    for name in ("adam", "Adam Novak", "novak"):
        page = read(live_log.ines, "web:log_entries", query=f"?actor={name}")
        assert "Account changed" in page, name


@pytest.mark.parametrize(
    ("language", "name"), [("en", "Worker process"), ("de", "Arbeitsprozess")]
)
def test_programs_are_told_and_found_in_words(live_log, language, name):
    with through("worker"), acting(by="worker"):
        User.objects.filter(pk=live_log.ola.pk).update(unit="Night shift")
    reader = as_(live_log.ines)
    reader.cookies["django_language"] = language
    for actor in (name, "worker"):
        answer = reader.get(reverse("web:log_entries"), {"actor": actor})
        page = answer.content.decode()
        assert f'<span title="worker">{name}</span>' in page
        assert "Night shift" in page


def test_what_was_changed_outside_says_so_by_word_and_sign(live_log):
    User.objects.filter(username="ben").update(unit="Elsewhere")
    page = read(
        live_log.ines, "web:log_entries", query="?outside=on&table=registry_user"
    )
    assert '<tr class="outside">' in page
    assert '<span aria-hidden="true">⚠</span> db:' in page
    assert '<small class="word-no">outside the application</small>' in page


def test_the_timeline_says_whether_the_log_holds_and_when_it_was_checked(live_log):
    said = read(live_log.ines, "web:log_entries")
    assert "Nobody has checked it lately" in said
    log_verified(timezone.now())
    said = read(live_log.ines, "web:log_entries")
    assert 'The log <span class="word-yes">holds</span>' in said
    log_verified(timezone.now(), ok=False)
    assert "the gate is shut" in read(live_log.ines, "web:log_entries")


@pytest.mark.parametrize(
    ("wish", "index"),
    [
        ({}, "entries_by_time"),
        ({"table": "registry_user"}, "entries_by_table"),
        ({"actor": "adam"}, "entries_by_actor"),
        ({"begin": "2026-01-01", "end": "2026-01-02"}, "entries_by_time"),
        ({"table": "registry_user", "key": "1"}, "entries_by_row"),
    ],
)
def test_every_filter_has_an_index_in_the_order_of_the_page(live_log, wish, index):
    form = FilterForm(wish)
    assert form.is_valid(), form.errors
    found = form.wished()[: PER_PAGE + 1]
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        # The few entries of one record are sorted; of all else there may be millions.
        cursor.execute(f"SET enable_sort = {'on' if 'key' in wish else 'off'}")
        cursor.execute("SET enable_bitmapscan = off")
        plan = found.explain()
        cursor.execute("RESET ALL")
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = %s::regclass",
            [index],
        )
        parts = {name for (name,) in cursor.fetchall()}
    assert any(part in plan for part in parts), plan


def test_more_entries_take_no_more_queries(live_log):
    client = as_(live_log.ines)

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get("/log/entries/").status_code == 200
        return len(seen)

    queries()
    few = queries()
    with through("page"), acting(by=live_log.adam):
        for number in range(10):
            User.objects.filter(pk=live_log.ben.pk).update(unit=f"Unit {number}")
    assert Entry.objects.count() > 10
    queries()
    assert queries() == few

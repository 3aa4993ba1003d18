"""Pages of the log: its state in one word, timelines, personal values, outside."""

import re
import subprocess
import sys
from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audits import log
from audits.models import Cosignature, Export, Verification
from registry.acts import acting, through
from registry.models import User
from tests.world import World, log_verified


def as_(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def read(person: User, name: str, *args: object, query: str = "") -> str:
    """The text of a page, spaces as one."""
    answer = as_(person).get(reverse(name, args=args) + query)
    assert answer.status_code == 200, answer.content
    return re.sub(r"\s+", " ", answer.content.decode())


@pytest.fixture
def live_log(fresh_database) -> World:
    """People and a model in a log that was integrated and signed."""
    world = World()
    world.model()
    log.advance(at=timezone.now())
    return world


def word(page: str) -> str:
    """The word beside the heading."""
    return re.search(r'<h1>Log: <span class="word-\w+">([^<]+)</span>', page)[1]


def test_the_state_is_one_word(live_log):
    assert word(read(live_log.ines, "web:log")) == "not checked"
    log_verified(timezone.now() - timedelta(days=3))
    assert word(read(live_log.ines, "web:log")) == "not checked"
    log_verified(timezone.now())
    assert word(read(live_log.ines, "web:log")) == "holds"
    log_verified(timezone.now(), ok=False)
    assert word(read(live_log.ines, "web:log")) == "does not hold"


def test_without_anybody_outside_the_page_says_what_is_not_protected(live_log):
    assert "Nobody outside this installation keeps anything" in read(
        live_log.ines, "web:log"
    )


def test_a_witness_is_shown_with_what_came_after_it(live_log):
    size = log.latest_checkpoint().tree_size
    Cosignature.objects.create(
        tree_size=size - 3,
        witness="witness.example/w1",
        line="\u2014 witness.example/w1 AAAA",
        stamped_at=timezone.now(),
        received_at=timezone.now(),
    )
    page = read(live_log.ines, "web:log")
    assert "Nobody outside this installation keeps anything" not in page
    assert '<code>witness.example/w1</code></td><td class="when">' in page
    assert f'<td class="n">{size - 3}</td><td class="n">3</td>' in page


def test_what_is_not_protected_is_told_as_it_is_now(live_log, settings):
    settings.FREIGABE_EXPORT = "/worm"
    size = log.latest_checkpoint().tree_size
    Export.objects.create(
        destination="/worm",
        number=1,
        tree_size=size - 3,
        manifest_sha256="0" * 64,
        exported_at=timezone.now(),
    )
    old = "The last 9 leaves are newer than what the export (/worm) remembers."
    Verification.objects.create(
        ran_at=timezone.now(), ok=True, size=1, findings=[], not_covered=[old, "Else."]
    )
    page = read(live_log.ines, "web:log")
    assert "The last 3 leaves are newer than what the export (/worm) remembers" in page
    assert old not in page
    assert "<span>Else.</span>" in page


def test_what_a_verification_noticed_and_found_is_listed_apart(live_log):
    item = {"kind": "x", "table": "", "key": None, "entry": None, "because": "why"}
    Verification.objects.create(
        ran_at=timezone.now(),
        ok=False,
        size=1,
        findings=[item | {"what": "a broken promise"}],
        noticed=["an odd thing"],
        not_covered=["the tail"],
    )
    assert "<span>the tail</span>" in read(live_log.ines, "web:log")
    page = read(live_log.ines, "web:log")
    found, noticed = page.index("a broken promise"), page.index("an odd thing")
    assert page.index("Findings") < found < page.index("Noticed") < noticed
    assert (
        '<span class="sign" aria-hidden="true">!</span><span>an odd thing</span>'
        in page
    )


def test_a_definition_changed_by_a_superuser_is_red(live_log, fresh_database):
    with psycopg.connect(fresh_database.superuser_dsn, autocommit=True) as other:
        other.execute("ALTER TABLE registry_user DISABLE TRIGGER zz_capture")
        other.execute("ALTER TABLE registry_user ENABLE ALWAYS TRIGGER zz_capture")
    page = read(live_log.ines, "web:log")
    place = page.index("Changes of the database")
    assert '<span class="word-no">db:postgres</span>' in page[place:]
    assert "ALTER TABLE <code>public.registry_user</code>" in page[place:]


def test_the_history_of_a_record_shows_old_and_new(live_log):
    ola = live_log.ola
    with through("page"), acting(by=live_log.adam, reason="moved"):
        User.objects.filter(pk=ola.pk).update(unit="Treasury", email="o@bank.example")
    place = ("web:log_object", "registry_user", ola.pk)
    page = read(live_log.ines, *place)
    assert row(page, "unit") == ["empty", "Treasury"]
    assert row(page, "email") == [
        "ola@bank.example personal, can be erased",
        "o@bank.example personal, can be erased",
    ]
    assert "moved" in page
    assert "Treasury" not in read(live_log.anna, *place)
    assert "Fields: Mail address, Unit" in read(live_log.anna, *place)


def test_erased_values_say_since_when_and_forged_openings_are_named(
    live_log, fresh_database
):
    ola, place = live_log.ola, ("web:log_object", "registry_user", live_log.ola.pk)
    User.objects.filter(pk=ola.pk).update(email="o@bank.example")
    with through("page"), acting(by=live_log.adam), connection.cursor() as cursor:
        cursor.execute(
            "SELECT audits_erase(%s, %s)", ["public.registry_user", str(ola.pk)]
        )
    old, new = row(read(live_log.ines, *place), "email")
    assert re.fullmatch(r"erased \d+ \w+ \d{4} \d\d:\d\d", old)
    assert new == "o@bank.example personal, can be erased"
    assert "personal values erased" in read(live_log.ines, *place)
    with psycopg.connect(fresh_database.superuser_dsn) as other:
        other.execute(
            "UPDATE audits_opening SET value = '\"another@bank.example\"' "
            "WHERE value = '\"o@bank.example\"'"
        )
    page = read(live_log.ines, *place)
    assert row(page, "email")[1] == "the stored opening does not fit the commitment"
    assert "another@bank.example" not in page


def test_the_timeline_is_filtered_by_table_person_day_and_place(live_log):
    User.objects.filter(username="ben").update(unit="Elsewhere")

    def tables(query: str) -> set[str]:
        page = read(live_log.ines, "web:log_entries", query=f"?{query}")
        return set(re.findall(r"<a href=[^>]+><code>(\w+)</code>", page))

    # The catalogue of a copied database is news to it.
    assert tables("outside=on") - {"audits_catalogstate"} == {"registry_user"}
    assert tables("actor=anna") == {"registry_registeredmodel"}
    assert tables("table=registry_environment") == {"registry_environment"}
    today = timezone.now().date()
    assert "registry_user" in tables(f"begin={today}&end={today}")
    assert tables(f"begin={today + timedelta(days=1)}") == set()
    assert tables(f"end={today - timedelta(days=1)}") == set()
    for nonsense in ("begin=yesterday", "table=pg_class", "before=x", "actor=%00"):
        read(live_log.ines, "web:log_entries", query=f"?{nonsense}")


def test_the_timeline_is_read_in_stretches_without_losing_an_entry(live_log):
    seen, query = [], "?"
    while query:
        page = read(live_log.ines, "web:log_entries", query=query)
        seen += [int(i) for i in re.findall(r'href="/log/(\d+)/"', page)]
        older = re.search(r'rel="next" href="(\?[^"]+)"', page)
        query = older[1].replace("&amp;", "&") if older else ""
    assert seen == list(range(log.latest_checkpoint().tree_size))[::-1]


def test_an_auditor_downloads_a_proof_that_holds_offline(live_log, tmp_path, settings):
    index = log.latest_checkpoint().tree_size - 1
    answer = as_(live_log.ines).get(reverse("web:log_proof", args=[index]))
    name = f"entry-{index}.tlog-proof"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    (tmp_path / name).write_bytes(answer.content)
    (tmp_path / "keys.json").write_bytes(
        Client().get("/.well-known/freigabe/keys.json").content
    )
    page = read(live_log.ines, "web:log_entry", index)
    command = re.search(
        r"<pre tabindex=\"0\">python (-m audits.offline [^<]+)</pre>", page
    )
    done = subprocess.run(
        [sys.executable, *command[1].split()],
        cwd=tmp_path,
        env={"PYTHONPATH": str(settings.BASE_DIR)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        as_(live_log.anna).get(reverse("web:log_proof", args=[index])).status_code
        == 403
    )
    assert (
        as_(live_log.ines).get(reverse("web:log_proof", args=[index + 1])).status_code
        == 404
    )


def test_a_record_that_nobody_logged_is_not_found(live_log):
    for place in (("registry_user", "nobody"), ("pg_class", "1"), ("a-b", "../x")):
        address = reverse("web:log_object", args=place)
        assert as_(live_log.ines).get(address).status_code == 404


def row(page: str, field: str) -> list[str]:
    """The cells beside the newest change of a field, without markup."""
    cells = page.split(f"<code>{field}</code></th>")[1]
    cells = cells.split("</tr>")[0]
    texts = re.findall(r"<td>(.*?)</td>", cells)
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text)).strip() for text in texts]

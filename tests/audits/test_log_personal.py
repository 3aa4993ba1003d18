"""Personal values: committed to in the log, opened beside it, erasable."""

import hashlib
import json

import pytest
from allauth.account.models import EmailAddress
from django.db import ProgrammingError, connection

from audits import capture, log
from audits.models import Entry, Opening
from registry.acts import acting
from registry.models import User
from tests.audits.ledger import NOW, add_user


def _images(user: User) -> list[dict]:
    entries = log.entries_for(rel="public.registry_user", pk=str(user.pk))
    return [json.loads(entry.body)["new"] for entry in entries if entry.op in "IUD"]


@pytest.mark.django_db
def test_no_entry_holds_a_name_or_an_address():
    user = add_user(
        "dora", first_name="Dora", last_name="Muster", email="d@x.example", unit="risk"
    )
    user.last_name = "Meister"
    user.save()
    EmailAddress.objects.create(user=user, email="second@x.example")
    bodies = " ".join(Entry.objects.values_list("body", flat=True))
    for word in ("dora", "Muster", "Meister", "x.example"):
        assert word not in bodies
    assert str(user.pk) in bodies


@pytest.mark.django_db
def test_an_opening_fits_its_commitment():
    user = add_user("dora", last_name='Müller "the first"')
    image = _images(user)[0]
    opening = Opening.objects.get(pk_text=str(user.pk), column="last_name")
    assert json.loads(opening.value) == 'Müller "the first"'
    digest = hashlib.sha256(bytes(opening.salt) + opening.value.encode()).hexdigest()
    assert image["last_name"] == {"$commitment": digest}
    assert len(bytes(opening.salt)) == 32
    assert image["first_name"] == ""


@pytest.mark.django_db
def test_an_unchanged_value_keeps_its_commitment_and_a_changed_one_gets_another():
    user = add_user("dora", last_name="Muster")
    User.objects.filter(pk=user.pk).update(unit="risk")
    User.objects.filter(pk=user.pk).update(last_name="Meister")
    User.objects.filter(pk=user.pk).update(last_name="Muster")
    first, second, third, fourth = (image["last_name"] for image in _images(user))
    assert first == second
    assert len({json.dumps(image) for image in (first, third, fourth)}) == 3


@pytest.mark.django_db
def test_the_same_name_of_two_people_has_two_commitments():
    one, two = (add_user(name, last_name="Muster") for name in ("dora", "emil"))
    assert _images(one)[0]["last_name"] != _images(two)[0]["last_name"]


def test_erased_openings_are_gone_and_the_act_is_logged(written_log):
    user = User.objects.get(username="anna")
    with acting(by="dpo"):
        User.objects.filter(pk=user.pk).update(username="erased-1")
        erased = _erase("public.registry_user", user.pk)
    assert erased == 1
    openings = Opening.objects.filter(pk_text=str(user.pk))
    assert [item.value for item in openings.order_by("id")] == [None, '"erased-1"']
    entry = Entry.objects.get(op="S", pk_text=str(user.pk))
    assert json.loads(entry.body)["new"]["openings"] == 1
    assert entry.actor == "dpo"
    log.advance(at=NOW)
    User.objects.filter(pk=user.pk).update(unit="gone")
    before, after = _images(user)[-2:]
    assert before["username"] == after["username"]


@pytest.mark.django_db
def test_a_live_value_keeps_its_opening():
    user = add_user("dora", last_name="Muster")
    assert _erase("public.registry_user", user.pk) == 0
    assert Opening.objects.filter(pk_text=str(user.pk), value=None).count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    ["UPDATE audits_opening SET value = '1'", "DELETE FROM audits_opening"],
)
def test_the_application_cannot_touch_openings(statement):
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_personal_columns_exist_and_the_people_table_has_some():
    tables = {table.table: table for table in capture.governed_tables()}
    assert "email" in tables["registry_user"].personal
    assert "email" in tables["account_emailaddress"].personal


def _erase(rel: str, pk: object) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT audits_erase(%s, %s)", [rel, str(pk)])
        return int(cursor.fetchone()[0])

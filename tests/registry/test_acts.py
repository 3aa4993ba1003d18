"""The author of an act reaches the database with the act's first statement."""

import json

import pytest
from django.db import connection, transaction
from psycopg import sql

from audits.models import Entry
from registry.acts import acting, through
from registry.models import User


def _author_of_last() -> tuple[str, str]:
    body = json.loads(Entry.objects.order_by("entry_id").last().body)
    return body["actor"], body["ctx"]["reason"]


def _insert() -> None:
    User.objects.create(username="dora")


def _read_then_insert() -> None:
    assert not User.objects.filter(username="dora").exists()
    _insert()


def _savepoint_that_fails_first() -> None:
    with pytest.raises(LookupError), transaction.atomic():
        User.objects.create(username="emil")
        raise LookupError
    _insert()


def _many() -> None:
    with connection.cursor() as cursor:
        cursor.executemany("SELECT %s::int", [(1,), (2,)])
    _insert()


def _composed() -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT {}").format(sql.Literal("100 %")))
        assert cursor.fetchone() == ("100 %",)
    _insert()


def _without_parameters() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT '100 %'")
        assert cursor.fetchone() == ("100 %",)
    _insert()


def _server_side() -> None:
    assert list(User.objects.filter(username="dora").iterator()) == []
    _insert()


def _bulk() -> None:
    made = User.objects.bulk_create([User(username=name) for name in ("a1", "a2")])
    assert User.objects.filter(pk__in=[user.pk for user in made]).count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "act",
    [
        _insert,
        _read_then_insert,
        _savepoint_that_fails_first,
        _many,
        _composed,
        _without_parameters,
        _server_side,
        _bulk,
    ],
)
def test_the_author_is_told_whatever_comes_first(act):
    with through("page", reason="100 % 'sure' \\ \"now\""), acting(by="u1"):
        act()
    assert _author_of_last() == ("u1", "100 % 'sure' \\ \"now\"")


@pytest.mark.django_db
def test_the_next_act_has_its_own_author():
    for name in ("u1", "u2"):
        with acting(by=name), acting(by="somebody else"):
            User.objects.create(username=name)
        assert _author_of_last()[0] == name


def test_after_an_act_nobody_acts(fresh_database):
    with acting(by="u1"):
        User.objects.create(username="one")
    User.objects.create(username="two")
    assert Entry.objects.order_by("entry_id").last().actor is None


@pytest.mark.django_db
def test_a_result_belongs_to_the_statement_not_to_the_naming():
    user = User.objects.create(username="dora")
    with acting(by="u1"):
        assert User.objects.filter(pk=user.pk).update(unit="x") == 1
    with acting(by="u1"):
        assert User.objects.get(pk=user.pk).unit == "x"
    with acting(by="u1"):
        assert User.objects.filter(unit="nowhere").update(unit="y") == 0

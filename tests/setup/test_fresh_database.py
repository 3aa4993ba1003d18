"""A database of a test's own takes commits, and other tests never see them."""

import os
import threading

import psycopg
import pytest
from django.db import connection

from registry.models import User


def test_commits_are_seen_by_threads_and_by_strangers(fresh_database):
    User.objects.create(username="nora")
    seen: list[int] = []

    def look() -> None:
        seen.append(User.objects.filter(username="nora").count())
        connection.close()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [1]
    with psycopg.connect(os.environ["DATABASE_URL"]) as stranger:
        query = "SELECT count(*) FROM registry_user WHERE username = 'nora'"
        assert stranger.execute(query).fetchone() == (1,)


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_gets_its_own(fresh_database, turn):
    assert not User.objects.filter(username="nora").exists()
    User.objects.create(username="nora")


def test_ordinary_tests_see_nothing_of_it(db):
    assert connection.settings_dict["NAME"].startswith("test_")
    assert not User.objects.filter(username="nora").exists()


def test_application_is_no_superuser(fresh_database):
    with psycopg.connect(fresh_database.dsn) as application:
        query = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        assert application.execute(query).fetchone() == (False,)
    with psycopg.connect(fresh_database.superuser_dsn) as superuser:
        assert superuser.execute(query).fetchone() == (True,)

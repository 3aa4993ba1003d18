"""Commands where the database is not ready: one sentence, no traceback."""

import psycopg
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from psycopg import sql

from registry.models import User

COMMANDS = [
    ("access", "--add-person", "adam", "Adam", "Novak", "adam@bank.example"),
    ("access", "--grant-role", "adam", "platform-admin"),
    ("issue_token", "--role", "ci", "--name", "ci"),
    ("keeping", "list"),
    ("rotate_log_key", "--because", "stolen"),
    ("load_demo",),
]


@pytest.fixture
def unmigrated(fresh_database, monkeypatch):
    """A database without tables."""
    name = sql.Identifier(f"{fresh_database.name}_empty")
    with psycopg.connect(fresh_database.superuser_dsn, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(name))
        monkeypatch.setitem(connection.settings_dict, "NAME", name.as_string()[1:-1])
        connection.close()
        yield
        connection.close()
        server.execute(sql.SQL("DROP DATABASE {}").format(name))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_before_the_migrations(unmigrated, command):
    with pytest.raises(CommandError, match=r"no tables: run manage\.py migrate"):
        call_command(*command)


def test_when_a_migration_is_missing(fresh_database):
    with psycopg.connect(fresh_database.superuser_dsn, autocommit=True) as server:
        server.execute("DELETE FROM django_migrations WHERE app = 'governance'")
        server.execute("ALTER TABLE governance_token RENAME TO governance_other")
    with pytest.raises(CommandError, match=r"run manage\.py migrate"):
        call_command("issue_token", "--role", "ci", "--name", "ci")


def test_when_the_database_is_silent(fresh_database, monkeypatch):
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "NAME", "nothing_is_here")
    with pytest.raises(CommandError, match=r"cannot be used: .*nothing_is_here"):
        call_command("access", "--deactivate", "adam")
    connection.close()


def test_the_demo_does_not_mix_with_people_of_ones_own(fresh_database):
    call_command("access", "--add-person", "zoe", "Zoe", "Adler", "zoe@bank.example")
    with pytest.raises(CommandError, match="People of your own are here"):
        call_command("load_demo")
    assert not User.objects.filter(username="anna").exists()

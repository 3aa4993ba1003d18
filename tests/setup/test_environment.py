"""Settings from the environment: clear refusals, and a secret made once."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import ImproperlyConfigured

from governance.environment import (
    database_from_url,
    env_bool,
    env_int,
    env_secret,
    kept_secret,
)


@pytest.mark.parametrize(
    ("text", "meant"), [("1", True), ("Yes", True), ("off", False), ("", False)]
)
def test_switches(monkeypatch, text, meant):
    monkeypatch.setenv("SWITCH", text)
    assert env_bool("SWITCH", not meant) is meant


def test_unclear_switch_is_refused_by_name(monkeypatch):
    monkeypatch.setenv("SWITCH", "maybe")
    with pytest.raises(ImproperlyConfigured, match="SWITCH must be 1 or 0"):
        env_bool("SWITCH", False)


@pytest.mark.parametrize("text", ["eight", "-1", "1.5"])
def test_wrong_number_is_refused_by_name(monkeypatch, text):
    monkeypatch.setenv("NUMBER", text)
    with pytest.raises(ImproperlyConfigured, match="NUMBER must be"):
        env_int("NUMBER", 8)


def test_secret_from_a_file_wins_and_a_missing_file_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("SECRET", "from the environment")
    assert env_secret("SECRET") == "from the environment"
    file = tmp_path / "secret"
    file.write_text("from the file\n")
    monkeypatch.setenv("SECRET_FILE", str(file))
    assert env_secret("SECRET") == "from the file"
    monkeypatch.setenv("SECRET_FILE", str(tmp_path / "absent"))
    with pytest.raises(ImproperlyConfigured, match="SECRET_FILE"):
        env_secret("SECRET")


def test_secret_is_made_once_and_kept_private(tmp_path):
    path = tmp_path / "deep" / "secret_key"
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(lambda _: kept_secret(path), range(8)))
    assert len(secrets) == 1
    assert len(secrets.pop()) >= 50
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["secret_key"]


def test_address_of_a_socket_and_of_a_host():
    socket = database_from_url("postgresql://freigabe@/freigabe?host=%2Frun%2Fa%20b")
    assert (socket["NAME"], socket["USER"], socket["HOST"]) == (
        "freigabe",
        "freigabe",
        "/run/a b",
    )
    host = database_from_url("postgresql://a:p%40ss@db:5433/x?sslmode=verify-full")
    assert (host["HOST"], host["PORT"], host["PASSWORD"]) == ("db", "5433", "p@ss")
    assert host["OPTIONS"] == {"sslmode": "verify-full"}


@pytest.mark.parametrize("url", ["sqlite:///x", "mysql://a@b/c", "postgresql://host"])
def test_other_databases_are_refused(url):
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL must"):
        database_from_url(url)

"""A log to advance and to tamper with, each test on a database of its own."""

import time
from collections.abc import Iterator
from importlib import import_module

import psycopg
import pytest


@pytest.fixture
def written_log(fresh_database, settings, tmp_path):
    """Offer a signed log of some real rows, with keys of its own."""
    settings.FREIGABE_KEYS_DIR = tmp_path / "keys"
    # By name: Django is not set up yet when this file is loaded.
    import_module("tests.audits.ledger").write_log()
    return fresh_database


@pytest.fixture
def full(written_log, settings, tmp_path):
    """Offer a log whose first partition is full, signed and exported."""
    settings.FREIGABE_EXPORT = str(tmp_path / "worm")
    import_module("tests.audits.stretch").fill(written_log, settings.FREIGABE_EXPORT)
    return written_log


@pytest.fixture
def superuser(written_log) -> Iterator[psycopg.Connection]:
    """Offer a connection that may do everything, as a bad administrator would."""
    with psycopg.connect(written_log.superuser_dsn, autocommit=True) as connection:
        backend = connection.info.backend_pid
        yield connection
    # Only a superuser may end it, and the database is dropped by an ordinary role.
    with psycopg.connect(written_log.dsn, autocommit=True) as other:
        ask = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
        while other.execute(ask, [backend]).fetchone()[0]:
            time.sleep(0.005)

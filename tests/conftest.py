"""A PostgreSQL of its own for every test session, and databases that may be written."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import django
import hypothesis
import psycopg
import pytest
import pytest_django
from django.conf import settings
from django.db import connection, connections
from django.test.utils import setup_databases, teardown_databases
from django.utils import translation
from psycopg import sql

from governance import database_roles, embedded
from tests import template

ROOT = Path(__file__).resolve().parent.parent
SESSIONS = ROOT / "var" / "test"
VAR = SESSIONS / str(os.getpid())
DATA = VAR / "postgres"
# A process of the tests, its server, and a model in the sandbox.
WORKER_BYTES = 2 * 1024**3

# Django reads its settings on first use, which is after this file is imported.
os.environ["DJANGO_SETTINGS_MODULE"] = "governance.settings"
os.environ["FREIGABE_VAR"] = str(VAR)
# No nudge leaves a test by itself; the tests of the broker name the real one.
os.environ["CELERY_BROKER_URL"] = "memory://"
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# Playwright's event loop lives in the thread of the tests.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

# A conftest.py further down may import models before pytest-django sets Django up.
django.setup()

pytest_plugins = ["tests.browsing"]


# No deadline: a busy machine is no defect. `make soak` takes the second one.
hypothesis.settings.register_profile("bounded", deadline=None)
hypothesis.settings.register_profile("soak", deadline=None, max_examples=5000)
hypothesis.settings.load_profile("bounded")


@dataclass(frozen=True)
class FreshDatabase:
    """A database of one test, and its addresses for three roles."""

    name: str
    dsn: str
    owner_dsn: str
    superuser_dsn: str


def pytest_configure() -> None:
    """Read the settings now, and make sure that nobody read them before us."""
    if settings.VAR_DIR != VAR:
        raise pytest.UsageError("Unset DJANGO_SETTINGS_MODULE: the tests set it.")
    # The real hasher takes a third of a second for each of the cast.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    import_module("tests.remembering").read_data_once()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Say how many processes share the tests: one per core, none for a single file.

    Each has its own PostgreSQL, so a server that DATABASE_URL names is not shared.
    """
    single = len(config.args) == 1 and ".py" in config.args[0]
    if single or os.environ.get("DATABASE_URL"):
        return 0
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    workers = min(len(os.sched_getaffinity(0)), memory // WORKER_BYTES)
    return workers if workers > 1 else 0


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Let each worker name the settings itself, after its own directory."""
    del os.environ["DJANGO_SETTINGS_MODULE"]


def pytest_sessionstart() -> None:
    """Take away what sessions left that were killed."""
    _stop_left_overs()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Stop the server of this session, after its last fixture, and take all away."""
    embedded.destroy(DATA)
    shutil.rmtree(VAR, ignore_errors=True)
    # Ctrl-C kills the workers.
    _stop_left_overs()


def _stop_left_overs() -> None:
    """Stop servers whose process is gone; workers leave that to who started them."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    for left_over in SESSIONS.glob("*/postgres"):
        if not Path("/proc", left_over.parent.name).exists():
            embedded.destroy(left_over)
            shutil.rmtree(left_over.parent, ignore_errors=True)


@pytest.fixture(autouse=True)
def own_language() -> Iterator[None]:
    """A request leaves the thread in the language of its reader: not for the next."""
    yield
    translation.deactivate()


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: pytest_django.DjangoDbBlocker
) -> Iterator[None]:
    """Start the session's own PostgreSQL, unless DATABASE_URL names one; migrate it.

    pytest-django's own looks at the marks of tests, and would leave it out when
    only `fresh_database` copies what was migrated.
    """
    application = connection.settings_dict["USER"]
    owner = connections[settings.FREIGABE_OWNER_ALIAS].settings_dict["USER"]
    own_server = not os.environ.get("DATABASE_URL")
    started = template.started(DATA) if own_server else nullcontext()
    with django_db_blocker.unblock(), _untimed(), started:
        if own_server:
            superuser = embedded.dsn_for(DATA, user="postgres", database="postgres")
            _run(superuser, sql.SQL("ALTER ROLE freigabe_owner CREATEDB"))
        connection.settings_dict["USER"] = owner
        created = setup_databases(
            verbosity=0, interactive=False, aliases={"default"}, keepdb=own_server
        )
        name = connection.settings_dict["NAME"]
        connection.close()
        connection.settings_dict["USER"] = application
        connections[settings.FREIGABE_OWNER_ALIAS].settings_dict["NAME"] = name
        if own_server:
            superuser = _address(settings.DATABASE_URL, database=name, user="postgres")
            database_roles.prepare_database(superuser)
            _run(superuser, sql.SQL("SELECT public.audits_attest()"))
    yield
    with django_db_blocker.unblock():
        connection.close()
        connection.settings_dict["USER"] = owner
        teardown_databases(created, verbosity=0)


@pytest.fixture
def fresh_database(
    django_db_setup: None, django_db_blocker, monkeypatch, request
) -> Iterator[FreshDatabase]:
    """Give the test a database of its own, which it may commit to.

    It is a copy of the migrated test database: the log forbids TRUNCATE, so nothing
    can be emptied afterwards. Threads see it, and children through DATABASE_URL.
    """
    if {"db", "transactional_db"} & set(request.fixturenames):
        pytest.fail("fresh_database stands alone: do not ask for db beside it.")
    template = connection.settings_dict["NAME"]
    name = f"fresh_{os.getpid()}_{abs(hash(request.node.nodeid)):x}"
    with django_db_blocker.unblock():
        connection.close()
        owner = connections[settings.FREIGABE_OWNER_ALIAS].settings_dict
        # Only a superuser may end the sessions of one, which a test may have left.
        by = owner["USER"] if settings.DATABASE_URL_GIVEN else "postgres"
        admin = _address(settings.DATABASE_URL, database="postgres", user=by)
        _run(
            admin,
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
                *map(sql.Identifier, (name, template, owner["USER"]))
            ),
        )
        dsn = _address(settings.DATABASE_URL, database=name)
        monkeypatch.setenv("DATABASE_URL", dsn)
        monkeypatch.setenv(
            "FREIGABE_OWNER_URL", _address(dsn, database=name, user=owner["USER"])
        )
        monkeypatch.setitem(connection.settings_dict, "NAME", name)
        monkeypatch.setitem(owner, "NAME", name)
        # A log of its own: the signer remembers by origin what it signed.
        monkeypatch.setenv("FREIGABE_LOG_ORIGIN", f"test.local/{name}")
        monkeypatch.setattr(settings, "FREIGABE_LOG_ORIGIN", f"test.local/{name}")
        owner_dsn = _address(dsn, database=name, user=owner["USER"])
        superuser_dsn = _address(dsn, database=name, user="postgres")
        yield FreshDatabase(name, dsn, owner_dsn, superuser_dsn)
        connections.close_all()
        monkeypatch.undo()
        _run(
            admin, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
        )


@contextmanager
def _untimed() -> Iterator[None]:
    """Stop pytest-timeout's clock: to migrate, or to wait for it, is no test's time."""
    left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left)


def _address(url: str, *, database: str, user: str = "") -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    login = f"{user}@{host}" if user else parts.netloc
    return urlunsplit(parts._replace(netloc=login, path=f"/{database}"))


def _run(dsn: str, statement: sql.Composable) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement)

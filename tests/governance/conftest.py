"""The stage for acts: a fresh world in each test's transaction."""

from collections.abc import Iterator

import pytest
from django.utils import timezone

from governance import access
from governance.identities import fetching
from registry.models import Role
from tests.governance.callers import Caller
from tests.governance.forge_jobs import serve as serve_answers
from tests.governance.forge_world import Outside, agreed, good, registered
from tests.governance.provider import CLIENT, Provider, serve
from tests.governance.sources import Cluster, Registry
from tests.governance.test_gate import approved
from tests.world import NOW, World, log_verified


@pytest.fixture
def world(db) -> World:
    """A bank with its people, and a log that was verified."""
    log_verified()
    return World()


@pytest.fixture
def stage(fresh_database, django_db_blocker) -> Iterator[World]:
    """A world whose acts are committed, so that other connections see them."""
    with django_db_blocker.unblock():
        log_verified()
        yield World()


@pytest.fixture
def caller(world):
    """Callers by role or by person."""

    def make(role: Role | None = None, user: str = "", **more) -> Caller:
        _token, secret = access.issue_token(
            name=str(role or user),
            role=role,
            user=world.people[user] if user else None,
            by=access.system_user(),
            at=timezone.now(),
            **more,
        )
        return Caller(secret)

    return make


@pytest.fixture
def clock(monkeypatch):
    """Sets the time that the doors pass in."""

    def set_to(at) -> None:
        monkeypatch.setattr(timezone, "now", lambda: at)

    set_to(NOW)
    return set_to


@pytest.fixture
def provider(settings, monkeypatch) -> Iterator[Provider]:
    """An identity provider of our own, set up for single sign-on."""
    monkeypatch.setattr(fetching, "cache", fetching.KeyCache())
    found, end = serve()
    settings.FREIGABE_OIDC_ALLOW = ["127.0.0.0/8"]
    settings.FREIGABE_OIDC_HTTP = True
    settings.FREIGABE_SSO_ISSUER = found.address
    settings.FREIGABE_SSO_CLIENT_ID = CLIENT
    yield found
    end()


@pytest.fixture
def outside(settings) -> Iterator[Outside]:
    """A server of our own that stands for GitHub, GitLab and Azure DevOps."""
    settings.FREIGABE_FORGE_ALLOW = ["127.0.0.0/8"]
    made: list = []
    server = Outside()
    good(server)
    server.url = serve_answers(server, made)
    yield server
    made[0].shutdown()
    made[0].server_close()


@pytest.fixture
def make_forge(world, outside):
    """A server of a kind with its agreed place, and an approved version."""
    approved(world)

    def made(kind: str = "github"):
        forge, _secret = registered(world, kind, outside.url)
        agreed(world, forge)
        return forge

    return made


@pytest.fixture
def cluster(settings) -> Iterator[Cluster]:
    """The API server of a cluster of our own."""
    settings.FREIGABE_SOURCES_ALLOW = ["127.0.0.0/8"]
    server = Cluster()
    yield server
    server.stop()


@pytest.fixture
def registry(settings) -> Iterator[Registry]:
    """A model registry of our own."""
    settings.FREIGABE_SOURCES_ALLOW = ["127.0.0.0/8"]
    server = Registry()
    yield server
    server.stop()

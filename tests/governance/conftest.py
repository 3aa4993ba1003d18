"""The stage for acts: a fresh world in each test's transaction."""

import pytest

from tests.world import World, log_verified


@pytest.fixture
def world(db) -> World:
    """A bank with its people, and a log that was verified."""
    log_verified()
    return World()

"""A worker killed in the middle of an evidence run: the run finishes, once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from audits import execution
from audits.models import EvidenceReport, EvidenceRun
from governance import evidence
from tests.world import World

WORKER = """
import django
django.setup()
from audits import execution
from audits.models import EvidenceRun

def stay(run, **_kwargs):
    print("measuring", flush=True)
    import time
    time.sleep(600)

execution.measure = stay
execution.execute_next()
"""


@pytest.fixture
def run(fresh_database) -> EvidenceRun:
    world = World()
    return evidence.request_run(
        version=world.version(world.model()),
        kind="performance",
        dataset_version=world.data(),
        config={"positive": "1"},
        by=world.vera,
        at=timezone.now(),
    )


@contextmanager
def _worker_to_be_killed() -> Iterator[None]:
    """A process in the middle of the run; it is killed when the block ends."""
    with subprocess.Popen(
        [sys.executable, "-c", WORKER],
        cwd=settings.BASE_DIR,
        env=os.environ,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "measuring\n"
            yield
        finally:
            child.send_signal(signal.SIGKILL)
    _until_the_lock_is_free()


def test_a_run_whose_worker_was_killed_finishes_once(run):
    with _worker_to_be_killed():
        run.refresh_from_db()
        assert (run.state, run.attempts) == ("running", 1)
        assert execution.execute_next() is False, "the living worker keeps its run"
    assert execution.execute_next() is True
    run.refresh_from_db()
    assert (run.state, run.attempts, run.failure) == ("finished", 2, "")
    assert EvidenceReport.objects.filter(run=run).count() == 1
    assert execution.execute_next() is False


def test_a_run_that_kills_every_worker_fails_with_the_reason(run):
    for _ in range(execution.MAX_ATTEMPTS):
        with _worker_to_be_killed():
            pass
    execution.execute_next()
    run.refresh_from_db()
    assert run.state == "failed"
    assert "died 3 times" in run.failure


def _until_the_lock_is_free() -> None:
    """PostgreSQL notices the lost connection within moments."""
    for _ in range(100):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
            if cursor.fetchone() == (0,):
                return
        time.sleep(0.1)
    pytest.fail("The killed worker's lock stays.")

"""A worker killed in the middle of an evidence run: the run finishes, once."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.conf import settings as project
from django.db import connection
from django.utils import timezone

from audits import execution
from audits.models import EvidenceReport, EvidenceRun
from governance import evidence
from tests.conftest import FreshDatabase
from tests.world import World

# Measures for ever, and says how far it is as the real function does.
WORKER = """
import sys, time
import django
django.setup()
from audits import execution

def stay(_what, *, on_progress, **_limits):
    print("measuring", flush=True)
    while True:
        on_progress(0.5, "for ever")
        time.sleep(0.1)

def wait(run, *, limits, on_progress):
    print("measuring", flush=True)
    sys.stdin.readline()
    return measure(run, limits=limits)

measure = execution.measure
if sys.argv[1] == "part":
    execution.parts.predict_part = stay
else:
    execution.measure = {"run": stay, "blind": wait}[sys.argv[1]]
execution.execute_next()
"""


@pytest.fixture
def run(fresh_database, settings, monkeypatch) -> EvidenceRun:
    settings.FREIGABE_EVIDENCE_RETRY_SECONDS = 0
    monkeypatch.setenv("FREIGABE_EVIDENCE_RETRY_SECONDS", "0")
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
def _worker_to_be_killed(what: str = "run") -> Iterator[subprocess.Popen[str]]:
    """A process in the middle of the run; it is killed when the block ends."""
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, what],
        cwd=project.BASE_DIR,
        env=os.environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "measuring\n"
            yield child
        finally:
            child.send_signal(signal.SIGKILL)
    _until_the_lock_is_free()


def test_a_run_whose_worker_was_killed_finishes_once(run):
    with _worker_to_be_killed():
        run.refresh_from_db()
        assert (run.state, run.attempts) == ("running", 1)
        assert execution.execute_next() == 0, "the living worker keeps its run"
    assert execution.execute_next() == 1
    run.refresh_from_db()
    assert (run.state, run.attempts, run.failure) == ("finished", 2, "")
    assert EvidenceReport.objects.filter(run=run).count() == 1
    assert execution.execute_next() == 0


def test_a_worker_killed_in_a_part_leaves_it_to_the_others(run, settings):
    settings.FREIGABE_EVIDENCE_PART_ROWS = 50
    assert execution.execute_next() == 3
    with _worker_to_be_killed("part"):
        assert execution.execute_next() == 1, "another part is free meanwhile"
    while execution.execute_next():
        pass
    run.refresh_from_db()
    assert (run.state, run.failure) == ("finished", "")
    assert sorted(run.parts.values_list("attempts", flat=True)) == [1, 1, 2]
    assert EvidenceReport.objects.filter(run=run).count() == 1


def test_a_worker_that_lost_its_database_stores_nothing(run, fresh_database):
    """Its lock is gone, and another has the run: what it found comes too late."""
    with _worker_to_be_killed("blind") as child:
        _drop_other_connections(fresh_database)
        assert execution.execute_next() == 1
        report = EvidenceReport.objects.get(run=run)
        assert child.stdin is not None
        child.stdin.write("go on\n")
        child.stdin.close()
        assert child.wait(timeout=60) == 1, "its work ends with an error"
    assert EvidenceReport.objects.get(run=run) == report
    run.refresh_from_db()
    assert (run.state, run.attempts) == ("finished", 2)


def test_workers_side_by_side_do_everything_once(run, settings, monkeypatch):
    monkeypatch.setenv("FREIGABE_EVIDENCE_PART_ROWS", "30")
    another = evidence.request_run(
        version=run.version,
        kind="data_quality",
        dataset_version=run.dataset_version,
        by=run.requested_by,
        at=timezone.now(),
    )
    work = "import django; django.setup(); from audits import execution\n"
    work += "while execution.execute_next(): pass"
    command = [sys.executable, "-c", work]
    workers = [
        subprocess.Popen(command, cwd=project.BASE_DIR, env=os.environ)
        for _ in range(2)
    ]
    assert [worker.wait(timeout=300) for worker in workers] == [0, 0]
    while execution.execute_next():  # what both passed by while the other had it
        pass
    for one in (run, another):
        one.refresh_from_db()
        assert (one.state, one.attempts) == ("finished", 1), one.failure
    assert list(run.parts.values_list("attempts", flat=True)) == [1, 1, 1, 1]
    assert EvidenceReport.objects.count() == 2


def test_a_retry_waits_and_each_wait_is_longer(run, settings, monkeypatch):
    settings.FREIGABE_EVIDENCE_RETRY_SECONDS = 3600
    monkeypatch.setenv("FREIGABE_EVIDENCE_RETRY_SECONDS", "3600")
    with _worker_to_be_killed():
        pass
    assert execution.execute_next() == 0, "it is not yet time"
    run.refresh_from_db()
    first = run.not_before - timezone.now()
    EvidenceRun.objects.update(not_before=None)
    with _worker_to_be_killed():
        pass
    run.refresh_from_db()
    assert run.not_before - timezone.now() > 3 * first


def test_a_cancelled_run_stops_its_worker(run):
    with _worker_to_be_killed() as child:
        evidence.cancel_run(run=run, by=run.requested_by, at=timezone.now())
        assert child.wait(timeout=60) == 0
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert not EvidenceReport.objects.exists()


def test_a_failing_disk_is_tried_again(run, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    assert execution.execute_next() == 1
    run.refresh_from_db()
    assert run.state == "running"
    assert "will be tried again" in run.step
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert execution.execute_next() == 1
    run.refresh_from_db()
    assert (run.state, run.attempts) == ("finished", 2)


def test_a_disk_that_keeps_failing_ends_the_run_with_the_reason(run, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    for _ in range(execution.MAX_ATTEMPTS):
        execution.execute_next()
    run.refresh_from_db()
    assert run.state == "failed"
    assert "disk or storage failed" in run.failure


def test_a_run_that_kills_every_worker_fails_with_the_reason(run):
    for _ in range(execution.MAX_ATTEMPTS):
        with _worker_to_be_killed():
            pass
    execution.execute_next()
    run.refresh_from_db()
    assert run.state == "failed"
    assert "died 3 times" in run.failure


def _drop_other_connections(database: FreshDatabase) -> None:
    with psycopg.connect(database.superuser_dsn) as superuser:
        superuser.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
            "current_database() AND pid NOT IN (pg_backend_pid(), %s)",
            [connection.connection.info.backend_pid],
        )
    _until_the_lock_is_free()


def _until_the_lock_is_free() -> None:
    """PostgreSQL notices the lost connection within moments."""
    for _ in range(100):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
            if cursor.fetchone() == (0,):
                return
        time.sleep(0.1)
    pytest.fail("The killed worker's lock stays.")

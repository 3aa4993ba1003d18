"""The embedded default broker: a nudge reaches a real worker after the commit only."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from governance import queues
from governance.supervisor import Child, Supervisor

ROOT = Path(__file__).resolve().parents[2]
NUDGE = """
import django; django.setup()
from django.db import transaction
from governance import nudge, queues
queues.install(); queues.install()
try:
    with transaction.atomic():
        nudge.nudge("governance.tasks.execute_throwaway")
        raise LookupError
except LookupError:
    pass
with transaction.atomic():
    nudge.nudge("governance.tasks.execute_throwaway")
"""


def runs(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT count(*) FROM throwaway").fetchone()
        assert row is not None
        return row[0]


def test_committed_nudge_runs_once_and_a_rolled_back_one_never(
    fresh_database, monkeypatch, tmp_path, restored_signals
):
    monkeypatch.setenv("CELERY_BROKER_URL", "pgmq://localhost")
    monkeypatch.chdir(ROOT)
    with psycopg.connect(fresh_database.owner_dsn) as connection:
        connection.execute("CREATE TABLE throwaway (id serial)")
        connection.execute("GRANT ALL ON throwaway, throwaway_id_seq TO freigabe")
    nudged = subprocess.run(
        [sys.executable, "-c", NUDGE], capture_output=True, text=True, check=False
    )
    assert (nudged.returncode, nudged.stderr) == (0, "")
    command = [sys.executable, "-m", "celery", "--app", "governance", "worker"]
    command += ["--include", "tests.setup.throwaway", "--queues", "evidence"]
    command += ["--concurrency", "1", "--without-gossip", "--without-mingle"]
    lines = restored_signals
    with Supervisor(run_dir=tmp_path, log_dir=tmp_path, say=lines.append) as keeper:
        keeper.start(Child("worker", command, {"PYTHONPATH": str(ROOT)}))
        deadline = time.monotonic() + 60
        while runs(fresh_database.dsn) == 0 and time.monotonic() < deadline:
            keeper.watch(0.2)
        keeper.watch(2)
    assert lines == [], (tmp_path / "worker.log").read_text()
    assert runs(fresh_database.dsn) == 1
    with psycopg.connect(fresh_database.owner_dsn) as connection:
        waiting = connection.execute("SELECT count(*) FROM pgmq.q_evidence").fetchone()
    assert waiting == (0,)


def test_another_broker_needs_no_tables(db, settings, django_assert_num_queries):
    settings.CELERY_BROKER_URL = "redis://localhost"
    with django_assert_num_queries(0):
        queues.install()


@pytest.mark.parametrize("queue", queues.QUEUES)
def test_queues_are_those_that_the_routes_name(settings, queue):
    named = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}
    assert queue in named | {settings.CELERY_TASK_DEFAULT_QUEUE}
    assert os.environ["CELERY_BROKER_URL"] == "memory://"

"""Workers: a living one is left alone, a dead one's dossier is taken up, one finish."""

import os
import signal
import subprocess
import sys
import time

import psycopg
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.utils import timezone

from governance.dossier import build
from governance.models import Dossier
from registry.acts import acting
from tests import world
from tests.conftest import ROOT
from tests.governance.dossier_stage import Stage

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*sRGB2014.icc:pytest.PytestUnraisableExceptionWarning"
)
WORKER = "import django; django.setup(); from governance.dossier import build; " + (
    "build.build_next()"
)


@pytest.fixture
def dossier(fresh_database, monkeypatch) -> Dossier:
    monkeypatch.setattr(world, "NOW", timezone.now())
    stage = Stage()
    return stage.asked(stage.version(stage.model()))


def test_worker_killed_while_it_builds_loses_nothing(dossier):
    worker = subprocess.Popen([sys.executable, "-c", WORKER], cwd=ROOT, env=os.environ)
    deadline = time.monotonic() + 120
    while dossier.state != Dossier.State.RUNNING:
        assert worker.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
        dossier.refresh_from_db()
    assert not build.build_next(), "the dossier of a living worker was taken"
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    deadline = time.monotonic() + 30
    while not build.build_next():  # until PostgreSQL has noticed the death
        assert time.monotonic() < deadline
        time.sleep(0.05)
    dossier.refresh_from_db()
    assert (dossier.state, dossier.attempts) == (Dossier.State.FINISHED, 2)
    assert default_storage.exists(dossier.pdf_name)
    assert not build.build_next()


def test_worker_that_died_three_times_leaves_a_failure(dossier):
    left = default_storage.save(f"dossiers/{dossier.pk}/x.pdf", ContentFile(b"%PDF"))
    with acting(by="worker"):
        Dossier.objects.update(state=Dossier.State.RUNNING, attempts=3)
    assert not build.build_next()
    dossier.refresh_from_db()
    assert dossier.state == Dossier.State.FAILED
    assert "3 times" in dossier.failure
    assert not default_storage.exists(left), "nobody would remove it later"


def test_lock_of_another_connection_is_respected(dossier, fresh_database):
    number = dossier.pk.int & 0x7FFFFFFF
    with psycopg.connect(fresh_database.dsn, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", [0x444F5353, number])
        assert not build.build_next()
        dossier.refresh_from_db()
        assert (dossier.state, dossier.attempts) == (Dossier.State.PENDING, 0)


def test_overtaken_worker_does_not_finish_a_second_time(dossier, monkeypatch):
    exists = FileSystemStorage.exists

    def slowly(storage: FileSystemStorage, name: str) -> bool:
        with acting(by="worker"):
            Dossier.objects.update(attempts=2)
        return exists(storage, name)

    monkeypatch.setattr(FileSystemStorage, "exists", slowly)
    assert build.build_next()
    dossier.refresh_from_db()
    assert (dossier.state, dossier.pdf_name) == (Dossier.State.RUNNING, "")

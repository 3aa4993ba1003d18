"""Many dossiers, two workers, one killed twice in between: none is lost or doubled."""

import os
import signal
import subprocess
import sys
import time

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from governance.dossier.request import request_dossier
from governance.models import Dossier
from tests import world
from tests.conftest import ROOT
from tests.governance.dossier_stage import Stage

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:.*sRGB2014.icc:pytest.PytestUnraisableExceptionWarning"
    ),
    pytest.mark.timeout(1800),
]
WORKER = """
import time
import django
django.setup()
from governance.dossier import build
while True:
    if not build.build_next():
        time.sleep(0.2)
"""
OPEN = (Dossier.State.PENDING, Dossier.State.RUNNING)


def worker() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER],
        cwd=ROOT,
        env=os.environ,
        stderr=subprocess.DEVNULL,
    )


def left() -> int:
    return Dossier.objects.filter(state__in=OPEN).count()


def until(reached, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 1500
    while not reached():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("count", [5, pytest.param(100, marks=pytest.mark.soak)])
def test_none_is_lost_although_a_worker_is_killed_twice(
    fresh_database, monkeypatch, count
):
    monkeypatch.setattr(world, "NOW", timezone.now())
    stage = Stage()
    version = stage.version(stage.model())
    for _number in range(count):
        request_dossier(version=version, by=stage.ines, at=timezone.now())
    workers = [worker(), worker()]
    try:
        for kill in (1, 2):
            goal = count - kill * count // 4
            until(lambda goal=goal: left() <= goal, workers[1])
            until(
                lambda: Dossier.objects.filter(state=Dossier.State.RUNNING).exists(),
                workers[1],
            )
            os.kill(workers[0].pid, signal.SIGKILL)
            workers[0].wait()
            workers[0] = worker()
        until(lambda: left() == 0, workers[1])
    finally:
        for process in workers:
            process.kill()
            process.wait()
    rows = list(Dossier.objects.defer("document"))
    assert {row.state for row in rows} == {Dossier.State.FINISHED}
    assert len(rows) == count
    for row in rows:
        folder = f"dossiers/{row.pk}"
        stored = {f"{folder}/{name}" for name in default_storage.listdir(folder)[1]}
        assert stored == {row.pdf_name, row.bundle_name}
    assert sum(row.attempts for row in rows) <= count + 2

"""The same questions, asked of two processes: their reports are the same bytes."""

import os
import subprocess
import sys

import pytest
from django.conf import settings as project
from django.utils import timezone

from audits.models import EvidenceReport, EvidenceRun
from governance import evidence
from tests.audits.small_models import sklearn_model
from tests.governance.test_evidence_reports import data_for
from tests.world import World

KINDS = ("performance", "fairness", "explainability", "robustness")
WORKER = """
import django
django.setup()
from audits import execution
while execution.execute_next():
    pass
"""
# Where processes differ: the order of sets, threads, language, zone, and how much is
# scored at once.
PROCESSES: tuple[dict[str, str], ...] = (
    {"PYTHONHASHSEED": "1", "OPENBLAS_NUM_THREADS": "1", "TZ": "Asia/Tokyo"},
    {
        "PYTHONHASHSEED": "2",
        "OPENBLAS_NUM_THREADS": "2",
        "LANG": "de_DE.UTF-8",
        "FREIGABE_EVIDENCE_PART_ROWS": "100",
    },
)


@pytest.fixture
def world(fresh_database) -> World:
    return World()


def test_two_processes_make_the_same_bytes(world, tmp_path):
    sklearn_model(tmp_path, "logistic")
    version = world.version(world.model(), content=(tmp_path / "s.skops").read_bytes())
    data = data_for(world, "binary", "test", 0.0)
    for process in PROCESSES:
        for kind in KINDS:
            evidence.request_run(
                version=version,
                kind=kind,
                dataset_version=data,
                again=True,
                by=world.vera,
                at=timezone.now(),
            )
        subprocess.run(
            [sys.executable, "-c", WORKER],
            cwd=project.BASE_DIR,
            env={**os.environ, **process},
            check=True,
            timeout=600,
        )
    failed = EvidenceRun.objects.exclude(state="finished").values_list(
        "kind", "failure"
    )
    assert not list(failed)
    for kind in KINDS:
        reports = EvidenceReport.objects.filter(run__kind=kind).order_by("reported_at")
        first, second = reports.values_list("document", flat=True)
        assert first == second, kind
    costs = EvidenceReport.objects.filter(run__kind="fairness").order_by("reported_at")
    assert [report.cost["parts"] for report in costs] == [1, 3]

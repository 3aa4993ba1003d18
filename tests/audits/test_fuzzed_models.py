"""Model files with random edits are refused or answer; nothing crashes or hangs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("catboost", reason="the catboost extra is missing")
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("files", "seed"),
    [(25, 1), *(pytest.param(1000, seed, marks=pytest.mark.soak) for seed in (2, 3))],
)
@pytest.mark.timeout(1500)
def test_edited_models_neither_crash_nor_hang(files: int, seed: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.audits.fuzzing", str(files), str(seed)],
        env={"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert set(found) == {"xgboost-json", "lightgbm", "catboost-json", "skops"}
    for kind, ends in found.items():
        assert set(ends) <= {"refused", "answered", "memory"}, (kind, ends)
        assert ends["refused"]  # else the edits change nothing

"""Evidence runs: what a second worker brings, what large data need, cold starts."""

import os
import statistics
import subprocess
import sys
import time
from typing import Any

from tests.benchmarks import apart

Row = dict[str, Any]
ROWS, LARGE = 2_000_000, 10_000_000
WORKER_LIMIT_SECONDS, MEMORY_LIMIT = 10.0, 2 * 2**30
TURNS = 3
START = "from governance.celery import app; app.loader.import_default_modules()"


def scaling() -> Row:
    """Two workers against one, on the same run in parts."""
    os.environ["FREIGABE_EVIDENCE_PART_ROWS"] = "250000"
    one, two = apart.run("tests.benchmarks.working", str(ROWS), "1,2")
    return {
        "ours": two["seconds"],
        "reference": one["seconds"],
        "unit": "s",
        "goal": 1 / 1.7,
        "reference_name": f"one worker, {ROWS:,} rows",
    }


def memory() -> Row:
    """Peak memory of a worker with its child over ten million rows."""
    os.environ["FREIGABE_EVIDENCE_PART_ROWS"] = "1000000"
    (found,) = apart.run("tests.benchmarks.working", str(LARGE), "2")
    return {
        "ours": (found["worker_bytes"] + found["child_bytes"]) / 2**20,
        "reference": MEMORY_LIMIT / 2**20,
        "unit": "MiB",
        "goal": 1.0,
        "reference_name": f"the limit; {LARGE:,} rows in {found['seconds']:.0f} s",
    }


def worker_start() -> Row:
    """A Celery worker's imports, from nothing to all tasks known."""
    return {
        "ours": _seconds(START),
        "reference": WORKER_LIMIT_SECONDS,
        "unit": "s",
        "goal": 1.0,
        "reference_name": "the limit",
    }


def run_start() -> Row:
    """The sandboxed child that answers nothing, against importing LightGBM."""
    asked = (
        "import django; django.setup(); from pathlib import Path; "
        "from audits.answers import Limits, check_model; "
        "import tempfile; from tests.world import LIGHTGBM; "
        "f = tempfile.NamedTemporaryFile(suffix='.txt'); f.write(LIGHTGBM); f.flush(); "
        "import time; began = time.perf_counter(); "
        "check_model(Path(f.name), format='lightgbm', limits=Limits()); "
        "print(time.perf_counter() - began)"
    )
    taken = [float(_said(asked)) for _ in range(TURNS)]
    return {
        "ours": statistics.median(taken),
        "reference": _seconds("import lightgbm, pandas"),
        "unit": "s",
        "goal": None,
        "reference_name": "python -c 'import lightgbm, pandas'",
    }


def _seconds(code: str) -> float:
    taken = []
    for _ in range(TURNS):
        began = time.perf_counter()
        _said(code)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def _said(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    return done.stdout

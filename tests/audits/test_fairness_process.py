"""What a worker's process pays for fairness, and that any process answers the same."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOADED = """
import sys
from audits.evaluators import fairness
heavy = {"fairlearn", "sklearn", "pandas", "scipy.stats", "django", "shap"}
print(*sorted(heavy & sys.modules.keys()))
"""
DIGEST = """
import hashlib, json
import numpy as np
from audits.evaluators import fairness
random = np.random.default_rng(0)
words = lambda *names: np.array(names, object)[random.integers(0, len(names), 500)]
found = fairness.evaluate(
    target=random.integers(0, 2, 500),
    scores=random.random(500),
    sensitive={"g": words("a", "b", "c", None), "h": words("x", "y")},
)
print(hashlib.sha256(json.dumps(found.as_json()).encode()).hexdigest())
"""


def said_by(code: str, **environment: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own code in our own interpreter
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_the_evaluator_loads_none_of_the_heavy_libraries():
    assert said_by(LOADED) == ""


def test_two_processes_answer_with_the_same_bytes():
    one, other = (said_by(DIGEST, PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert len(one) == 64
    assert one == other

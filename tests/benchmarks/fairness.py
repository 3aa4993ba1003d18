"""Fairness beside fairlearn's MetricFrame, and counting beside reading the columns."""

import statistics
import time
import tracemalloc
from typing import Any

import numpy as np
from fairlearn.metrics import MetricFrame

from audits.evaluators import fairness
from audits.evaluators.fairness.cells import Coded, coded, count, numbered
from audits.evaluators.fairness.reference import METRICS

ROWS = 1_000_000
ROUNDS = 1000
FASTER = 5000
MEMORY = 64  # MiB
PASSES = 25
FEATURES = {"sex": 2, "race": 3, "age": 5}
_EIGHT = {name: metric for name, metric in METRICS.items() if name != "f1"}


def evaluation() -> list[dict[str, Any]]:
    """A whole evaluation of a million rows: 1,000 rounds, 30 intersections and each
    feature alone; far more numbers than the eight metrics that the peer computes."""
    target, scores, sensitive = _columns()
    asked = {
        "target": target,
        "scores": scores,
        "sensitive": sensitive,
        "config": {"bootstrap_rounds": ROUNDS},
    }
    taken = []
    for _ in range(5):
        begin = time.perf_counter()
        fairness.evaluate(**asked)
        taken.append(time.perf_counter() - begin)
    ours = statistics.median(taken)
    tracemalloc.start()
    fairness.evaluate(**asked)
    memory = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    peer = _metric_frame(target, scores, sensitive)
    return [
        {
            "ours": ours,
            "reference": peer / FASTER,
            "reference_name": f"MetricFrame, {ROUNDS} rounds from 1: {peer:.0f} s, "
            f"by {FASTER} ({peer / ours:,.0f} times)",
            "unit": "s",
            "goal": 1.0,
        },
        {
            "suffix": "-memory",
            "ours": memory,
            "reference": float(MEMORY),
            "reference_name": "what may be used beyond the columns",
            "unit": "MiB",
            "goal": 1.0,
        },
    ]


def counting() -> dict[str, Any]:
    """Cells of three sensitive features, label and prediction; the peer sums them."""
    target, scores, sensitive = _columns()
    columns = [coded(name, words) for name, words in sensitive.items()]
    columns += [
        numbered("label", target.astype(np.uint8), 2),
        numbered("prediction", (scores >= 0.5).view(np.uint8), 2),
    ]
    ours, peer = [], []
    for _ in range(PASSES):
        begin = time.perf_counter()
        count(columns)
        between = time.perf_counter()
        _sum(columns)
        peer.append(time.perf_counter() - between)
        ours.append(between - begin)
    return {
        "ours": min(ours) * 1000,
        "reference": min(peer) * 1000,
        "reference_name": "numpy sums each of the five columns once",
        "unit": "ms",
        "goal": 2.0,
    }


def _sum(columns: list[Coded]) -> int:
    return sum(int(column.codes.sum()) for column in columns)


def _columns() -> tuple[Any, Any, dict[str, Any]]:
    random = np.random.default_rng(0)
    scores = random.random(ROWS)
    target = (random.random(ROWS) < scores).astype(np.int64)
    names = np.array([f"group {i}" for i in range(max(FEATURES.values()))], object)
    sensitive = {
        name: names[random.integers(0, size, ROWS)] for name, size in FEATURES.items()
    }
    return target, scores, sensitive


def _metric_frame(target: Any, scores: Any, sensitive: dict[str, Any]) -> float:
    """Seconds of MetricFrame with all rounds, from one without and one with one."""
    asked = {
        "metrics": _EIGHT,
        "y_true": target,
        "y_pred": (scores >= 0.5).astype(np.int64),
        "sensitive_features": {
            name: coded(name, words).codes for name, words in sensitive.items()
        },
    }
    begin = time.perf_counter()
    MetricFrame(**asked)
    between = time.perf_counter()
    MetricFrame(**asked, n_boot=1, ci_quantiles=[0.025, 0.975], random_state=0)
    once, twice = between - begin, time.perf_counter() - between
    return once + ROUNDS * (twice - once)

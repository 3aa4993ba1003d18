"""Performance and drift of a million rows beside scikit-learn, pandas and scipy."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn import metrics

from audits.evaluators import drift, performance
from audits.evaluators.columns import Numbers
from audits.evaluators.profiles import profile

Row = dict[str, Any]
ROWS, COLUMNS, ROUNDS = 1_000_000, 10, 1000
LARGE = 10_000_000


def _seconds(work: Callable[[], object], turns: int = 3) -> float:
    best = float("inf")
    for _ in range(turns):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


def _scored(rows: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    scores = random.beta(2, 5, rows)
    return (random.random(rows) < scores).astype(np.int64), scores


def evaluation() -> list[Row]:
    """All of a performance report, and ten times the rows."""
    target, scores = _scored(ROWS)
    ours = _seconds(lambda: performance.evaluate(target=target, scores=scores))
    # Two rounds are measured, the others would take as long.
    peer = _seconds(lambda: _round(target, scores), turns=2) * (ROUNDS + 1)
    target, scores = _scored(LARGE)
    large = _seconds(lambda: performance.evaluate(target=target, scores=scores), 1)
    return [
        {
            "ours": ours,
            "reference": peer,
            "unit": "s",
            "goal": 1 / 200,
            "reference_name": f"scikit-learn, 10 metrics, {ROUNDS} bootstrap rounds of "
            f"{ROWS:,} rows, extrapolated from one",
        },
        {
            "suffix": "-tenfold",
            "ours": large,
            "reference": ours,
            "unit": "s",
            "goal": 20.0,
            "reference_name": f"ours with a tenth of {LARGE:,} rows",
        },
    ]


def _round(target: np.ndarray, scores: np.ndarray) -> list[float]:
    """What one bootstrap round costs: draw rows, then the metrics of the report."""
    drawn = np.random.default_rng(1).integers(0, len(target), len(target))
    y, s = target[drawn], scores[drawn]
    hard = s >= 0.5
    return [
        metrics.roc_auc_score(y, s),
        metrics.average_precision_score(y, s),
        metrics.brier_score_loss(y, s),
        metrics.log_loss(y, s),
        metrics.accuracy_score(y, hard),
        metrics.precision_score(y, hard),
        metrics.recall_score(y, hard),
        metrics.recall_score(1 - y, ~hard),
        metrics.f1_score(y, hard),
        float(np.abs(np.bincount((s * 10).astype(int), y - s)).sum() / len(y)),
    ]


def drifting() -> list[Row]:
    """Index, Jensen-Shannon and Kolmogorov-Smirnov of ten columns, from the values,
    and with a reference profile that is stored."""
    random = np.random.default_rng(0)
    before = random.normal(size=(COLUMNS, ROWS))
    now = random.normal(0.05, 1, size=(COLUMNS, ROWS))
    names = [f"f{i}" for i in range(COLUMNS)]
    stored = [profile(Numbers(n, c)) for n, c in zip(names, before, strict=True)]

    def compare(references: list[Any]) -> None:
        features = [
            drift.Compared(n, one, profile(Numbers(n, c), like=one))
            for n, one, c in zip(names, references, now, strict=True)
        ]
        drift.evaluate(features=features)

    def whole() -> None:
        pairs = zip(names, before, strict=True)
        compare([profile(Numbers(n, c)) for n, c in pairs])

    peer = _seconds(lambda: [_plain(a, b) for a, b in zip(before, now, strict=True)], 1)
    peer_name = f"pandas.cut and scipy.ks_2samp, {COLUMNS} columns of {ROWS:,} rows"
    return [
        {
            "suffix": suffix,
            "ours": _seconds(work, 2),
            "reference": peer,
            "unit": "s",
            "goal": goal,
            "reference_name": peer_name,
        }
        for suffix, work, goal in (
            ("", whole, 0.5),
            ("-stored", lambda: compare(stored), 0.3),
        )
    ]


def _plain(before: np.ndarray, now: np.ndarray) -> tuple[float, float]:
    edges = np.quantile(before, np.arange(1, 10) / 10)
    bins = [-np.inf, *edges, np.inf]
    a, b = (pd.cut(pd.Series(x), bins).value_counts(sort=False) for x in (before, now))
    old, new = (counts.to_numpy() / len(before) for counts in (a, b))
    index = float(((new - old) * np.log(new / old)).sum())
    return index, float(stats.ks_2samp(before, now, method="asymp").statistic)

"""Drift: whether the data, the scores and so the performance moved from a reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.evaluators import distances
from audits.evaluators.base import (
    Evaluation,
    Measurement,
    UnusableEvidence,
    known_settings,
    not_estimable,
    setting,
    versions_of,
)
from audits.evaluators.multiplicity import holm
from audits.evaluators.naming import short_names
from audits.evaluators.profiles import NumberProfile, Profile, paired

Counts = NDArray[np.int64]
ROUNDS = 1000
SHOWN = 100
ALPHA = 0.05
NOT_IN_BOTH = "not estimable: one of the data sets has no such column, or no rows"
TESTS = "Kolmogorov-Smirnov over 1024 cells, or chi-square"
MODERATE, LARGE = 0.1, 0.25
LIMITS = (
    "The bands of the population stability index (0.1 and 0.25) are a rule of thumb of "
    "credit scoring and know nothing of the number of rows; psi_critical is what "
    "chance alone exceeds in 5 % of samples (Yurdakul 2018).",
    "With very many rows the tests find changes too small to matter, with few rows "
    "they miss large ones.",
    "Each column is compared by itself: a change only in how columns go together is "
    "not seen, unless it moves the scores.",
)


@dataclass(frozen=True)
class Compared:
    """A column in the reference and now, in the same cells."""

    name: str
    reference: Profile
    current: Profile


def evaluate(
    *,
    features: Sequence[Compared],
    scores: Compared | None = None,
    target: Compared | None = None,
    groups: Mapping[str, Compared] | None = None,
    config: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Measure how far each feature, the scores and the target moved.

    `groups` are the scores by group. p values are adjusted over all features (Holm);
    settings `seed`, `minimum_group_size` (rows of a group in both data sets, default
    30). A feature that cannot be compared has no value. Raises UnusableEvidence when
    there is nothing to compare.
    """
    config = config or {}
    known_settings(config)
    if not features and scores is None:
        raise UnusableEvidence("There is no column to compare.")
    seed = int(setting(config, "seed", 0, low=0, high=2**31))
    fewest = int(setting(config, "minimum_group_size", 30, low=1, high=10**6))
    rows = _by_feature(features, seed)
    measurements = [*_overall(rows), *(m for row in rows for m in row["measured"])]
    for name, one in (("score", scores), ("target", target)):
        if one is not None:
            measurements += _single(name, one, seed)
    for group, one in (groups or {}).items():
        measurements.append(_grouped(group, one, fewest, seed))
    shown = [{k: v for k, v in row.items() if k != "measured"} for row in rows]
    return Evaluation(
        measurements=tuple(measurements),
        summary={"drift": shown, "features": len(features)},
        limits=LIMITS,
        versions=versions_of("numpy", "scipy"),
    )


def _by_feature(features: Sequence[Compared], seed: int) -> list[dict[str, Any]]:
    """One row for each feature, the most moved first; the first hundred are shown."""
    names = short_names([one.name for one in features])
    rows = [_row(name, one) for name, one in zip(names, features, strict=True)]
    adjusted = holm({name: row["p"] for name, row in zip(names, rows, strict=True)})
    for name, row in zip(names, rows, strict=True):
        row["p_adjusted"] = adjusted.get(name)
    rows.sort(key=lambda row: -(row["psi"] if row["psi"] is not None else 1e9))
    known = dict(zip(names, features, strict=True))
    for place, row in enumerate(rows):
        row["measured"] = (
            _of_feature(row, known[row["feature"]], seed) if place < SHOWN else []
        )
    return rows


def _row(name: str, one: Compared) -> dict[str, Any]:
    row: dict[str, Any] = {"feature": name, "psi": None, "p": None, "ks": None}
    row |= {"js_distance": None, "psi_critical": None, "band": "unknown"}
    row |= {"rows": [one.reference.rows, one.current.rows]}
    counts = _counts(one)
    if counts is None:
        return row
    a, b = counts
    index = distances.psi(a, b)
    row["psi"] = index
    row["psi_critical"] = distances.psi_critical(a, b)
    row["js_distance"] = distances.js_distance(a, b)
    row["band"] = band(index)
    row["p"], row["ks"] = _p_value(one, a, b)
    row["missing"] = [one.reference.missing, one.current.missing]
    return row


def band(index: float) -> str:
    """The rule of thumb of credit scoring: stable, moderate or large."""
    if index < MODERATE:
        return "stable"
    return "moderate" if index < LARGE else "large"


def _counts(one: Compared) -> tuple[Counts, Counts] | None:
    if not one.reference.rows or not one.current.rows:
        return None
    return paired(one.reference, one.current)


def _p_value(one: Compared, a: Counts, b: Counts) -> tuple[float | None, float | None]:
    """Numbers: Kolmogorov-Smirnov, and chi-square on how many are missing (the smaller
    counts twice). Categories: chi-square. With the statistic of the former."""
    if not isinstance(one.reference, NumberProfile) or not isinstance(
        one.current, NumberProfile
    ):
        return distances.chi_square(a, b), None
    gaps = [
        np.array([part.missing, part.rows - part.missing], np.int64)
        for part in (one.reference, one.current)
    ]
    of_missing = distances.chi_square(gaps[0], gaps[1])
    moved = distances.ks(one.reference, one.current)
    found = [p for p in (of_missing, moved[1] if moved else None) if p is not None]
    p = min(1.0, min(found) * len(found)) if found else None
    return p, (moved[0] if moved else None)


def _of_feature(row: Mapping[str, Any], one: Compared, seed: int) -> list[Measurement]:
    group = f"feature={row['feature']}"
    if row["psi"] is None:
        why = NOT_IN_BOTH
        return [
            not_estimable(name, group=group, why=why) for name in ("psi", "drift_p")
        ]
    found = [_psi("psi", one, group, seed)]
    rows = sum(row["rows"])
    method = f"{TESTS}; Holm-adjusted over all features"
    found.append(_p("drift_p", row["p_adjusted"], rows, method, group))
    found.append(
        Measurement(
            "js_distance",
            row["js_distance"],
            n=rows,
            group=group,
            method="Jensen-Shannon distance, base 2, over the bins of the index",
        )
    )
    return found


def _psi(name: str, one: Compared, group: str, seed: int) -> Measurement:
    """The index with an interval: both samples resampled as counts of the bins.

    Like every distance it is biased upwards near 0: the lower end is reflected.
    """
    counts = _counts(one)
    if counts is None:
        why = NOT_IN_BOTH
        return not_estimable(name, group=group, why=why)
    a, b = counts
    value = distances.psi(a, b)
    random = np.random.default_rng(seed)
    drawn = [
        random.multinomial(part.sum(), part / part.sum(), ROUNDS) for part in counts
    ]
    low, high = np.quantile(distances.psis(drawn[0], drawn[1]), [0.025, 0.975])
    return Measurement(
        name,
        value,
        max(0.0, min(value, 2 * value - float(high))),
        max(value, float(high)),
        n=int(a.sum() + b.sum()),
        group=group,
        method=f"{len(a)} bins at deciles of the reference, or categories; multinomial "
        f"bootstrap, {ROUNDS} rounds, seed {seed}, lower end reflected",
    )


def _overall(rows: Sequence[Mapping[str, Any]]) -> list[Measurement]:
    """How many of the features moved, and how far the most moved one."""
    if not rows:
        return []
    known = [row for row in rows if row["p_adjusted"] is not None]
    if len(known) < len(rows):
        why = f"insufficient data to compare {len(rows) - len(known)} of the features"
        names = ("drifted_features", "psi_largest")
        return [not_estimable(name, n=len(rows), why=why) for name in names]
    moved = [row for row in known if row["p_adjusted"] < ALPHA]
    return [
        Measurement(
            "drifted_features",
            float(len(moved)),
            n=len(rows),
            method=f"of {len(rows)} features, those that moved at 5 %, Holm-adjusted",
        ),
        Measurement(
            "psi_largest",
            max(row["psi"] for row in known),
            n=len(rows),
            method=f"largest population stability index of {len(rows)} features",
        ),
    ]


def _single(name: str, one: Compared, seed: int) -> list[Measurement]:
    index = _psi(f"{name}_psi", one, "", seed)
    counts = _counts(one)
    if counts is None:
        why = NOT_IN_BOTH
        return [index, not_estimable(f"{name}_drift_p", why=why)]
    p, _ = _p_value(one, *counts)
    return [index, _p(f"{name}_drift_p", p, index.n, f"{TESTS}; not adjusted")]


def _p(
    name: str, p: float | None, rows: int, method: str, group: str = ""
) -> Measurement:
    if p is None:
        why = "insufficient data: too few rows in every bin to test"
        return not_estimable(name, group=group, n=rows, why=why)
    return Measurement(name, p, n=rows, group=group, method=method)


def _grouped(group: str, one: Compared, fewest: int, seed: int) -> Measurement:
    rows = min(one.reference.rows, one.current.rows)
    if rows < fewest:
        why = f"insufficient data: {rows} rows in one of the data sets, {fewest} needed"
        return not_estimable("score_psi_by_group", group=group, n=rows, why=why)
    return _psi("score_psi_by_group", one, group, seed)

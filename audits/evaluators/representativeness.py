"""Whether the groups of the data are there in the shares of a reference."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from audits.evaluators import distances
from audits.evaluators.base import (
    Evaluation,
    Measurement,
    UnusableEvidence,
    not_estimable,
)
from audits.evaluators.intervals import newcombe, wilson
from audits.evaluators.multiplicity import holm
from audits.evaluators.naming import short_names
from audits.evaluators.profiles import CategoryProfile, paired

Counts = NDArray[np.int64]
MOST_GROUPS = 50
LIMITS = (
    "Representative of the reference is not representative of the people that the "
    "model will judge, unless the reference is.",
)


def evaluate(
    *,
    groups: Mapping[str, CategoryProfile],
    training: Mapping[str, CategoryProfile] | None = None,
    shares: Mapping[str, Mapping[str, float]] | None = None,
) -> Evaluation:
    """Measure the share of each group of each sensitive feature, and how far the
    shares are from the training data's, or from given ones (`shares`: feature to group
    to share, adding up to 1).

    p values are adjusted over the features (Holm). Without a reference the distance
    has no value. Raises UnusableEvidence for shares that are none.
    """
    training, shares = training or {}, shares or {}
    measurements: list[Measurement] = []
    tables: list[dict[str, Any]] = []
    tests: list[tuple[str, float | None, str]] = []
    for feature, found in groups.items():
        given = shares.get(feature)
        if given is not None:
            expected = _given(feature, given)
            p, index = _against_shares(found, expected)
        elif feature in training:
            other = training[feature]
            a, b = paired(other, found)
            p, index = _against_sample(a, b)
            expected = _shares(other)
        else:
            expected, p, index = {}, None, None
        tests.append((feature, p, "shares" if given is not None else "training data"))
        tables.append(_table(feature, found, expected, training.get(feature), index))
        measurements += _by_group(feature, found)
    adjusted = holm({feature: p for feature, p, _ in tests})
    for (feature, _, against), table in zip(tests, tables, strict=True):
        p = adjusted.get(feature)
        table["p_adjusted"] = p
        table["against"] = against if table["psi"] is not None else ""
        measurements += _compared(feature, table, p)
    return Evaluation(
        measurements=tuple(measurements),
        summary={"representativeness": tables},
        limits=LIMITS if groups else (),
    )


def _given(feature: str, given: Mapping[str, float]) -> dict[str, float]:
    values = list(given.values())
    numbers = all(
        isinstance(v, (int, float)) and not isinstance(v, bool) and 0 <= v <= 1
        for v in values
    )
    if not numbers or abs(sum(values) - 1) > 0.01:
        raise UnusableEvidence(
            f"The reference shares of {feature[:200]!r} must be numbers between 0 and "
            "1 that add up to 1."
        )
    total = sum(values)
    return {group: value / total for group, value in given.items()}


def _shares(found: CategoryProfile) -> dict[str, float]:
    total = sum(found.counts.values())
    return (
        {group: count / total for group, count in found.counts.items()} if total else {}
    )


def _against_sample(a: Counts, b: Counts) -> tuple[float | None, float | None]:
    if not a.sum() or not b.sum():
        return None, None
    return distances.chi_square(a, b), distances.psi(a, b)


def _against_shares(
    found: CategoryProfile, expected: Mapping[str, float]
) -> tuple[float | None, float | None]:
    """Pearson's test of known shares; groups that are not expected make it certain."""
    labels = sorted({*expected, *found.counts})
    counts = np.array([found.counts.get(one, 0) for one in labels], np.int64)
    wanted = np.array([expected.get(one, 0.0) for one in labels])
    rows = int(counts.sum())
    if not rows or len(labels) < 2:
        return None, None
    index = float(distances.psi(np.round(wanted * rows).astype(np.int64), counts))
    if counts[wanted == 0].any():
        return 0.0, index
    there = wanted > 0
    below = (wanted[there] * rows).min()
    if below < 1:
        return None, index
    statistic = (
        (counts[there] - wanted[there] * rows) ** 2 / (wanted[there] * rows)
    ).sum()
    return float(chi2.sf(float(statistic), int(there.sum()) - 1)), index


def _by_group(feature: str, found: CategoryProfile) -> list[Measurement]:
    rows = found.rows
    if not rows:
        why = "not estimable: there are no rows"
        return [not_estimable("group_share", group=feature[:150], why=why)]
    labels = list(found.counts)[:MOST_GROUPS]
    names = short_names([f"{feature}={label}" for label in labels], 150)
    counted = [found.counts[label] for label in labels]
    if found.missing:
        names, counted = (
            (*names, f"{feature[:140]}: missing"),
            [*counted, found.missing],
        )
    return [
        Measurement(
            "group_share",
            count / rows,
            *wilson(count, rows),
            n=rows,
            group=name,
            method="Wilson interval",
        )
        for name, count in zip(names, counted, strict=True)
    ]


def _table(
    feature: str,
    found: CategoryProfile,
    expected: Mapping[str, float],
    training: CategoryProfile | None,
    index: float | None,
) -> dict[str, Any]:
    labels = sorted({*found.counts, *expected})[:MOST_GROUPS]
    names = short_names(labels)
    total = sum(found.counts.values())
    rows = []
    for label, name in zip(labels, names, strict=True):
        count = found.counts.get(label, 0)
        row: dict[str, Any] = {"group": name, "rows": count}
        row["share"] = count / total if total else None
        row["expected"] = expected.get(label, 0.0) if expected else None
        row["lower"], row["upper"] = wilson(count, total) if total else (None, None)
        if training is not None and total and sum(training.counts.values()):
            other = training.counts.get(label, 0)
            gap = newcombe(count, total, other, sum(training.counts.values()))
            row["difference"] = list(gap)
        rows.append(row)
    return {"feature": short_names([feature])[0], "psi": index, "groups": rows}


def _compared(
    feature: str, table: Mapping[str, Any], p: float | None
) -> list[Measurement]:
    group = f"feature={short_names([feature])[0]}"
    rows = sum(row["rows"] for row in table["groups"])
    names = ("representativeness_psi", "representativeness_p")
    if table["psi"] is None:
        why = (
            "not estimable: neither training data nor reference shares to compare with"
        )
        return [not_estimable(name, group=group, n=rows, why=why) for name in names]
    found = [
        Measurement(
            names[0],
            table["psi"],
            n=rows,
            group=group,
            method=f"population stability index against {table['against']}",
        )
    ]
    if p is None:
        why = "insufficient data: too few rows in every group to test"
        return [*found, not_estimable(names[1], group=group, n=rows, why=why)]
    method = f"chi-square against {table['against']}, Holm-adjusted over features"
    return [*found, Measurement(names[1], p, n=rows, group=group, method=method)]

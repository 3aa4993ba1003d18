"""Fairness: rates by group, their differences and ratios, with fairlearn's values.

All rates are seen from the *favourable* outcome (setting `favourable`): for a model
that predicts denial of a loan it is 0, so that "selection rate" is the share of
applicants who are not denied, and the false negative rate the share of those who
deserved a loan and were refused one.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from fairlearn.metrics import (
    MetricFrame,
    count,
    false_negative_rate,
    false_positive_rate,
    selection_rate,
    true_negative_rate,
    true_positive_rate,
)
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, precision_score

from audits.evaluators.base import (
    Evaluation,
    Measurement,
    UnusableEvidence,
    known_settings,
    not_estimable,
    setting,
    versions_of,
)
from audits.evaluators.disparities import (
    Share,
    difference,
    holm,
    homogeneity,
    larger,
    shares_of,
    smallest_ratio,
)
from audits.evaluators.group_counts import (
    RATES,
    Cells,
    Words,
    count_by_group,
    intersection,
)
from audits.evaluators.intervals import wilson

REFERENCE = {
    "selection_rate": selection_rate,
    "true_positive_rate": true_positive_rate,
    "false_negative_rate": false_negative_rate,
    "false_positive_rate": false_positive_rate,
    "true_negative_rate": true_negative_rate,
    "accuracy": accuracy_score,
    "precision": partial(precision_score, zero_division=0),
}
DIFFERENCES = {
    "demographic_parity_difference": "selection_rate",
    "equal_opportunity_difference": "true_positive_rate",
    "false_negative_rate_difference": "false_negative_rate",
    "false_positive_rate_difference": "false_positive_rate",
    "accuracy_difference": "accuracy",
    "precision_difference": "precision",
}
RATIOS = {
    "demographic_parity_ratio": "selection_rate",
    "equal_opportunity_ratio": "true_positive_rate",
    "false_negative_rate_ratio": "false_negative_rate",
    "false_positive_rate_ratio": "false_positive_rate",
}
TESTED = ("selection_rate", "false_negative_rate", "false_positive_rate")
AGREEMENT = 1e-12


def evaluate(
    *,
    target: NDArray[np.int64],
    scores: NDArray[np.float64],
    sensitive: Mapping[str, Words],
    config: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Compare groups: each sensitive feature alone and, if several, all together.

    `target` is 0 or 1, `scores` the probability of 1, `sensitive` words with None for
    unknown. Settings: `threshold` (0 to 1, default 0.5), `favourable` (0 or 1,
    default 1), `minimum_group_size` (rows that a rate must rest on, default 30),
    `small_groups` ("refuse", the default, or "leave out"). Raises UnusableEvidence.
    """
    config = config or {}
    known_settings(config)
    threshold = setting(config, "threshold", 0.5, low=0, high=1)
    favourable = setting(config, "favourable", 1, low=0, high=1)
    smallest = int(setting(config, "minimum_group_size", 30, low=1, high=10**9))
    leave_out = _leave_out(config)
    _check(target, scores, sensitive, favourable)
    truth = (target == favourable).astype(np.int64)
    predicted = ((scores >= threshold) == (favourable == 1)).astype(np.int64)
    compared = dict(sensitive)
    if len(sensitive) > 1:
        compared[",".join(sensitive)] = intersection(sensitive)
    tests: dict[str, tuple[float | None, str]] = {}
    measurements: list[Measurement] = []
    tables: list[dict[str, Any]] = []
    for feature, groups in compared.items():
        known = np.array([word is not None for word in groups])
        cells = count_by_group(truth[known], predicted[known], groups[known])
        _check_reference(truth[known], predicted[known], groups[known], cells)
        label = feature if feature in sensitive else ""
        shares = {rate: shares_of(rate, cells, smallest=smallest) for rate in RATES}
        measurements += _by_group(shares, cells, label=label)
        measurements += _compared(shares, feature=feature, leave_out=leave_out)
        measurements.append(_unknown(feature, known))
        tables.append(_table(feature, cells, shares, unknown=int((~known).sum())))
        for rate in TESTED:
            tests[f"{feature}\n{rate}"] = homogeneity(shares[rate], leave_out=leave_out)
    measurements += _tests(tests)
    return Evaluation(
        measurements=tuple(measurements),
        summary={
            "rows": len(target),
            "threshold": threshold,
            "favourable": int(favourable),
            "minimum_group_size": smallest,
            "small_groups": "leave out" if leave_out else "refuse",
            "features": tables,
            "p_values": {
                key.replace("\n", ": "): {"p": p, "because": because}
                for key, (p, because) in tests.items()
            },
        },
        warnings=tuple(_warnings(tables)),
        versions=versions_of("fairlearn", "numpy", "scipy", "scikit-learn"),
    )


def _leave_out(config: Mapping[str, Any]) -> bool:
    said = config.get("small_groups", "refuse")
    if said not in ("refuse", "leave out"):
        raise UnusableEvidence(
            f"The setting 'small_groups' must be 'refuse' or 'leave out', not {said!r}."
        )
    return bool(said == "leave out")


def _check(
    target: NDArray[np.int64],
    scores: NDArray[np.float64],
    sensitive: Mapping[str, Words],
    favourable: float,
) -> None:
    if favourable not in (0, 1):
        raise UnusableEvidence("The setting 'favourable' must be 0 or 1.")
    if not sensitive:
        raise UnusableEvidence("The data declare no sensitive feature.")
    lengths = {len(target), len(scores), *(len(g) for g in sensitive.values())}
    if len(lengths) != 1 or lengths == {0}:
        raise UnusableEvidence("Targets, scores and groups differ in length.")
    if not np.isin(target, (0, 1)).all():
        raise UnusableEvidence("The target holds values other than 0 and 1.")
    if not np.isfinite(scores).all():
        raise UnusableEvidence("The scores hold values that are not finite numbers.")
    for feature, groups in sensitive.items():
        if all(word is None for word in groups):
            raise UnusableEvidence(f"The sensitive feature {feature!r} is empty.")


def _check_reference(
    truth: NDArray[np.int64],
    predicted: NDArray[np.int64],
    groups: Words,
    cells: Mapping[str, Cells],
) -> None:
    """Compare our counting with fairlearn's MetricFrame on every group and rate."""
    frame = MetricFrame(
        metrics={"count": count, **REFERENCE},
        y_true=truth,
        y_pred=predicted,
        sensitive_features=groups.astype(str),
    )
    for group, counts in cells.items():
        if int(frame.by_group.loc[group, "count"]) != counts.rows:
            raise UnusableEvidence(f"fairlearn counts group {group!r} differently.")
        for name, rate in RATES.items():
            trials = rate.trials(counts)
            theirs = float(frame.by_group.loc[group, name])
            if trials and abs(theirs - rate.hits(counts) / trials) > AGREEMENT:
                raise UnusableEvidence(
                    f"fairlearn's {name} of group {group!r} is {theirs}, ours is "
                    f"{rate.hits(counts) / trials}."
                )


def _by_group(
    shares: Mapping[str, list[Share]], cells: Mapping[str, Cells], *, label: str
) -> list[Measurement]:
    found = [
        Measurement("count", counts.rows, n=counts.rows, group=_name(label, group))
        for group, counts in cells.items()
    ]
    for rate, groups in shares.items():
        for share in groups:
            group = _name(label, share.group)
            if share.because:
                found.append(
                    not_estimable(rate, group=group, n=share.trials, why=share.because)
                )
                continue
            lower, upper = wilson(share.hits, share.trials)
            found.append(
                Measurement(
                    rate,
                    share.value,
                    lower,
                    upper,
                    n=share.trials,
                    group=group,
                    method="Wilson interval",
                )
            )
    return found


def _name(feature: str, group: str) -> str:
    return f"{feature}={group}" if feature else group


def _compared(
    shares: Mapping[str, list[Share]], *, feature: str, leave_out: bool
) -> list[Measurement]:
    differences = {
        name: difference(name, shares[rate], feature=feature, leave_out=leave_out)
        for name, rate in DIFFERENCES.items()
    }
    ratios = [
        smallest_ratio(name, shares[rate], feature=feature, leave_out=leave_out)
        for name, rate in RATIOS.items()
    ]
    odds = larger(
        "equalized_odds_difference",
        differences["equal_opportunity_difference"],
        differences["false_positive_rate_difference"],
    )
    return [*differences.values(), odds, *ratios]


def _unknown(feature: str, known: NDArray[np.bool_]) -> Measurement:
    return Measurement(
        "unknown_rows",
        float((~known).sum()),
        n=len(known),
        group=feature,
        method="rows without a group; left out of the comparison",
        unit="rows",
    )


def _tests(tests: Mapping[str, tuple[float | None, str]]) -> list[Measurement]:
    adjusted = holm({key: p for key, (p, _) in tests.items() if p is not None})
    found = []
    for key, (_, because) in tests.items():
        feature, _, rate = key.partition("\n")
        name = f"{rate}_homogeneity_p"
        if key in adjusted:
            found.append(
                Measurement(
                    name,
                    adjusted[key],
                    group=feature,
                    method=f"chi-square test, Holm-adjusted over {len(adjusted)} tests",
                )
            )
        else:
            found.append(not_estimable(name, group=feature, why=because))
    return found


def _table(
    feature: str,
    cells: Mapping[str, Cells],
    shares: Mapping[str, list[Share]],
    *,
    unknown: int,
) -> dict[str, Any]:
    rows = []
    for index, (group, counts) in enumerate(cells.items()):
        rates = {}
        for rate, groups in shares.items():
            share = groups[index]
            bounds = (None, None) if share.because else wilson(share.hits, share.trials)
            rates[rate] = {
                "value": None if share.because else share.value,
                "lower": bounds[0],
                "upper": bounds[1],
                "n": share.trials,
                "because": share.because,
            }
        rows.append({"group": group, "rows": counts.rows, "rates": rates})
    return {"feature": feature, "groups": rows, "unknown": unknown}


def _warnings(tables: list[dict[str, Any]]) -> list[str]:
    found = []
    for table in tables:
        small = [
            row["group"]
            for row in table["groups"]
            if row["rates"]["selection_rate"]["because"]
        ]
        if small:
            found.append(
                f"{table['feature']}: too few rows in {len(small)} of "
                f"{len(table['groups'])} groups ({'; '.join(small[:5])})."
            )
        if table["unknown"]:
            found.append(
                f"{table['feature']}: {table['unknown']} rows have no group and are "
                "left out."
            )
    return found

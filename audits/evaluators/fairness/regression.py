"""Groups under a model that predicts a number: level, error and fit of each."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from audits.evaluators.fairness import homogeneity
from audits.evaluators.fairness.cells import Coded
from audits.evaluators.fairness.comparison import Found, by_group, table
from audits.evaluators.fairness.estimates import (
    Estimate,
    difference,
    smallest_ratio,
)
from audits.evaluators.fairness.groups import Grouping, Places
from audits.evaluators.fairness.means import Means, mean_estimates, means, plain
from audits.evaluators.fairness.options import Options

Floats = NDArray[np.float64]
WITH_RATIO = ("mean_prediction", "mean_absolute_error", "rmse")
TESTED = ("mean_prediction", "mean_error")


def compare_values(
    grouping: Grouping,
    columns: Sequence[Coded],
    predicted: Floats,
    target: Floats | None,
    options: Options,
) -> Found:
    """Measure predictions, and errors where there is a target, of each group."""
    places = grouping.of_rows(columns)
    groups = len(grouping.keys)
    averages = {"mean_prediction": means(plain(predicted), places, groups)}
    if target is not None:
        truth = target

        def errors(rows: slice, _places: Places) -> Floats:
            return predicted[rows] - truth[rows]

        averages["mean_error"] = means(errors, places, groups)
        averages["mean_absolute_error"] = means(
            lambda rows, at: np.abs(errors(rows, at)), places, groups
        )
        averages["squared_error"] = means(
            lambda rows, at: errors(rows, at) ** 2, places, groups
        )
    numbers = {
        name: mean_estimates(each, grouping, smallest=options.smallest)
        for name, each in averages.items()
    }
    if target is not None:
        numbers["rmse"] = [_root(one) for one in numbers.pop("squared_error")]
        numbers["r2"] = _fit(
            averages["squared_error"], predicted, target, places, grouping, options
        )
    return _told(grouping, numbers, averages, options)


def _told(
    grouping: Grouping,
    numbers: Mapping[str, list[Estimate]],
    averages: Mapping[str, Means],
    options: Options,
) -> Found:
    feature, leave_out = grouping.name, options.leave_out
    found = Found(by_group(grouping, numbers))
    for name, groups in numbers.items():
        found.measurements.append(
            difference(
                f"{name}_difference",
                groups,
                feature=feature,
                leave_out=leave_out,
                most=None,
            )
        )
        if name in WITH_RATIO:
            found.measurements.append(
                smallest_ratio(
                    f"{name}_ratio", groups, feature=feature, leave_out=leave_out
                )
            )
    for name in TESTED:
        if name in averages:
            found.tests[feature, f"{name}_homogeneity_p"] = homogeneity.same_mean(
                numbers[name], averages[name].deviation.tolist(), leave_out=leave_out
            )
    found.tables.append(table(grouping, numbers, feature=feature))
    return found


def _root(squared: Estimate) -> Estimate:
    """RMSE with the roots of the limits of the mean squared error."""
    return _changed(squared, lambda value: max(0.0, value) ** 0.5, "its root")


def _changed(one: Estimate, change: Callable[[float], float], words: str) -> Estimate:
    if one.value is None:
        return one
    lower, upper = one.limits or (None, None)
    return Estimate(
        one.group,
        change(one.value),
        None if lower is None else change(lower),
        None if upper is None else change(upper),
        n=one.n,
        method=f"{one.method} of the mean squared error, {words}",
    )


def _fit(
    squared: Means,
    predicted: Floats,
    target: Floats,
    places: Places,
    grouping: Grouping,
    options: Options,
) -> list[Estimate]:
    """R2 of each group by the delta method.

    R2 = 1 - E / T, mean squared error by variance of the target; a row moves it by
    (e^2 - (E / T) d^2) / T, where d is its distance from the group's mean.
    """
    groups = len(grouping.keys)
    middle = means(plain(target), places, groups)

    def spread(rows: slice, at: Places) -> Floats:
        found: Floats = (target[rows] - middle.mean[at]) ** 2
        return found

    total = means(spread, places, groups).mean
    with np.errstate(invalid="ignore", divide="ignore"):
        lost = squared.mean / total

    def moves(rows: slice, at: Places) -> Floats:
        errors = (predicted[rows] - target[rows]) ** 2
        with np.errstate(invalid="ignore", divide="ignore"):
            found: Floats = (
                1 - (errors + lost[at] * (total[at] - spread(rows, at))) / (total[at])
            )
        return found

    estimates = mean_estimates(
        means(moves, places, groups), grouping, smallest=options.smallest
    )
    return [
        one
        if one.because or total[place] > 0
        else Estimate(
            one.group,
            n=one.n,
            because=f"not estimable: the target is constant in group {one.group}",
        )
        for place, one in enumerate(estimates)
    ]

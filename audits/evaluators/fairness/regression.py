"""Groups under a model that predicts a number: level, error and fit of each."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from audits.evaluators.base import Measurement, UnusableEvidence, not_estimable
from audits.evaluators.estimates import (
    Estimate,
    difference,
    smallest_ratio,
    usable,
)
from audits.evaluators.fairness import homogeneity, law144
from audits.evaluators.fairness.against_largest import PValue, to_reference
from audits.evaluators.fairness.cells import count
from audits.evaluators.fairness.comparison import compare
from audits.evaluators.fairness.found import Found, by_group, table
from audits.evaluators.fairness.groups import Grouping, Places, groupings
from audits.evaluators.fairness.means import (
    Means,
    mean_estimates,
    means,
    plain,
    to_overall,
)
from audits.evaluators.fairness.options import Options
from audits.evaluators.fairness.question import ABOVE, Question
from audits.evaluators.rates import SCORING

Floats = NDArray[np.float64]
WITH_RATIO = ("mean_prediction", "mean_absolute_error", "rmse")
TESTED = ("mean_prediction", "mean_error")


def measure(question: Question) -> Found:
    """Compare predicted values, and errors where the truth is known; who is above
    the median of all. Raises UnusableEvidence."""
    target = question.target
    if target is not None and not np.isfinite(target).all():
        raise UnusableEvidence("The target holds values that are not finite numbers.")
    if question.scores.ndim != 1:
        raise UnusableEvidence("A predicted value is needed for each row.")
    cells = count([*question.columns, question.above])
    found = Found(groupings(cells, question.features))
    for grouping in found.groupings:
        values = _values(grouping, question)
        above = grouping.counts(cells, ABOVE)
        rates = compare(grouping, above, SCORING, question.options)
        found.add(_side_by_side(values, rates))
    found.summary = {"local_law_144": law144.scoring(question)}
    return found


def _side_by_side(values: Found, rates: Found) -> Found:
    """Both, with one table of the same groups."""
    for one, other in zip(values.tables, rates.tables, strict=True):
        for mine, theirs in zip(one["groups"], other["groups"], strict=True):
            mine["rates"] |= theirs["rates"]
    rates.tables = []
    values.add(rates)
    return values


def _values(grouping: Grouping, question: Question) -> Found:
    """Predictions, and errors where there is a target, of each group."""
    predicted, target = question.scores, question.target
    places = grouping.of_rows(question.columns)
    averages = {"mean_prediction": means(plain(predicted), places, len(grouping.keys))}
    if target is not None:
        averages |= _errors(predicted, target, places, len(grouping.keys))
    smallest = question.options.smallest
    numbers = {
        name: mean_estimates(each, grouping, smallest=smallest)
        for name, each in averages.items()
    }
    if target is not None:
        numbers["rmse"] = [_root(one) for one in numbers.pop("squared_error")]
        lost = averages["squared_error"].mean
        numbers["r2"] = _fit(lost, predicted, target, places, grouping, smallest)
    return _told(grouping, numbers, averages, question.options)


def _errors(
    predicted: Floats, target: Floats, places: Places, groups: int
) -> dict[str, Means]:
    def errors(rows: slice, _places: Places) -> Floats:
        found: Floats = predicted[rows] - target[rows]
        return found

    return {
        "mean_error": means(errors, places, groups),
        "mean_absolute_error": means(
            lambda rows, at: np.abs(errors(rows, at)), places, groups
        ),
        "squared_error": means(lambda rows, at: errors(rows, at) ** 2, places, groups),
    }


def _told(
    grouping: Grouping,
    numbers: Mapping[str, list[Estimate]],
    averages: Mapping[str, Means],
    options: Options,
) -> Found:
    leave_out = options.leave_out
    found = Found(
        measurements=[
            *by_group(grouping, numbers),
            *_apart(grouping, numbers, averages, leave_out=leave_out),
        ],
        tables=[table(grouping, numbers)],
    )
    for name in (name for name in TESTED if name in averages):
        groups, each = numbers[name], averages[name]
        p_value = _means_differ(each)
        found.measurements += to_reference(
            name, grouping, groups, p_value, test="Welch's t test"
        )
        found.tests[grouping.name, f"{name}_homogeneity_p"] = homogeneity.same_mean(
            groups, each.deviation.tolist(), leave_out=leave_out
        )
    return found


def _apart(
    grouping: Grouping,
    numbers: Mapping[str, list[Estimate]],
    averages: Mapping[str, Means],
    *,
    leave_out: bool,
) -> list[Measurement]:
    """The worst pair of each number, and the group farthest from all of each mean."""
    asked = [
        (f"{name}_difference", groups, partial(difference, most=None))
        for name, groups in numbers.items()
    ]
    asked += [
        (f"{name}_ratio", numbers[name], partial(smallest_ratio))
        for name in WITH_RATIO
        if name in numbers
    ]
    pairs = [
        measure(name, groups, feature=grouping.name, leave_out=leave_out)
        for name, groups, measure in asked
    ]
    return pairs + [
        _to_overall(
            f"{name}_difference_to_overall",
            grouping,
            numbers[name],
            averages[name],
            leave_out=leave_out,
        )
        for name in averages
        if name in numbers
    ]


def _to_overall(
    name: str,
    grouping: Grouping,
    estimates: Sequence[Estimate],
    found: Means,
    *,
    leave_out: bool,
) -> Measurement:
    """The largest distance of a group's mean to that of all rows."""
    feature, n = grouping.name, int(found.rows.sum())
    _, because = usable(estimates, leave_out=leave_out)
    if because:
        return not_estimable(name, group=feature, n=n, why=because)
    middle = found.overall
    good = [place for place, one in enumerate(estimates) if not one.because]
    worst = max(good, key=lambda place: abs(float(found.mean[place]) - middle))
    gap, limits = to_overall(found, estimates[worst], worst)
    lower, upper = limits or (None, None)
    if gap < 0 and limits:
        lower, upper = -limits[1], -limits[0]
    return Measurement(
        name,
        abs(gap),
        None if lower is None else max(0.0, lower),
        upper,
        n=n,
        group=feature,
        method=f"largest distance to the mean of all ({grouping.words[worst]}); "
        "square-and-add with the rest",
    )


def _means_differ(found: Means) -> PValue:
    def p_value(one: int, other: int) -> float | None:
        first, second = (
            (float(found.mean[at]), float(found.deviation[at]), int(found.rows[at]))
            for at in (one, other)
        )
        return homogeneity.two_means(first, second)

    return p_value


def _root(squared: Estimate) -> Estimate:
    """RMSE with the roots of the limits of the mean squared error."""
    if squared.value is None:
        return squared
    lower, upper = squared.limits or (None, None)
    return replace(
        squared,
        value=squared.value**0.5,
        lower=None if lower is None else max(0.0, lower) ** 0.5,
        upper=None if upper is None else upper**0.5,
        method=f"root of the mean squared error and of its limits ({squared.method})",
    )


def _fit(
    squared: Floats,
    predicted: Floats,
    target: Floats,
    places: Places,
    grouping: Grouping,
    smallest: int,
) -> list[Estimate]:
    """R2 of each group by the delta method, from the mean squared errors.

    R2 = 1 - E / T, mean squared error by variance of the target; a row moves it by
    (e^2 - (E / T) d^2) / T, where d is its distance from the group's mean.
    """
    groups = len(grouping.keys)
    middle = means(plain(target), places, groups).mean

    def spread(rows: slice, at: Places) -> Floats:
        found: Floats = (target[rows] - middle[at]) ** 2
        return found

    total = means(spread, places, groups).mean
    with np.errstate(invalid="ignore", divide="ignore"):
        lost = squared / total

    def moves(rows: slice, at: Places) -> Floats:
        error = (predicted[rows] - target[rows]) ** 2
        gap = total[at] - spread(rows, at)
        with np.errstate(invalid="ignore", divide="ignore"):
            found: Floats = 1 - (error + lost[at] * gap) / total[at]
        return found

    found = mean_estimates(means(moves, places, groups), grouping, smallest=smallest)
    return [
        one if one.because or total[place] > 0 else _flat(one)
        for place, one in enumerate(found)
    ]


def _flat(one: Estimate) -> Estimate:
    because = f"not estimable: the target is constant in group {one.group}"
    return Estimate(one.group, n=one.n, because=because)

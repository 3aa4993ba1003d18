"""Rates that follow from counts: their definitions, values and intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from audits.evaluators.estimates import Estimate
from audits.evaluators.intervals import wilson

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
WILSON = "Wilson interval"
DOUBLED = "Wilson interval of TP / (TP + FP + FN), carried over to F1"


@dataclass(frozen=True)
class Rate:
    """A share of some rows: hits out of trials, each a sum over outcomes.

    Outcomes are seen from the favourable one, in the order of the cells: true
    negative, false positive, false negative, true positive. F1 is no share itself but
    2 J / (1 + J) of one (J, Jaccard's index: TP out of TP + FP + FN), hence `doubled`.
    """

    hits: tuple[int, ...]
    trials: tuple[int, ...]
    of: str  # what the trials are, in words
    doubled: bool = False

    def shares(self, counts: NDArray[np.number]) -> tuple[Floats, Floats]:
        """Hits and trials; the last axis of `counts` are the outcomes."""
        return counts @ np.array(self.hits), counts @ np.array(self.trials)

    def values(self, counts: NDArray[np.number]) -> Floats:
        """The rate, NaN where it is 0 out of 0."""
        hits, trials = self.shares(counts)
        with np.errstate(invalid="ignore"):
            share = hits / trials
        return self.carried(share) if self.doubled else share

    def carried(self, share: Floats) -> Floats:
        """From the share to the rate: the same, or F1 from Jaccard's index."""
        return 2 * share / (1 + share) if self.doubled else share


_ALL = (1, 1, 1, 1)
_DESERVED = (0, 0, 1, 1)
_OTHERS = (1, 1, 0, 0)
_WITH = "rows with the favourable outcome"
_WITHOUT = "rows with the unfavourable outcome"

RATES: Mapping[str, Rate] = {
    "selection_rate": Rate((0, 1, 0, 1), _ALL, "rows"),
    "true_positive_rate": Rate((0, 0, 0, 1), _DESERVED, _WITH),
    "false_negative_rate": Rate((0, 0, 1, 0), _DESERVED, _WITH),
    "false_positive_rate": Rate((0, 1, 0, 0), _OTHERS, _WITHOUT),
    "true_negative_rate": Rate((1, 0, 0, 0), _OTHERS, _WITHOUT),
    "accuracy": Rate((1, 0, 0, 1), _ALL, "rows"),
    "precision": Rate(
        (0, 0, 0, 1), (0, 1, 0, 1), "rows with the favourable prediction"
    ),
    "f1": Rate(
        (0, 0, 0, 1),
        (0, 1, 1, 1),
        "rows with the favourable outcome or prediction",
        doubled=True,
    ),
}
# Two outcomes only: not selected and selected, and so on.
SELECTION: Mapping[str, Rate] = {"selection_rate": Rate((0, 1), (1, 1), "rows")}
SCORING: Mapping[str, Rate] = {"scoring_rate": Rate((0, 1), (1, 1), "rows")}
# Without a target: whether selected, and whether above the median.
CHOSEN: Mapping[str, Rate] = {
    "selection_rate": Rate((0, 0, 1, 1), _ALL, "rows"),
    "scoring_rate": Rate((0, 1, 0, 1), _ALL, "rows"),
}
CORRECT: Mapping[str, Rate] = {"accuracy": Rate((0, 1), (1, 1), "rows")}


# What a rate's comparisons have always been called; the others take the rate's name.
_KNOWN_AS = {
    "selection_rate": "demographic_parity",
    "true_positive_rate": "equal_opportunity",
}


def differences(rates: Mapping[str, Rate]) -> dict[str, str]:
    """The difference of each rate by its name; a complement's would be the same."""
    names = (name for name in rates if name != "true_negative_rate")
    return {f"{_KNOWN_AS.get(name, name)}_difference": name for name in names}


def ratios(rates: Mapping[str, Rate]) -> dict[str, str]:
    """The ratio of each rate by its name."""
    return {f"{_KNOWN_AS.get(name, name)}_ratio": name for name in rates}


def one_against_rest(counts: Counts, chosen: int, classes: int) -> Counts:
    """From true by predicted class to the four outcomes of one class."""
    table = counts.reshape(-1, classes, classes)  # group, truth, prediction
    both = table[:, chosen, chosen]
    predicted = table[:, :, chosen].sum(axis=1)
    deserved = table[:, chosen, :].sum(axis=1)
    rows = table.sum(axis=(1, 2))
    return np.stack(
        [rows - predicted - deserved + both, predicted - both, deserved - both, both],
        axis=1,
    )


def estimates(
    rate: Rate, counts: Counts, words: Sequence[str], *, smallest: int
) -> list[Estimate]:
    """Answer a rate of every group, or why a group has none.

    Fails closed: a group, and the trials of its rate, must have `smallest` rows.
    """
    hits, trials = rate.shares(counts)
    near = [None] * len(words) if rate.doubled else shrunken(hits, trials)
    every = zip(words, hits.tolist(), trials.tolist(), near, strict=True)
    rows = counts.sum(axis=1).tolist()
    return [
        _estimate(
            rate,
            Estimate(
                word,
                n=trial,
                hits=hit,
                shrunken=pulled,
                because=lacking(word, n, trial, rate.of, smallest),
            ),
        )
        for (word, hit, trial, pulled), n in zip(every, rows, strict=True)
    ]


def _estimate(rate: Rate, counted: Estimate) -> Estimate:
    if counted.because:
        return counted
    share = counted.hits / counted.n
    value, lower, upper = share, *wilson(counted.hits, counted.n)
    if rate.doubled:
        value, lower, upper = (2 * part / (1 + part) for part in (value, lower, upper))
    method = DOUBLED if rate.doubled else WILSON
    return replace(counted, value=value, lower=lower, upper=upper, method=method)


def shrunken(hits: Floats, trials: Floats) -> list[float | None]:
    """Each group's rate pulled to that of all, the more the fewer rows it has.

    Weights are those of random effects: the variance between groups (DerSimonian and
    Laird 1986) by that and the group's own. Where groups differ no more than by chance
    all get the rate of all. None where it is 0 out of 0.
    """
    total = trials.sum()
    if not total:
        return [None] * len(trials)
    middle = hits.sum() / total
    own = middle * (1 - middle)
    safe = np.maximum(trials, 1)
    rates = hits / safe
    groups = int((trials > 0).sum())
    surplus = (trials * (rates - middle) ** 2).sum() - (groups - 1) * own
    scale = total - (trials**2.0).sum() / total
    between = max(0.0, surplus / scale) if scale > 0 else 0.0
    weight = between / np.maximum(between + own / safe, np.finfo(float).tiny)
    pulled = (middle + weight * (rates - middle)).tolist()
    return [one if n else None for one, n in zip(pulled, trials, strict=True)]


def lacking(word: str, rows: int, trials: int, of: str, smallest: int) -> str:
    """Why a group has no number: too few rows, or none to divide by; else empty."""
    if rows < smallest:
        return (
            f"insufficient data: {rows} rows in group {word}, at least {smallest} "
            "needed"
        )
    if trials == 0:
        return f"not estimable: group {word} has no {of}"
    if trials < smallest:
        return (
            f"insufficient data: {trials} {of} in group {word}, at least {smallest} "
            "needed"
        )
    return ""

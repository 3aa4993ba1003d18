"""What the method cannot say, and what a reader must be warned of; full sentences."""

from collections.abc import Sequence

from audits.evaluators.fairness.groups import LISTED, MANY, Grouping
from audits.evaluators.fairness.options import Options

NAMED = 5
_ALWAYS = (
    "The worst difference or ratio describes and does not decide: with many groups and "
    "no disparity at all the smallest ratio falls below 0.8 in most samples; the "
    "homogeneity tests, adjusted for their number, decide.",
    "The interval of a worst pair does not know that the pair was picked after "
    "looking; a bootstrap interval of a largest difference is biased away from 0.",
    "A test that finds no difference does not show that there is none: with few rows "
    "it can miss a large one.",
    "Rows without a group are counted and left out of all comparisons.",
    "All intervals treat rows as independent of each other; several rows of one person "
    "make them too narrow.",
)
_TARGET = (
    "Rates that compare with the target take it as the truth; a target that is biased "
    "itself hides the same bias of the model."
)
_NO_TARGET = (
    "Without a target only predictions are compared: nothing is said about errors."
)
_CLASSES = (
    "Of several classes the predicted ones are compared, not the scores behind them."
)


def limits(options: Options, task: str, *, has_target: bool) -> tuple[str, ...]:
    """What these numbers do not say."""
    found = [*_ALWAYS, _TARGET if has_target else _NO_TARGET]
    if task == "multiclass":
        found.append(_CLASSES)
    if options.leave_out:
        found.append(
            f"Groups with fewer than {options.smallest} rows were left out of the "
            "comparisons, as asked: nothing is said about them."
        )
    if options.control:
        found.append(
            f"Within levels of {options.control!r} says nothing about why groups "
            "differ in it; a control that is itself unfair explains disparity away."
        )
    return tuple(found)


def warnings(compared: Sequence[Grouping], options: Options) -> tuple[str, ...]:
    """What stands out in these data."""
    found = []
    for grouping in compared:
        name, groups = grouping.name, len(grouping.keys)
        small = [
            word
            for word, rows in zip(grouping.words, grouping.rows, strict=True)
            if rows < options.smallest
        ]
        if small:
            found.append(
                f"{name}: too few rows in {len(small)} of {groups} groups "
                f"({'; '.join(small[:NAMED])})."
            )
        if groups == 0:
            found.append(f"{name}: no row has a known group in every feature.")
        if grouping.unknown:
            found.append(
                f"{name}: {grouping.unknown} rows have no group and are left out."
            )
        if groups > LISTED:
            found.append(
                f"{name}: only the largest {LISTED} of {groups} groups are told one by "
                "one; all are compared."
            )
        if groups > MANY:
            found.append(
                f"{name}: for more than {MANY} groups there are rates, worst pairs and "
                "tests only: no scores, no resampling, no group beside the largest."
            )
    return tuple(found)

"""What is to be compared, checked once for all tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.evaluators.base import UnusableEvidence
from audits.evaluators.fairness.cells import Coded, numbered
from audits.evaluators.fairness.groups import fitted
from audits.evaluators.fairness.options import Options

Floats = NDArray[np.float64]
# Outcomes beside the features; no column of data may be called so.
LABEL, PREDICTION, BIN, ABOVE = "\0label", "\0prediction", "\0bin", "\0above"


@dataclass(frozen=True)
class Question:
    """Rows by group, what was predicted, and the truth where it is known."""

    columns: tuple[Coded, ...]
    scores: Floats
    target: NDArray[Any] | None
    classes: tuple[str, ...]
    options: Options

    @property
    def features(self) -> list[str]:
        """The sensitive features, in the order given."""
        return [column.axis.name for column in self.columns]

    @cached_property
    def median(self) -> float:
        """The median of all scores, also of rows without a group."""
        return float(np.median(self.scores))

    @cached_property
    def above(self) -> Coded:
        """1 where a score is beyond the median of all, on the favourable side."""
        if self.options.favourable:
            return bits(ABOVE, self.scores > self.median)
        return bits(ABOVE, self.scores < self.median)


def bits(name: str, flags: NDArray[np.bool_]) -> Coded:
    """Answer yes and no as codes 1 and 0."""
    return numbered(name, flags.view(np.uint8), 2)


def check(question: Question) -> None:
    """Refuse what no task can compare. Raises UnusableEvidence."""
    columns = question.columns
    if not columns:
        raise UnusableEvidence("The data declare no sensitive feature.")
    lengths = {len(question.scores), *(len(column.codes) for column in columns)}
    if question.target is not None:
        lengths.add(len(question.target))
    if len(lengths) != 1 or lengths == {0}:
        raise UnusableEvidence("Targets, scores and groups differ in length.")
    if not np.isfinite(question.scores).all():
        raise UnusableEvidence("The scores hold values that are not finite numbers.")
    for column in columns:
        if not column.known:
            name = fitted(column.axis.name)
            raise UnusableEvidence(f"The sensitive feature {name!r} is empty.")
        if column.axis.name.startswith("\0"):
            raise UnusableEvidence("No column's name may begin with a zero byte.")
    if question.options.control:
        _check_control(question.options.control, question.features)


def _check_control(control: str, features: Sequence[str]) -> None:
    if control not in features:
        raise UnusableEvidence(
            f"The setting 'control' names {control!r}, which is not a sensitive "
            "feature of these data."
        )
    if len(features) == 1:
        raise UnusableEvidence("Beside the control there is no feature to compare.")

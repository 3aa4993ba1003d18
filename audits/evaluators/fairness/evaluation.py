"""Fairness from end to end: rows in, measurements, tables and limits out."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from audits.evaluators.base import Evaluation, UnusableEvidence, versions_of
from audits.evaluators.fairness import binary, multiclass, regression
from audits.evaluators.fairness.cells import Coded, Words, coded
from audits.evaluators.fairness.found import Found, sizes
from audits.evaluators.fairness.limits import limits, warnings
from audits.evaluators.fairness.options import options
from audits.evaluators.fairness.question import Floats, Question, check

_BY_TASK: Mapping[str, Callable[[Question], Found]] = {
    "binary": binary.measure,
    "multiclass": multiclass.measure,
    "regression": regression.measure,
}


def evaluate(
    *,
    target: NDArray[Any] | None,
    scores: Floats,
    sensitive: Mapping[str, Words | Coded],
    task: str = "binary",
    classes: Sequence[str] = (),
    config: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Compare groups: each sensitive feature alone and, if several, all together.

    `sensitive` are words with None for unknown, or codes (`cells`). By task:
    "binary": `target` is 0 or 1, `scores` the probability of 1; "multiclass": `target`
    the place of the class in `classes`, `scores` a probability for each row and class;
    "regression": both are numbers. Without a target (None) only predictions are
    compared: selection rates, and the share above the median.

    Settings: `threshold` (0 to 1, default 0.5), `favourable` (0 or 1, default 1: which
    outcome, or end of the scale, is good for the person), `minimum_group_size` (rows
    that a rate must rest on, default 30), `small_groups` ("refuse", the default, or
    "leave out"), `bootstrap_rounds` (default 2000), `seed`, `cross_check` (also ask
    fairlearn), `control` (a sensitive feature within whose levels the others are
    compared). Raises UnusableEvidence.
    """
    if task not in _BY_TASK:
        raise UnusableEvidence(f"Fairness is not measured for the task {task!r}.")
    columns = tuple(
        words if isinstance(words, Coded) else coded(name, words)
        for name, words in sensitive.items()
    )
    asked = options(config or {})
    question = Question(columns, scores, target, tuple(classes), asked)
    check(question)
    if asked.control and task != "binary":
        raise UnusableEvidence("A control can be asked for with two classes only.")
    found = _BY_TASK[task](question)
    if asked.cross_check and "cross_check" not in found.summary:
        found.warnings.append(
            "The cross-check with fairlearn needs two classes and a target; it was "
            "not made."
        )
    return _evaluation(question, found, task)


def _evaluation(question: Question, found: Found, task: str) -> Evaluation:
    asked, truth = question.options, question.target is not None
    return Evaluation(
        measurements=(
            *(one for grouping in found.groupings for one in sizes(grouping)),
            *found.measurements,
            *found.decided(),
        ),
        summary={
            "task": task,
            "rows": len(question.scores),
            **asked.summary,
            "features": found.tables,
            "p_values": found.p_values(),
            **found.summary,
        },
        warnings=(*warnings(found.groupings, asked), *found.warnings),
        limits=limits(asked, task, has_target=truth),
        versions=versions_of("numpy", "scipy"),
    )

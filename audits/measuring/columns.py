"""From tables to the columns and targets that evaluators take, a few at a time."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from audits.answers import ModelFacts
from audits.column_roles import binary_target, numeric_target
from audits.datasets import DatasetProblem, Table
from audits.evaluators.columns import Categories, Column, Numbers
from audits.measuring.job import Job
from registry.models import DatasetVersion

CELLS_AT_ONCE = 20_000_000  # rows x columns held at a time: 160 MB


def column_of(table: Table, name: str) -> Column:
    """One column of a table. Raises DatasetProblem."""
    if name in table.texts:
        coded = table.coded(name)
        return Categories(name, coded.codes, coded.categories)
    return Numbers(name, table.number(name))


def columns_of(
    job: Job, names: Sequence[str], *, of: DatasetVersion | None = None
) -> Iterator[Column]:
    """Columns in the order of `names`, read in groups so that memory is bounded."""
    version = of or job.run.dataset_version
    rows = version.row_count or job.table((), of=of).rows
    at_once = max(1, CELLS_AT_ONCE // max(rows, 1))
    for start in range(0, len(names), at_once):
        some = names[start : start + at_once]
        table = job.table(some, of=of)
        yield from (column_of(table, name) for name in some)


def target_of(
    table: Table, name: str, *, facts: ModelFacts, positive: str
) -> NDArray[np.int64] | NDArray[np.float64]:
    """The truth as a model's task needs it: 0 and 1, places in its classes, or values.

    Raises DatasetProblem.
    """
    if facts.task == "regression":
        return numeric_target(table, name)
    if facts.task == "multiclass":
        return class_target(table, name, classes=facts.classes)
    return binary_target(table, name, positive=positive)


def class_target(
    table: Table, name: str, *, classes: Sequence[str]
) -> NDArray[np.int64]:
    """The target as places in `classes`.

    Raises DatasetProblem: missing values, or a class that the model does not know.
    """
    coded = table.coded(name)
    lost = int((coded.codes < 0).sum())
    if lost:
        raise DatasetProblem(f"The target {name!r} is missing in {lost} rows.")
    known = {word: place for place, word in enumerate(classes)}
    unknown = [word for word in coded.categories if word not in known]
    if unknown:
        raise DatasetProblem(
            f"The target {name!r} has the class {unknown[0][:200]!r}, which the model "
            "does not know."
        )
    places = np.array([known[word] for word in coded.categories], np.int64)
    found: NDArray[np.int64] = places[coded.codes]
    return found

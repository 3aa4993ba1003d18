"""From a run's files to the evaluators of data quality."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from audits.evaluators import data_quality, leakage, representativeness
from audits.evaluators.base import Evaluation, together
from audits.evaluators.columns import Column, as_categories
from audits.evaluators.data_quality import ColumnQuality
from audits.evaluators.profiles import CategoryProfile, profile
from audits.evaluators.row_hashes import Hashes, RowHasher
from audits.measuring.columns import column_of, columns_of
from audits.measuring.job import Job
from audits.measuring.reference import holds
from registry.models import Column as Role
from registry.models import DatasetVersion


@dataclass
class _Seen:
    """What one pass over the features found, column by column."""

    rows: RowHasher
    training: RowHasher | None
    outside: Any
    columns: list[ColumnQuality] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)  # other type than in training

    def take(self, column: Column, known: Column | None) -> None:
        """Count a column, and hash it into the rows of both data sets."""
        self.columns.append(data_quality.column_quality(column, known=known))
        self.rows.add(column)
        if known is None:
            return
        self.outside |= data_quality.outside(column, known)
        if type(column) is not type(known):
            self.changed.append(column.name)
        elif self.training is not None:
            self.training.add(known)


def measure(job: Job) -> Evaluation:
    """Look at the data themselves, at what they share with the training data, and at
    whom they speak of. No model is run."""
    training = job.dataset("training")
    same = training is not None and training.sha256 == job.run.dataset_version.sha256
    seen = _seen(job, training)
    target = _target(job)
    rows = data_quality.row_quality(
        seen.rows.hashes,
        None if target is None else _hashed(target),
        outside_rows=None if training is None else int(seen.outside.sum()),
    )
    parts = [
        data_quality.evaluate(columns=seen.columns, rows=rows),
        leakage.overlap(seen.rows.hashes, _training_rows(seen), same_file=same),
        _groups(job, training),
    ]
    if target is not None:
        parts.append(
            leakage.single_features(columns_of(job, job.features), target=target)
        )
    return together(*parts, _told(seen))


def _seen(job: Job, training: DatasetVersion | None) -> _Seen:
    rows = _rows(job, job.run.dataset_version)
    seen = _Seen(RowHasher(rows), None, np.zeros(rows, bool))
    there = [n for n in job.features if training is not None and holds(training, n)]
    if training is not None and len(there) == len(job.features):
        seen.training = RowHasher(_rows(job, training))
    known: Iterator[Column] = iter(())
    if training is not None:
        known = columns_of(job, there, of=training)
    for column in columns_of(job, job.features):
        seen.take(column, next(known) if column.name in there else None)
    return seen


def _rows(job: Job, version: DatasetVersion) -> int:
    return version.row_count or job.table((), of=version).rows


def _target(job: Job) -> Column | None:
    names = job.run.dataset_version.names(Role.TARGET)
    return column_of(job.table(names[:1]), names[0]) if names else None


def _hashed(target: Column) -> Hashes:
    word = as_categories(target)
    hasher = RowHasher(len(word.codes))
    hasher.add(word)
    return hasher.hashes


def _training_rows(seen: _Seen) -> Hashes | None:
    """The hashes of the training rows, where every feature could be compared."""
    if seen.training is None or seen.changed:
        return None
    return seen.training.hashes


def _told(seen: _Seen) -> Evaluation:
    if not seen.changed:
        return Evaluation((), summary={})
    names = ", ".join(map(repr, seen.changed[:8]))
    warning = (
        f"Columns that are numbers in one of the data sets and text in the other: "
        f"{names}. Their rows cannot be compared with the training data."
    )
    return Evaluation((), summary={"changed_type": seen.changed}, warnings=(warning,))


def _groups(job: Job, training: DatasetVersion | None) -> Evaluation:
    then: dict[str, CategoryProfile] = {}
    if training is not None:
        named = [name for name in job.sensitive if holds(training, name)]
        then = _profiles(columns_of(job, named, of=training))
    return representativeness.evaluate(
        groups=_profiles(columns_of(job, job.sensitive)),
        training=then,
        shares=job.run.config.get("reference_shares"),
    )


def _profiles(columns: Iterator[Column]) -> dict[str, CategoryProfile]:
    found = {}
    for column in columns:
        counted = profile(as_categories(column))
        if isinstance(counted, CategoryProfile):
            found[column.name] = counted
    return found

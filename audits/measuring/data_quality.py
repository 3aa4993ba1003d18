"""From a run's files to the evaluators of data quality."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from audits.evaluators import data_quality, leakage, representativeness
from audits.evaluators.base import Evaluation, together
from audits.evaluators.columns import Column, as_categories
from audits.evaluators.data_quality import ColumnQuality
from audits.evaluators.leakage import SingleFeatures
from audits.evaluators.profiles import CategoryProfile, profile
from audits.evaluators.row_hashes import Hashes, RowHasher
from audits.measuring.columns import columns_of
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
    incomplete: Any
    alone: SingleFeatures | None
    columns: list[ColumnQuality] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)  # other type than in training

    def take(self, column: Column, known: Column | None) -> None:
        """Count a column, and hash it into the rows of both data sets."""
        self.columns.append(data_quality.column_quality(column, known=known))
        self.rows.add(column)
        self.incomplete |= data_quality.missing(column)
        if self.alone is not None:
            self.alone.take(column)
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
    names = job.run.dataset_version.names(Role.TARGET)[:1]
    about = {one.name: one for one in columns_of(job, (*names, *job.sensitive))}
    target = about[names[0]] if names else None
    seen = _seen(job, training, target)
    rows = data_quality.row_quality(
        seen.rows.hashes,
        None if target is None else _hashed(target),
        outside_rows=None if training is None else int(seen.outside.sum()),
        incomplete_rows=int(seen.incomplete.sum()),
    )
    parts = [
        data_quality.evaluate(columns=seen.columns, rows=rows),
        _overlap(seen, training, same=same),
        _groups(job, [about[name] for name in job.sensitive], training),
    ]
    if seen.alone is not None:
        parts.append(seen.alone.evaluation())
    return together(*parts, _told(seen))


def _seen(job: Job, training: DatasetVersion | None, target: Column | None) -> _Seen:
    rows = _rows(job, job.run.dataset_version)
    seed = int(job.run.config.get("seed", 0))
    alone = None if target is None else SingleFeatures(target, seed=seed)
    outside, incomplete = np.zeros(rows, bool), np.zeros(rows, bool)
    seen = _Seen(RowHasher(rows), None, outside, incomplete, alone)
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


def _hashed(target: Column) -> Hashes:
    word = as_categories(target)
    hasher = RowHasher(len(word.codes))
    hasher.add(word)
    return hasher.hashes


def _overlap(seen: _Seen, training: DatasetVersion | None, *, same: bool) -> Evaluation:
    """Compare rows where every feature can be compared."""
    found = seen.rows.hashes
    if training is None:
        return leakage.overlap(found, None)
    if seen.training is None:
        lacking = "the training data lack some of the features"
        return leakage.overlap(found, None, same_file=same, lacking=lacking)
    if seen.changed:
        lacking = "columns are numbers in one of the data sets and text in the other"
        return leakage.overlap(found, None, same_file=same, lacking=lacking)
    return leakage.overlap(found, seen.training.hashes, same_file=same)


def _told(seen: _Seen) -> Evaluation:
    if not seen.changed:
        return Evaluation((), summary={})
    names = ", ".join(map(repr, seen.changed[:8]))
    warning = (
        f"Columns that are numbers in one of the data sets and text in the other: "
        f"{names}. Their rows cannot be compared with the training data."
    )
    return Evaluation((), summary={"changed_type": seen.changed}, warnings=(warning,))


def _groups(
    job: Job, sensitive: Iterable[Column], training: DatasetVersion | None
) -> Evaluation:
    then: dict[str, CategoryProfile] = {}
    if training is not None:
        named = [name for name in job.sensitive if holds(training, name)]
        then = _profiles(columns_of(job, named, of=training))
    return representativeness.evaluate(
        groups=_profiles(sensitive),
        training=then,
        shares=job.run.config.get("reference_shares"),
    )


def _profiles(columns: Iterable[Column]) -> dict[str, CategoryProfile]:
    found = {}
    for column in columns:
        counted = profile(as_categories(column))
        if isinstance(counted, CategoryProfile):
            found[column.name] = counted
    return found

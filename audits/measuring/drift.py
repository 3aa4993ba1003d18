"""From a run's files to the drift evaluators."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.answers import Predictions, predict
from audits.evaluators import drift, estimation
from audits.evaluators.base import Evaluation, UnusableEvidence, together
from audits.evaluators.columns import Column, Numbers, as_categories
from audits.evaluators.drift import Compared
from audits.evaluators.naming import short_names
from audits.evaluators.profiles import CategoryProfile, profile
from audits.measuring.columns import column_of, columns_of
from audits.measuring.job import Job
from audits.measuring.reference import holds, reference_of
from registry.models import Column as Role
from registry.models import DatasetVersion

MOST_GROUPS = 50


def measure(job: Job) -> Evaluation:
    """Compare the run's data, its scores and its target with the reference."""
    reference = reference_of(job)
    if reference.sha256 == job.run.dataset_version.sha256:
        raise UnusableEvidence(
            "The reference is the same file as the data: nothing can have moved."
        )
    features = list(_features(job, reference))
    warnings: list[str] = []
    now, before = _scores(job, reference, warnings)
    parts = [
        drift.evaluate(
            features=features,
            scores=None if before is None or now is None else _moved(before, now),
            target=_target(job, reference),
            groups=_groups(job, reference, before, now),
            config=job.settings("seed", "minimum_group_size"),
        )
    ]
    if now is not None and now.facts.task == "binary":
        parts.append(estimation.estimate(now.scores, config=job.settings("threshold")))
    engines = {} if now is None else now.facts.versions
    named = {
        "reference": {
            "dataset": reference.dataset.slug,
            "version": reference.version,
            "sha256": reference.sha256,
        }
    }
    told = Evaluation((), summary=named, warnings=tuple(warnings), versions=engines)
    return together(*parts, told)


def _features(job: Job, reference: DatasetVersion) -> Iterator[Compared]:
    there = [name for name in job.features if holds(reference, name)]
    old = columns_of(job, there, of=reference)
    for before, now in zip(old, columns_of(job, there), strict=True):
        yield _compared(before, now)
    for name in job.features:
        if name not in there:
            nothing = CategoryProfile(name, {}, 0)
            yield Compared(name, nothing, nothing)


def _compared(before: Column, now: Column) -> Compared:
    if type(before) is not type(now):  # numbers became text, or the other way round
        before, now = as_categories(before), as_categories(now)
    reference = profile(before)
    return Compared(before.name, reference, profile(now, like=reference))


def _scores(
    job: Job, reference: DatasetVersion, warnings: list[str]
) -> tuple[Predictions | None, Predictions | None]:
    """The scores now and of the reference; neither without a model that can be run."""
    if job.artifact is None:
        warnings.append("No model file is there to be run: scores are not compared.")
        return None, None
    now = job.predictions
    if not all(holds(reference, name) for name in job.features):
        warnings.append(
            "The reference lacks features of the model: scores are not compared."
        )
        return now, None
    before = predict(
        job.source_of(job.artifact, on=reference),
        rows=reference.row_count or job.table((), of=reference).rows,
        limits=job.limits,
        on_progress=job.on_progress,
    )
    job.saw(before.facts)
    return now, before


def _moved(before: Predictions, now: Predictions) -> Compared:
    if before.scores.ndim == 2:  # the class that is predicted
        labels = before.facts.classes
        profiles = [
            _classes(one.scores.argmax(axis=1), labels) for one in (before, now)
        ]
        return Compared("score", profiles[0], profiles[1])
    return _compared(Numbers("score", before.scores), Numbers("score", now.scores))


def _classes(places: NDArray[np.int64], labels: tuple[str, ...]) -> CategoryProfile:
    counts = np.bincount(places, minlength=len(labels))
    found = {one: int(count) for one, count in zip(labels, counts, strict=True)}
    return CategoryProfile("score", dict(sorted(found.items())), 0)


def _target(job: Job, reference: DatasetVersion) -> Compared | None:
    names = job.run.dataset_version.names(Role.TARGET)
    if not names or not holds(reference, names[0]):
        return None
    name = names[0]
    before = column_of(job.table((name,), of=reference), name)
    return _compared(before, column_of(job.table((name,)), name))


def _groups(
    job: Job,
    reference: DatasetVersion,
    before: Predictions | None,
    now: Predictions | None,
) -> dict[str, Compared]:
    """The scores of each group of every sensitive feature, then and now."""
    found: dict[str, Compared] = {}
    if before is None or now is None or now.scores.ndim == 2:
        return found
    for name in job.sensitive:
        if not holds(reference, name):
            continue
        old = as_categories(column_of(job.table((name,), of=reference), name))
        new = as_categories(column_of(job.table((name,)), name))
        labels = sorted({*old.labels, *new.labels})
        shown = short_names([f"{name}={label}" for label in labels], 150)
        for label, group in zip(labels[:MOST_GROUPS], shown, strict=False):
            found[group] = _compared(
                Numbers("score", before.scores[_rows(old.labels, old.codes, label)]),
                Numbers("score", now.scores[_rows(new.labels, new.codes, label)]),
            )
    return found


def _rows(
    labels: tuple[str, ...], codes: NDArray[np.integer[Any]], label: str
) -> NDArray[np.bool_]:
    if label not in labels:
        return np.zeros(len(codes), bool)
    found: NDArray[np.bool_] = codes == labels.index(label)
    return found

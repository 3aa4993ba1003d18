"""From a run's files to the drift evaluators."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from audits.answers import Predictions, predict
from audits.evaluators import drift, estimation
from audits.evaluators.base import Evaluation, UnusableEvidence, together
from audits.evaluators.columns import Categories, Column, Numbers, as_categories
from audits.evaluators.drift import Compared
from audits.evaluators.naming import short_names
from audits.evaluators.profiles import CategoryProfile, profile
from audits.measuring.columns import columns_of
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
    warnings: list[str] = []
    features = list(_features(job, reference))
    now, before = _scores(job, reference, warnings)
    old, new = _about(job, reference)
    scores = _declared(job, reference)
    if before is not None and now is not None:
        scores = _moved(before, now)
    found = drift.evaluate(
        features=features,
        scores=scores,
        target=_target(job, old, new),
        groups=_groups(
            {name: one for name, one in old.items() if name in job.sensitive},
            new,
            before,
            now,
        ),
        config=job.settings("seed", "minimum_group_size"),
    )
    told = Evaluation(
        (),
        summary={"reference": _named(reference)},
        warnings=tuple(warnings),
        versions={} if now is None else now.facts.versions,
    )
    if now is None or now.facts.task != "binary":
        return together(found, told)
    without_labels = estimation.estimate(now.scores, config=job.settings("threshold"))
    return together(found, without_labels, told)


def _named(reference: DatasetVersion) -> dict[str, str | int]:
    return {
        "dataset": reference.dataset.slug,
        "version": reference.version,
        "sha256": reference.sha256,
    }


def _target(
    job: Job, old: dict[str, Column], new: dict[str, Column]
) -> Compared | None:
    names = job.run.dataset_version.names(Role.TARGET)[:1]
    if not names or names[0] not in old:
        return None
    return _compared(old[names[0]], new[names[0]])


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
    if not job.runnable:
        warnings.append("No model file was run: scores are as the data declare them.")
        return job.predictions, None
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


def _declared(job: Job, reference: DatasetVersion) -> Compared | None:
    """The predictions that both data sets declare, of a model that cannot be run."""
    names = job.run.dataset_version.names(Role.PREDICTION)[:1]
    if job.runnable or not names or not holds(reference, names[0]):
        return None
    (before,) = columns_of(job, names, of=reference)
    (now,) = columns_of(job, names)
    return replace(_compared(before, now), name="score")


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


def _about(
    job: Job, reference: DatasetVersion
) -> tuple[dict[str, Column], dict[str, Column]]:
    """The target and the sensitive features that both data sets have, then and now."""
    names = (*job.run.dataset_version.names(Role.TARGET)[:1], *job.sensitive)
    shared = [name for name in names if holds(reference, name)]
    old = {one.name: one for one in columns_of(job, shared, of=reference)}
    return old, {one.name: one for one in columns_of(job, shared)}


def _groups(
    old: dict[str, Column],
    new: dict[str, Column],
    before: Predictions | None,
    now: Predictions | None,
) -> dict[str, Compared]:
    """The scores of each group of every sensitive feature, then and now."""
    found: dict[str, Compared] = {}
    if before is None or now is None or now.scores.ndim == 2:
        return found
    for name, column in old.items():
        then, here = as_categories(column), as_categories(new[name])
        labels = sorted({*then.labels, *here.labels})[:MOST_GROUPS]
        shown = short_names([f"{name}={label}" for label in labels], 150)
        for label, group in zip(labels, shown, strict=True):
            found[group] = _compared(
                Numbers("score", before.scores[_rows(then, label)]),
                Numbers("score", now.scores[_rows(here, label)]),
            )
    return found


def _rows(column: Categories, label: str) -> NDArray[np.bool_]:
    if label not in column.labels:
        return np.zeros(len(column.codes), bool)
    found: NDArray[np.bool_] = column.codes == column.labels.index(label)
    return found

"""From a run's files to the performance evaluators."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.answers import ModelFacts, Predictions, check_model, predict
from audits.datasets import DatasetProblem
from audits.evaluators import comparison, costs, performance, periods, segments
from audits.evaluators.base import Evaluation, UnusableEvidence, not_estimable, together
from audits.evaluators.columns import chosen
from audits.measuring.columns import column_of, columns_of, target_of
from audits.measuring.job import Job
from audits.sampling import choose_rows
from audits.sandbox import SandboxRefused
from registry.models import Artifact, ModelVersion
from registry.storage import ArtifactDamaged

Floats = NDArray[np.float64]
SEGMENT_ROWS = 1_000_000  # beyond, segments are searched in a sample by hash


def measure(job: Job) -> Evaluation:
    """Measure predictions against the truth: overall, where they are weakest, by
    period, what errors cost, and against the version before."""
    found = job.predictions
    task = found.facts.task
    target = target_of(
        job.table((job.target,)), job.target, facts=found.facts, positive=job.positive
    )
    overall = performance.evaluate(
        target=target,
        scores=found.scores,
        task=task,
        classes=found.facts.classes,
        config=job.settings("threshold", "seed", "bootstrap_rounds"),
    )
    engines = Evaluation((), summary={}, versions=found.facts.versions)
    return together(overall, *_more(job, target, found), engines)


def _more(job: Job, target: NDArray[Any], found: Predictions) -> Iterator[Evaluation]:
    task = found.facts.task
    loss = performance.row_loss(target, found.scores, task=task)
    yield _segments(job, target, found, loss)
    asked = job.settings("cost_false_positive", "cost_false_negative", "threshold")
    if task == "binary" and len(asked) > 1:
        yield costs.evaluate_costs(target=target, scores=found.scores, config=asked)
    time = job.run.config.get("time_column")
    if time:
        yield periods.evaluate_periods(
            time=column_of(job.table((time,)), time),
            target=target,
            scores=found.scores,
            loss=loss,
            task=task,
            config=job.settings("minimum_segment_rows"),
        )
    before = previous_version(job.run.version)
    if before is not None:
        yield _compared(job, before, target, found)


def _segments(
    job: Job, target: NDArray[Any], found: Predictions, loss: Floats
) -> Evaluation:
    names = tuple(dict.fromkeys((*job.features, *job.sensitive)))
    rows = None
    if len(loss) > SEGMENT_ROWS:
        rows = np.sort(choose_rows(len(loss), SEGMENT_ROWS, seed=0))
    columns = [chosen(column, rows) for column in columns_of(job, names)]
    wrong = performance.row_errors(
        target,
        found.scores,
        task=found.facts.task,
        threshold=float(job.run.config["threshold"]),
    )
    return segments.evaluate_segments(
        columns=columns,
        loss=loss if rows is None else loss[rows],
        wrong=wrong if rows is None or wrong is None else wrong[rows],
        config=job.settings("minimum_segment_rows", "seed"),
    )


def previous_version(version: ModelVersion) -> ModelVersion | None:
    """The version of the same model that was registered last before this one."""
    earlier = version.model.versions.filter(registered_at__lt=version.registered_at)
    return earlier.order_by("-registered_at", "version").first()


def _compared(
    job: Job, before: ModelVersion, target: NDArray[Any], found: Predictions
) -> Evaluation:
    """Run the version before on the same rows. That it cannot run ends nothing: the
    gain over it is then not estimable, with the reason."""
    part = before.version_artifacts.select_related("artifact").filter(role="model")
    model = part.first()
    name = "roc_auc_gain" if found.facts.task == "binary" else "accuracy_gain"
    name = "mae_gain" if found.facts.task == "regression" else name
    try:
        if model is None:
            raise UnusableEvidence("it has no model file.")
        other = _predicted(job, model.artifact, before)
        _require_alike(found.facts, other.facts)
    except (
        SandboxRefused,
        UnusableEvidence,
        DatasetProblem,
        ArtifactDamaged,
    ) as trouble:
        why = f"Version {before.version} could not be compared: {trouble}"
        group = f"against={before.version}"
        return Evaluation(
            measurements=(not_estimable(name, group=group, why=why),),
            summary={"compared_with": before.version},
            warnings=(why,),
        )
    return comparison.compare(
        target=target,
        scores=found.scores,
        previous=other.scores,
        task=found.facts.task,
        against=before.version,
        config=job.settings("threshold"),
    )


def _predicted(job: Job, model: Artifact, version: ModelVersion) -> Predictions:
    """The other version's scores of the same rows, from its own features if named."""
    source = replace(job.source_of(model), positive=version.positive_class)
    facts = check_model(source.model, format=source.format, limits=job.limits)
    known = {column["name"] for column in job.run.dataset_version.columns}
    if facts.feature_names and set(facts.feature_names) <= known:
        source = replace(source, features=facts.feature_names)
    other = predict(
        source, rows=job.rows, limits=job.limits, on_progress=job.on_progress
    )
    job.saw(other.facts)
    return other


def _require_alike(now: ModelFacts, before: ModelFacts) -> None:
    if now.task != before.task or (
        now.task == "multiclass" and now.classes != before.classes
    ):
        raise UnusableEvidence("it has another task, or other classes.")

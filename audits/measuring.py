"""One measurement from end to end: files to the sandbox, answers to the evaluators."""

from dataclasses import asdict, dataclass
from typing import Any

from audits.answers import Explanation, Limits, Predictions, Source, explain, predict
from audits.column_roles import binary_target, groups, numeric_target
from audits.datasets import Table, read
from audits.evaluators import explainability, fairness, performance
from audits.evaluators.base import Evaluation, UnusableEvidence
from audits.models import EvidenceRun
from audits.sandbox import OnProgress
from registry.models import Artifact, Column
from registry.storage import local_copy


@dataclass(frozen=True)
class Measured:
    """What a measurement found, from which bytes, and how confined the model was."""

    evaluation: Evaluation
    artifact_sha256: str
    sandbox: str

    def as_json(self, run: EvidenceRun) -> dict[str, Any]:
        """The report's document: inputs by digest, settings, engines, all numbers."""
        return {
            "kind": run.kind,
            "inputs": {
                "model": run.version.model.slug,
                "version": run.version.version,
                "version_sha256": run.version.sha256,
                "artifact_sha256": self.artifact_sha256,
                "dataset": run.dataset_version.dataset.slug,
                "dataset_version": run.dataset_version.version,
                "dataset_sha256": run.dataset_version.sha256,
            },
            "config": run.config,
            "engines": dict(self.evaluation.versions),
            "sandbox": self.sandbox,
            "measurements": [asdict(m) for m in self.evaluation.measurements],
            "summary": dict(self.evaluation.summary),
            "warnings": list(self.evaluation.warnings),
        }


def measure(
    run: EvidenceRun, *, limits: Limits, on_progress: OnProgress | None = None
) -> Measured:
    """Answer the run's question. The model only ever runs in the sandbox.

    Raises `SandboxRefused`, `UnusableEvidence`, `DatasetProblem`, `ArtifactDamaged`:
    each with a sentence for the person who asked.
    """
    model, data = _files(run)
    features = run.dataset_version.names(Column.FEATURE)
    with local_copy(model) as model_path, local_copy(data) as data_path:
        table = read(
            data_path,
            media_type=data.media_type,
            columns=_columns(run, features),
            timeout_seconds=limits.timeout_seconds,
            memory_bytes=limits.memory_bytes,
        )
        source = Source(
            model=model_path,
            format=model.format,
            data=data_path,
            media_type=data.media_type,
            features=tuple(features),
            positive=str(run.config["positive"]),
        )
        if run.kind == EvidenceRun.Kind.EXPLAINABILITY:
            explanation = _explain(run, source, table, limits, on_progress)
            evaluation = explainability.evaluate(explanation=explanation, table=table)
            level = explanation.facts.level
        else:
            predictions = predict(
                source, rows=table.rows, limits=limits, on_progress=on_progress
            )
            evaluation = _evaluate(run, table, predictions)
            level = predictions.facts.level
    return Measured(evaluation, model.sha256, level)


def _files(run: EvidenceRun) -> tuple[Artifact, Artifact]:
    part = run.version.version_artifacts.select_related("artifact").get(role="model")
    data = run.dataset_version.artifact
    if data is None:
        raise UnusableEvidence("Only an address of this data set is known.")
    return part.artifact, data


def _columns(run: EvidenceRun, features: list[str]) -> list[str]:
    data = run.dataset_version
    if run.kind == EvidenceRun.Kind.EXPLAINABILITY:
        return features
    wanted = data.names(Column.TARGET)
    if run.kind == EvidenceRun.Kind.FAIRNESS:
        wanted += data.names(Column.SENSITIVE)
    return wanted


def _explain(
    run: EvidenceRun,
    source: Source,
    table: Table,
    limits: Limits,
    on_progress: OnProgress | None,
) -> Explanation:
    """Explain two samples, to see how much the ranking depends on chance."""
    samples = explainability.samples_of(
        table.rows, _settings(run, "rows", "background_rows", "seed")
    )
    return explain(source, samples=samples, limits=limits, on_progress=on_progress)


def _evaluate(run: EvidenceRun, table: Table, predictions: Predictions) -> Evaluation:
    target_name = run.dataset_version.names(Column.TARGET)[0]
    task = predictions.facts.task
    if run.kind == EvidenceRun.Kind.PERFORMANCE and task == "regression":
        return performance.evaluate(
            target=numeric_target(table, target_name),
            scores=predictions.scores,
            task=task,
            config=_settings(run, "seed"),
        )
    if task != "binary":
        raise UnusableEvidence("Fairness is measured for binary classification so far.")
    target = binary_target(table, target_name, positive=str(run.config["positive"]))
    if run.kind == EvidenceRun.Kind.PERFORMANCE:
        return performance.evaluate(
            target=target,
            scores=predictions.scores,
            config=_settings(run, "threshold", "seed"),
        )
    return fairness.evaluate(
        target=target,
        scores=predictions.scores,
        sensitive={
            name: groups(table, name)
            for name in run.dataset_version.names(Column.SENSITIVE)
        },
        config=_settings(run, "threshold", "favourable", "minimum_group_size"),
    )


def _settings(run: EvidenceRun, *names: str) -> dict[str, Any]:
    return {name: run.config[name] for name in names if name in run.config}

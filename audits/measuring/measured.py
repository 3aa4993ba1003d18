"""The run's question, brought to the module of its kind; the report's document."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from audits.answers import Limits
from audits.evaluators.base import Evaluation
from audits.measuring import explainability, fairness, performance
from audits.measuring.job import Job, opened
from audits.models import EvidenceRun
from audits.sandbox import OnProgress

Kind = EvidenceRun.Kind
_BY_KIND: dict[str, Callable[[Job], Evaluation]] = {
    Kind.PERFORMANCE: performance.measure,
    Kind.FAIRNESS: fairness.measure,
    Kind.EXPLAINABILITY: explainability.measure,
}


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
    with opened(run, limits=limits, on_progress=on_progress) as job:
        evaluation = _BY_KIND[run.kind](job)
        return Measured(evaluation, job.artifact.sha256, job.level)

"""The run's question, brought to the module of its kind."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from audits.answers import Limits
from audits.evaluators.base import Evaluation
from audits.measuring import (
    data_quality,
    drift,
    explainability,
    fairness,
    performance,
    robustness,
)
from audits.measuring.job import RECOMPUTED, Job, opened
from audits.models import EvidenceRun
from audits.sandbox import OnProgress

Kind = EvidenceRun.Kind
_BY_KIND: dict[str, Callable[[Job], Evaluation]] = {
    Kind.PERFORMANCE: performance.measure,
    Kind.FAIRNESS: fairness.measure,
    Kind.EXPLAINABILITY: explainability.measure,
    Kind.ROBUSTNESS: robustness.measure,
    Kind.DRIFT: drift.measure,
    Kind.DATA_QUALITY: data_quality.measure,
}


@dataclass(frozen=True)
class Measured:
    """What a measurement found, from which bytes, and how confined the model was.

    `basis` says whose predictions were measured: ours, or only declared ones.
    """

    evaluation: Evaluation
    artifact_sha256: str
    sandbox: str
    basis: str = RECOMPUTED
    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0


def measure(
    run: EvidenceRun, *, limits: Limits, on_progress: OnProgress | None = None
) -> Measured:
    """Answer the run's question. The model only ever runs in the sandbox.

    Raises `SandboxRefused`, `UnusableEvidence`, `DatasetProblem`, `ArtifactDamaged`:
    each with a sentence for the person who asked.
    """
    with opened(run, limits=limits, on_progress=on_progress) as job:
        found = _BY_KIND[run.kind](job)
        job.require_parity()
        return Measured(
            evaluation=replace(
                found,
                measurements=(*found.measurements, *job.parity),
                warnings=(*found.warnings, *job.warnings),
            ),
            artifact_sha256=job.artifact.sha256,
            sandbox=job.level,
            basis=job.basis,
            cpu_seconds=job.cpu_seconds,
            peak_memory_bytes=job.peak_memory_bytes,
        )

"""From a run's files to the explainability evaluator."""

from audits.evaluators import explainability
from audits.evaluators.base import Evaluation
from audits.explanations import explain
from audits.measuring.job import Job


def measure(job: Job) -> Evaluation:
    """Explain two samples, to see how much the ranking depends on chance."""
    table = job.table(job.features)
    samples = explainability.samples_of(
        table.rows, job.settings("rows", "background_rows", "seed")
    )
    found = explain(
        job.source, samples=samples, limits=job.limits, on_progress=job.on_progress
    )
    job.saw(found.facts)
    return explainability.evaluate(explanation=found, table=table)

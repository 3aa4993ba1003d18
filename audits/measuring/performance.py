"""From a run's files to the performance evaluator."""

from audits.column_roles import binary_target, numeric_target
from audits.evaluators import performance
from audits.evaluators.base import Evaluation
from audits.measuring.job import Job


def measure(job: Job) -> Evaluation:
    """Measure predictions against the truth."""
    predictions = job.predictions
    table = job.table((job.target,))
    if predictions.facts.task == "regression":
        return performance.evaluate(
            target=numeric_target(table, job.target),
            scores=predictions.scores,
            task="regression",
            config=job.settings("seed"),
        )
    return performance.evaluate(
        target=binary_target(table, job.target, positive=job.positive),
        scores=predictions.scores,
        config=job.settings("threshold", "seed"),
    )

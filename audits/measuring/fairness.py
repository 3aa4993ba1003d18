"""From a run's files to the fairness evaluator."""

from audits.column_roles import binary_target, groups
from audits.evaluators import fairness
from audits.evaluators.base import Evaluation, UnusableEvidence
from audits.measuring.job import Job


def measure(job: Job) -> Evaluation:
    """Compare the groups of every sensitive feature, and of all together."""
    predictions = job.predictions
    if predictions.facts.task != "binary":
        raise UnusableEvidence("Fairness is measured for binary classification so far.")
    table = job.table((job.target, *job.sensitive))
    return fairness.evaluate(
        target=binary_target(table, job.target, positive=job.positive),
        scores=predictions.scores,
        sensitive={name: groups(table, name) for name in job.sensitive},
        config=job.settings("threshold", "favourable", "minimum_group_size"),
    )

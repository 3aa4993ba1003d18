"""From a run's files to the fairness evaluator."""

from audits.column_roles import groups
from audits.datasets import Table
from audits.evaluators import fairness
from audits.evaluators.base import Evaluation
from audits.evaluators.fairness.cells import Coded, placed
from audits.measuring.columns import target_of
from audits.measuring.job import Job
from registry.models import Column

SETTINGS = (
    "threshold",
    "favourable",
    "minimum_group_size",
    "small_groups",
    "bootstrap_rounds",
    "seed",
    "cross_check",
    "control",
)


def measure(job: Job) -> Evaluation:
    """Compare the groups of every sensitive feature, and of all together.

    Without a target among the columns only predictions are compared.
    """
    predictions = job.predictions
    truth = job.run.dataset_version.names(Column.TARGET)[:1]
    table = job.table((*truth, *job.sensitive))
    target = None
    if truth:
        target = target_of(
            table, truth[0], facts=predictions.facts, positive=job.positive
        )
    return fairness.evaluate(
        target=target,
        scores=predictions.scores,
        sensitive={name: _groups(table, name) for name in job.sensitive},
        task=predictions.facts.task,
        classes=predictions.facts.classes,
        config=job.settings(*SETTINGS),
    )


def _groups(table: Table, name: str) -> Coded:
    found = groups(table, name)
    return placed(name, found.codes, found.categories)

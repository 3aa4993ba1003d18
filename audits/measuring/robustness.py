"""From a run's files to the evaluators of robustness."""

from audits.evaluators import monotonicity, robustness
from audits.evaluators.base import Evaluation, UnusableEvidence, together
from audits.measuring.columns import target_of
from audits.measuring.job import Job
from audits.responses import respond
from audits.sampling import choose_rows
from registry.models import Column as Role

SPREAD = 20_000  # rows that say what is usual of a column
MOST_SCORES = 2_000_000  # rows x features: fewer rows when features are many


def measure(job: Job) -> Evaluation:
    """Change the features of some rows and see what becomes of the scores."""
    seed = int(job.run.config.get("seed", 0))
    rows = choose_rows(job.rows, SPREAD, seed=seed)
    wanted = int(job.run.config.get("response_rows", 500))
    asked = max(1, min(wanted, MOST_SCORES // max(1, len(job.features))))
    monotonic = _monotonic(job)
    found, facts = respond(
        job.source,
        rows=rows,
        asked=asked,
        noise=float(job.run.config.get("noise", 0.1)),
        seed=seed,
        monotonic=monotonic,
        limits=job.limits,
        on_progress=job.on_progress,
    )
    job.saw(facts)
    names = job.run.dataset_version.names(Role.TARGET)
    target = None
    if names and facts.task == "binary":
        table = job.table(names[:1])
        target = target_of(table, names[0], facts=facts, positive=job.positive)
        target = target[found.rows]
    return together(
        robustness.evaluate(
            found, task=facts.task, target=target, config=job.settings("threshold")
        ),
        monotonicity.evaluate(found.curves),
        Evaluation((), summary={}, versions=facts.versions),
    )


def _monotonic(job: Job) -> dict[str, int]:
    """The directions demanded. Raises UnusableEvidence for a feature not declared."""
    found: dict[str, int] = dict(job.run.config.get("monotonic") or {})
    unknown = sorted(set(found) - set(job.features))
    if unknown:
        raise UnusableEvidence(
            f"The setting monotonic names {unknown[0][:200]!r}, which is no feature."
        )
    return found

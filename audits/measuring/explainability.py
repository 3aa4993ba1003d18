"""From a run's files to the explainability evaluator."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from audits.datasets import Coded, Table, Texts
from audits.evaluators import explainability
from audits.evaluators.base import Evaluation, UnusableEvidence
from audits.evaluators.explainability import Around, Rows, at_places
from audits.evaluators.explained_cases import Labels, Outcome
from audits.explanations import Explanation, Wish, explain
from audits.measuring.job import Job
from registry.models import Column, DatasetVersion

SETTINGS = ("rows", "background_rows", "repetitions", "seed")
INTERVENTIONAL = "interventional"
# Cells of a table that are read at once: more, and columns come one by one.
MOST_CELLS = 20_000_000


def measure(job: Job) -> Evaluation:
    """Explain samples of the data, to see how much the ranking depends on chance.

    The background is the version's registered one, else a sample of the run's data.
    """
    config = job.settings(*SETTINGS)
    other = job.dataset("background")
    behind = other if other and _wants_background(job) else None
    count = behind.row_count or job.table((), of=behind).rows if behind else None
    wish = Wish(
        samples=explainability.samples_of(job.rows, config, background=count),
        interventional=_wants_background(job),
        behind=job.source_of(job.artifact, on=behind) if behind else None,
        whole=explainability.whole_of(job.rows, config),
    )
    found = explain(
        job.source, wish=wish, limits=job.limits, on_progress=job.on_progress
    )
    job.saw(found.facts)
    found, around = _around(job, found, behind)
    return explainability.evaluate(explanation=found, table=around.table, around=around)


def _wants_background(job: Job) -> bool:
    return bool(job.run.config.get("background") == INTERVENTIONAL)


def _around(
    job: Job, found: Explanation, behind: DatasetVersion | None
) -> tuple[Explanation, Around]:
    """Read the values of the chosen rows only: the data may be large."""
    rows = _chosen(found, background=behind is None)
    backgrounds = np.unique(np.concatenate([s.background for s in found.samples]))
    table = _values(job, rows, None)
    around = Around(
        table=table,
        behind=_values(job, backgrounds, behind) if behind else None,
        outcome=_outcome(job),
        interventional=_wants_background(job),
        rows_in_data=job.rows,
        numbers=rows,
    )
    places = backgrounds if behind else rows
    samples = tuple(at_places(sample, rows, places) for sample in found.samples)
    return replace(found, samples=samples), around


def _chosen(found: Explanation, *, background: bool) -> Rows:
    parts = [sample.rows for sample in found.samples]
    if background:
        parts += [sample.background for sample in found.samples]
    return np.unique(np.concatenate(parts))


def _values(job: Job, rows: Rows, of: DatasetVersion | None) -> Table:
    """The features of some rows, read in passes that fit into memory."""
    together = max(1, MOST_CELLS // max(job.rows, 1))
    numbers, texts = {}, {}
    table = None
    for start in range(0, len(job.features), together):
        names: Sequence[str] = job.features[start : start + together]
        table = job.table(names, of=of)
        for name in names:
            if name in table.texts:
                coded = table.texts.coded(name)
                texts[name] = Coded(coded.codes[rows], coded.categories)
            else:
                numbers[name] = table.number(name)[rows]
    if table is None:
        raise UnusableEvidence("No column of this data set is a feature.")
    return replace(table, rows=len(rows), numbers=numbers, texts=Texts(texts))


def _outcome(job: Job) -> Outcome:
    config = job.run.config
    return Outcome(
        threshold=float(config.get("threshold", 0.5)),
        favourable=int(config.get("favourable", 1)),
        most_reasons=int(config.get("reasons", 4)),
        labels=_labels(job.run.dataset_version),
        sensitive=_sensitive(job.run.dataset_version),
    )


def _sensitive(data: DatasetVersion) -> tuple[str, ...]:
    """The features that were declared to be protected by law, too."""
    return tuple(
        str(column["name"])
        for column in data.columns
        if column.get("role") == Column.FEATURE and column.get("sensitive")
    )


def _labels(data: DatasetVersion) -> Labels:
    """The names for people that the data set's columns were declared with."""
    return {
        str(column["name"]): {
            language: str(column[f"label_{language}"])
            for language in ("en", "de")
            if column.get(f"label_{language}")
        }
        for column in data.columns
        if column.get("role") == Column.FEATURE
    }

"""What a sandboxed model answers, checked before anybody believes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits import datasets, sandbox

Floats = NDArray[np.float64]
MAX_NAME = 200
MAX_CLASSES = 1_000
SUM_TOLERANCE = 1e-3  # float32 probabilities of many classes
PART_ROWS = 50_000  # as audits.sandboxed.tables.BATCH_ROWS, which needs pandas
CLASSES = {"binary": (2, 2), "multiclass": (3, MAX_CLASSES), "regression": (0, 0)}


@dataclass(frozen=True)
class Limits:
    """What a child may use."""

    timeout_seconds: float = sandbox.DEFAULT_TIMEOUT_SECONDS
    memory_bytes: int = sandbox.DEFAULT_MEMORY_BYTES
    threads: int = sandbox.DEFAULT_THREADS


@dataclass(frozen=True)
class Source:
    """A model, the data it is asked about, and how to read both."""

    model: Path
    format: str
    data: Path
    media_type: str
    features: tuple[str, ...]
    positive: str = "1"


@dataclass(frozen=True)
class ModelFacts:
    """What a model file says about itself."""

    task: str  # binary, multiclass or regression
    library: str
    versions: Mapping[str, str]
    classes: tuple[str, ...]
    feature_names: tuple[str, ...]
    level: str
    seconds: float
    cpu_seconds: float
    peak_memory_bytes: int


@dataclass(frozen=True)
class Predictions:
    """Finite scores, one row for each row of the data (or of a part of it).

    (n,) probabilities of the positive class for the task "binary", (n,) values for
    "regression", (n, k) probabilities in the order of `facts.classes` for "multiclass".
    """

    scores: Floats
    facts: ModelFacts


def check_model(path: Path, *, format: str, limits: Limits) -> ModelFacts:
    """Load a model in the sandbox and answer its facts. Raises SandboxRefused."""
    result = ask("check", files={"model": path}, options={"format": format}, to=limits)
    return facts_of(result)


def predict(
    source: Source,
    *,
    rows: int,
    first: int = 0,
    limits: Limits,
    on_progress: sandbox.OnProgress | None = None,
) -> Predictions:
    """Score `rows` rows of the data, beginning with the row `first`.

    Scores are finite; those of a classifier lie within [0, 1], and those of several
    classes add up to 1 (within 0.001). Parts that begin at multiples of PART_ROWS
    give, joined, the same bytes as the whole. A model whose answers differ when it is
    asked twice is refused. Raises SandboxRefused, also for rows beyond the data.
    """
    result = ask(
        "predict",
        files={"model": source.model, "data": source.data},
        options={**options_of(source), "first": first, "end": first + rows},
        to=limits,
        on_progress=on_progress,
    )
    facts = facts_of(result)
    shape = (rows, len(facts.classes))
    several = facts.task == "multiclass"
    scores = finite_array(result, "scores", shape if several else shape[:1])
    if facts.task != "regression" and not ((scores >= 0) & (scores <= 1)).all():
        raise sandbox.SandboxRefused(
            "The model answered probabilities outside 0 and 1."
        )
    if several and (np.abs(scores.sum(axis=1) - 1) > SUM_TOLERANCE).any():
        raise sandbox.SandboxRefused(
            "The model answered probabilities of its classes that do not add up to 1."
        )
    return Predictions(scores=scores, facts=facts)


def joined(parts: Sequence[Predictions]) -> Predictions:
    """Join the predictions of parts, in their order; the largest memory is kept.

    Raises SandboxRefused when the parts do not speak of one model.
    """
    facts = [part.facts for part in parts]
    same = {(one.task, one.library, one.classes, one.feature_names) for one in facts}
    if len(same) != 1:
        raise broken()
    return Predictions(
        scores=np.concatenate([part.scores for part in parts]),
        facts=replace(
            facts[0],
            seconds=round(sum(one.seconds for one in facts), 3),
            cpu_seconds=round(sum(one.cpu_seconds for one in facts), 3),
            peak_memory_bytes=max(one.peak_memory_bytes for one in facts),
        ),
    )


def options_of(source: Source) -> dict[str, Any]:
    """The options of every verb that reads a model and data."""
    return {
        "format": source.format,
        "media_type": source.media_type,
        "features": list(source.features),
        "positive": source.positive,
        "max_rows": datasets.row_limit(source.media_type),
        "max_columns": datasets.MAX_COLUMNS,
    }


def ask(
    verb: str,
    *,
    files: Mapping[str, Path],
    options: Mapping[str, Any],
    to: Limits,
    on_progress: sandbox.OnProgress | None = None,
) -> sandbox.SandboxResult:
    """Do one verb in the sandbox within the limits. Raises SandboxRefused."""
    return sandbox.run(
        verb,
        files=files,
        options=options,
        timeout_seconds=to.timeout_seconds,
        memory_bytes=to.memory_bytes,
        threads=to.threads,
        on_progress=on_progress,
    )


def finite_array(
    result: sandbox.SandboxResult, name: str, shape: tuple[int, ...]
) -> Floats:
    """An array of that shape, all finite, as float64. Raises SandboxRefused."""
    array = result.arrays.get(name)
    if array is None or array.shape != shape:
        raise broken()
    values = np.asarray(array, dtype=np.float64)
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise sandbox.SandboxRefused(
            f"The model answered {bad} values that are not finite numbers."
        )
    return values


def facts_of(result: sandbox.SandboxResult) -> ModelFacts:
    """What the child says of the model. Raises SandboxRefused."""
    values = result.values
    try:
        facts = ModelFacts(
            task=str(values["task"]),
            library=str(values["library"])[:MAX_NAME],
            versions={
                str(name)[:MAX_NAME]: str(version)[:MAX_NAME]
                for name, version in values["versions"].items()
            },
            classes=tuple(map(str, values["classes"])),
            feature_names=tuple(map(str, values["feature_names"])),
            level=result.level,
            seconds=result.seconds,
            cpu_seconds=float(values["cpu_seconds"]),
            peak_memory_bytes=int(values["peak_memory_bytes"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as trouble:
        raise broken() from trouble
    fewest, most = CLASSES.get(facts.task, (1, 0))
    if not fewest <= len(facts.classes) <= most:
        raise broken()
    return facts


def broken() -> sandbox.SandboxRefused:
    """The refusal of an answer that does not have its form."""
    return sandbox.SandboxRefused("The model code broke the form of its answer.")

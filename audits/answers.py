"""What a sandboxed model answers, checked before anybody believes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits import datasets, sandbox

Floats = NDArray[np.float64]
MAX_NAME = 200


@dataclass(frozen=True)
class Limits:
    """What a child may use."""

    timeout_seconds: float = sandbox.DEFAULT_TIMEOUT_SECONDS
    memory_bytes: int = sandbox.DEFAULT_MEMORY_BYTES


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

    task: str  # binary or regression
    library: str
    versions: Mapping[str, str]
    classes: tuple[str, ...]
    feature_names: tuple[str, ...]
    level: str
    seconds: float
    peak_memory_bytes: int


@dataclass(frozen=True)
class Predictions:
    """One finite score for each row: a probability, or a predicted value."""

    scores: Floats
    facts: ModelFacts


@dataclass(frozen=True)
class Sample:
    """SHAP values of some rows: `base + phi.sum(axis=1)` should be `output`."""

    rows: NDArray[np.int64]
    background: NDArray[np.int64]
    seed: int
    phi: Floats
    base: Floats
    output: Floats
    scores: Floats


@dataclass(frozen=True)
class Explanation:
    """Samples explained by one explainer in one scale."""

    samples: tuple[Sample, ...]
    features: tuple[str, ...]
    scale: str  # log-odds, probability or value
    explainer: str
    facts: ModelFacts


def check_model(path: Path, *, format: str, limits: Limits) -> ModelFacts:
    """Load a model in the sandbox and answer its facts. Raises SandboxRefused."""
    result = _ask("check", files={"model": path}, options={"format": format}, to=limits)
    return _facts(result)


def predict(
    source: Source,
    *,
    rows: int,
    limits: Limits,
    on_progress: sandbox.OnProgress | None = None,
) -> Predictions:
    """Score every row. Raises SandboxRefused, also for an answer that cannot be.

    `rows` is what the data hold: a score for each, finite, and within [0, 1] when the
    model classifies.
    """
    result = _ask(
        "predict",
        files={"model": source.model, "data": source.data},
        options=_options(source),
        to=limits,
        on_progress=on_progress,
    )
    facts = _facts(result)
    scores = _array(result, "scores", (rows,))
    if facts.task == "binary" and not ((scores >= 0) & (scores <= 1)).all():
        raise sandbox.SandboxRefused(
            "The model answered probabilities outside 0 and 1."
        )
    return Predictions(scores=scores, facts=facts)


def explain(
    source: Source,
    *,
    samples: Sequence[tuple[NDArray[np.int64], NDArray[np.int64], int]],
    limits: Limits,
    on_progress: sandbox.OnProgress | None = None,
) -> Explanation:
    """Explain samples of (rows, background, seed). Raises SandboxRefused."""
    asked = [
        {"rows": rows.tolist(), "background": background.tolist(), "seed": seed}
        for rows, background, seed in samples
    ]
    result = _ask(
        "explain",
        files={"model": source.model, "data": source.data},
        options={**_options(source), "samples": asked},
        to=limits,
        on_progress=on_progress,
    )
    try:
        used = int(result.values["background_rows"])
        scale = str(result.values["scale"])
        explainer = str(result.values["explainer"])[:MAX_NAME]
    except (KeyError, TypeError, ValueError) as trouble:
        raise _broken() from trouble
    if scale not in ("log-odds", "probability", "value"):
        raise _broken()
    return Explanation(
        samples=tuple(
            _sample(result, number, sample, used=used, width=len(source.features))
            for number, sample in enumerate(samples)
        ),
        features=source.features,
        scale=scale,
        explainer=explainer,
        facts=_facts(result),
    )


def _sample(
    result: sandbox.SandboxResult,
    number: int,
    asked: tuple[NDArray[np.int64], NDArray[np.int64], int],
    *,
    used: int,
    width: int,
) -> Sample:
    rows, background, seed = asked
    count = len(result.arrays.get(f"phi_{number}", ()))
    if not 0 < count <= len(rows):
        raise _broken()
    return Sample(
        rows=rows[:count],
        background=background[:used],
        seed=seed,
        phi=_array(result, f"phi_{number}", (count, width)),
        base=_array(result, f"base_{number}", (count,)),
        output=_array(result, f"output_{number}", (count,)),
        scores=_array(result, f"score_{number}", (count,)),
    )


def _options(source: Source) -> dict[str, Any]:
    return {
        "format": source.format,
        "media_type": source.media_type,
        "features": list(source.features),
        "positive": source.positive,
        "max_rows": datasets.MAX_ROWS,
        "max_columns": datasets.MAX_COLUMNS,
    }


def _ask(
    verb: str,
    *,
    files: Mapping[str, Path],
    options: Mapping[str, Any],
    to: Limits,
    on_progress: sandbox.OnProgress | None = None,
) -> sandbox.SandboxResult:
    return sandbox.run(
        verb,
        files=files,
        options=options,
        timeout_seconds=to.timeout_seconds,
        memory_bytes=to.memory_bytes,
        on_progress=on_progress,
    )


def _array(result: sandbox.SandboxResult, name: str, shape: tuple[int, ...]) -> Floats:
    array = result.arrays.get(name)
    if array is None or array.shape != shape:
        raise _broken()
    values = np.asarray(array, dtype=np.float64)
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise sandbox.SandboxRefused(
            f"The model answered {bad} values that are not finite numbers."
        )
    return values


def _facts(result: sandbox.SandboxResult) -> ModelFacts:
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
            peak_memory_bytes=int(values["peak_memory_bytes"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as trouble:
        raise _broken() from trouble
    if facts.task not in ("binary", "regression"):
        raise _broken()
    return facts


def _broken() -> sandbox.SandboxRefused:
    return sandbox.SandboxRefused("The model code broke the form of its answer.")

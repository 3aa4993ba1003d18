"""What a sandboxed model's explanation is, checked before anybody believes it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits import answers, sandbox


@dataclass(frozen=True)
class Sample:
    """SHAP values of some rows: `base + phi.sum(axis=1)` should be `output`."""

    rows: NDArray[np.int64]
    background: NDArray[np.int64]
    seed: int
    phi: answers.Floats
    base: answers.Floats
    output: answers.Floats
    scores: answers.Floats


@dataclass(frozen=True)
class Explanation:
    """Samples explained by one explainer in one scale."""

    samples: tuple[Sample, ...]
    features: tuple[str, ...]
    scale: str  # log-odds, probability or value
    explainer: str
    facts: answers.ModelFacts


def explain(
    source: answers.Source,
    *,
    samples: Sequence[tuple[NDArray[np.int64], NDArray[np.int64], int]],
    limits: answers.Limits,
    on_progress: sandbox.OnProgress | None = None,
) -> Explanation:
    """Explain samples of (rows, background, seed). Raises SandboxRefused."""
    asked = [
        {"rows": rows.tolist(), "background": background.tolist(), "seed": seed}
        for rows, background, seed in samples
    ]
    result = answers.ask(
        "explain",
        files={"model": source.model, "data": source.data},
        options={**answers.options_of(source), "samples": asked},
        to=limits,
        on_progress=on_progress,
    )
    try:
        used = int(result.values["background_rows"])
        scale = str(result.values["scale"])
        explainer = str(result.values["explainer"])[: answers.MAX_NAME]
    except (KeyError, TypeError, ValueError) as trouble:
        raise answers.broken() from trouble
    if scale not in ("log-odds", "probability", "value"):
        raise answers.broken()
    return Explanation(
        samples=tuple(
            _sample(result, number, sample, used=used, width=len(source.features))
            for number, sample in enumerate(samples)
        ),
        features=source.features,
        scale=scale,
        explainer=explainer,
        facts=answers.facts_of(result),
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
        raise answers.broken()
    return Sample(
        rows=rows[:count],
        background=background[:used],
        seed=seed,
        phi=answers.finite_array(result, f"phi_{number}", (count, width)),
        base=answers.finite_array(result, f"base_{number}", (count,)),
        output=answers.finite_array(result, f"output_{number}", (count,)),
        scores=answers.finite_array(result, f"score_{number}", (count,)),
    )

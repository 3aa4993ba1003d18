"""Explainability: which features drive the model, and how far to trust that."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from audits.datasets import Table
from audits.evaluators.base import (
    Evaluation,
    Measurement,
    UnusableEvidence,
    known_settings,
    not_estimable,
    setting,
    versions_of,
)
from audits.evaluators.beeswarm import points
from audits.evaluators.intervals import mean_interval
from audits.explanations import Explanation, Sample
from audits.sampling import choose_rows
from registry.digests import canonical_json, sha256_hex

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
ADDITIVITY_LIMIT = 1e-4  # of the range of the output (evidence.md 3.4)
SCORE_LIMIT = 1e-4
FEWEST_ROWS = 20


def samples_of(
    rows: int, config: Mapping[str, Any] | None = None
) -> list[tuple[Rows, Rows, int]]:
    """Choose what to explain: two samples of (rows, background, seed).

    The second sample exists to see how much the first one's answer depends on chance;
    the two have no row in common, so that each is at most half of the data.
    Settings: `rows` (default 300), `background_rows` (default 100), `seed`.
    Raises UnusableEvidence.
    """
    config = config or {}
    known_settings(config)
    wanted = int(setting(config, "rows", 300, low=FEWEST_ROWS, high=100_000))
    background = int(setting(config, "background_rows", 100, low=10, high=10_000))
    seed = int(setting(config, "seed", 0, low=0, high=2**31))
    if rows < 2 * FEWEST_ROWS:
        raise UnusableEvidence(
            f"The data have {rows} rows; at least {2 * FEWEST_ROWS} are needed to "
            "explain."
        )
    wanted, background = min(wanted, rows // 2), min(background, rows // 2)
    chosen = choose_rows(rows, 2 * wanted, seed=2 * seed)
    behind = choose_rows(rows, 2 * background, seed=2 * seed + 1)
    return [
        (chosen[:wanted], behind[:background], seed),
        (chosen[wanted:], behind[background:], seed + 1),
    ]


def evaluate(*, explanation: Explanation, table: Table) -> Evaluation:
    """Check the SHAP values and rank the features by mean |SHAP|.

    `table` holds the features, for the colours of the beeswarm and the digest of the
    background. Raises UnusableEvidence when the values do not add up to the output of
    the model, or the output is not the model's score.
    """
    error = max(_additivity(sample) for sample in explanation.samples)
    if error > ADDITIVITY_LIMIT:
        raise UnusableEvidence(
            f"The SHAP values do not add up: base value and contributions miss the "
            f"model's output by {error:.2g} of its range (limit {ADDITIVITY_LIMIT:g})."
        )
    for sample in explanation.samples:
        _check_scores(sample, scale=explanation.scale)
    first = explanation.samples[0]
    importances = [np.abs(sample.phi).mean(axis=0) for sample in explanation.samples]
    order = np.argsort(-importances[0], kind="stable")
    return Evaluation(
        measurements=(
            *_importances(explanation, first, order),
            Measurement(
                "additivity_error",
                error,
                n=sum(len(sample.rows) for sample in explanation.samples),
                method="largest |base + sum of SHAP - output| by the output's range",
            ),
            _stability(importances),
        ),
        summary=_summary(explanation, table, importances, order),
        versions={**explanation.facts.versions, **versions_of("numpy", "scipy")},
    )


def _additivity(sample: Sample) -> float:
    misses = np.abs(sample.base + sample.phi.sum(axis=1) - sample.output)
    scale = max(float(np.ptp(sample.output)), 1e-3)
    return float(misses.max()) / scale


def _check_scores(sample: Sample, *, scale: str) -> None:
    said = sample.output
    if scale == "log-odds":
        said = 1 / (1 + np.exp(-np.clip(said, -700, 700)))
    # A predicted value has no natural size; a probability has.
    size = 1.0
    if scale == "value":
        size = max(float(np.abs(sample.scores).max()), 1e-3)
    miss = float(np.abs(said - sample.scores).max()) / size
    if miss > SCORE_LIMIT:
        raise UnusableEvidence(
            "The explanation is about another output than the predictions: they differ "
            f"by {miss:.2g} (limit {SCORE_LIMIT:g})."
        )


def _importances(
    explanation: Explanation, sample: Sample, order: NDArray[np.intp]
) -> list[Measurement]:
    found = []
    for index in order:
        sizes = np.abs(sample.phi[:, index])
        deviation = float(sizes.std(ddof=1)) if len(sizes) > 1 else 0.0
        lower, upper = mean_interval(float(sizes.mean()), deviation, len(sizes))
        found.append(
            Measurement(
                "mean_abs_shap",
                float(sizes.mean()),
                max(0.0, lower),
                upper,
                n=len(sizes),
                group=explanation.features[index],
                method=f"{explanation.explainer}; normal interval over rows",
                unit=explanation.scale,
            )
        )
    return found


def _stability(importances: list[Floats]) -> Measurement:
    """Rank correlation of the features' importance between the two samples."""
    name = "importance_stability"
    one, other = importances[:2]
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        why = "not estimable: all features are equally important"
        return not_estimable(name, n=len(one), why=why)
    return Measurement(
        name,
        float(spearmanr(one, other).statistic),
        n=len(one),
        method="Spearman correlation of mean |SHAP| between two samples of rows and "
        "background",
    )


def _summary(
    explanation: Explanation,
    table: Table,
    importances: list[Floats],
    order: NDArray[np.intp],
) -> dict[str, Any]:
    first = explanation.samples[0]
    return {
        "explainer": explanation.explainer,
        "scale": explanation.scale,
        "rows": len(first.rows),
        "rows_in_data": table.rows,
        "seeds": [sample.seed for sample in explanation.samples],
        "background_rows": len(first.background),
        "background_sha256": _digest(first.background, explanation, table),
        "base_value": float(first.base.mean()),
        "features": [
            {
                "feature": explanation.features[index],
                "rank": rank,
                "mean_abs_shap": float(importances[0][index]),
                "mean_shap": float(first.phi[:, index].mean()),
                "mean_abs_shap_second_sample": float(importances[1][index]),
            }
            for rank, index in enumerate(order, start=1)
        ],
        "beeswarm": points(first, explanation.features, table),
    }


def _digest(background: Rows, explanation: Explanation, table: Table) -> str:
    """SHA-256 of the background's values as canonical JSON; empty without one."""
    if not len(background):
        return ""
    columns = {
        name: table.words(name, background).tolist() for name in explanation.features
    }
    return sha256_hex(canonical_json(columns))

"""Score parity: whether declared predictions are those that the model makes."""

import numpy as np
from numpy.typing import NDArray

from audits.evaluators.base import Measurement, UnusableEvidence

Floats = NDArray[np.float64]
# Wide enough for single precision, far below the 0.06 by which a converted model was
# seen to differ from its original (evidence.md 4.1).
TOLERANCE = 1e-4
NAME = "score_parity_difference"


def compare_scores(
    declared: Floats, scores: Floats, *, scale: float | Floats
) -> Measurement:
    """Compare declared scores with recomputed ones.

    `scale` is the size that a difference is measured by, 1 for probabilities. Raises
    UnusableEvidence when a difference exceeds 1e-4 of it.
    """
    differences = np.abs(declared - scores) / scale
    worst = float(differences.max(initial=0.0))
    if worst > TOLERANCE:
        many = int((differences > TOLERANCE).sum())
        raise UnusableEvidence(
            f"The declared predictions are not this model's: they differ in {many} of "
            f"{len(scores)} rows, by up to {worst:.2g} (limit {TOLERANCE:g}). Submit "
            "the model file that made them, or predictions that it made."
        )
    return _found(worst, len(scores), "largest difference from the declared scores")


def compare_labels(declared: NDArray[np.bool_], ours: NDArray[np.bool_]) -> Measurement:
    """Compare declared decisions with those of the recomputed scores.

    Raises UnusableEvidence when one of them differs.
    """
    many = int((declared != ours).sum())
    if many:
        raise UnusableEvidence(
            f"The declared predictions are not this model's: {many} of {len(ours)} "
            "decisions differ at the registered threshold. Submit the model file that "
            "made them, or predictions that it made."
        )
    return _found(0.0, len(ours), "share of decisions that differ from the declared")


def _found(value: float, rows: int, method: str) -> Measurement:
    return Measurement(NAME, value, n=rows, method=method)

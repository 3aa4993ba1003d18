"""What must hold before anybody believes SHAP values."""

import numpy as np

from audits.evaluators.base import Measurement, UnusableEvidence, not_estimable
from audits.explanations import Explanation, Sample

ADDITIVITY_LIMIT = 1e-4  # of the range of the output (evidence.md 3.4)
AGREEMENT_LIMIT = 1e-4  # of the range of the output
SCORE_LIMIT = 1e-4
SMALLEST_RANGE = 1e-3


def additivity(explanation: Explanation) -> Measurement:
    """Base value and contributions make the output, on every row.

    Raises UnusableEvidence beyond 1e-4 of the output's range.
    """
    error = max(_miss(sample) for sample in explanation.samples)
    error = max(error, explanation.whole_miss)
    if not error <= ADDITIVITY_LIMIT:
        raise UnusableEvidence(
            f"The SHAP values do not add up: base value and contributions miss the "
            f"model's output by {error:.2g} of its range (limit {ADDITIVITY_LIMIT:g})."
        )
    rows = sum(len(sample.rows) for sample in explanation.samples)
    whole = explanation.whole
    return Measurement(
        "additivity_error",
        error,
        n=max(rows, whole.n if whole else 0),
        method="largest |base + sum of SHAP - output| by the output's range",
    )


def _range(sample: Sample) -> float:
    return max(float(np.ptp(sample.output)), SMALLEST_RANGE)


def _miss(sample: Sample) -> float:
    misses = np.abs(sample.base + sample.phi.sum(axis=1) - sample.output)
    return float(misses.max()) / _range(sample)


def scores_agree(explanation: Explanation) -> None:
    """The explained output is the model's own score. Raises UnusableEvidence."""
    for sample in explanation.samples:
        said = _score(sample, explanation)
        # A predicted value has no natural size; a probability has.
        size = 1.0
        if explanation.facts.task == "regression":
            size = max(float(np.abs(sample.scores).max()), 1e-3)
        miss = float(np.abs(said - sample.scores).max()) / size
        if not miss <= SCORE_LIMIT:
            raise UnusableEvidence(
                "The explanation is about another output than the predictions: they "
                f"differ by {miss:.2g} (limit {SCORE_LIMIT:g})."
            )


def _score(sample: Sample, explanation: Explanation) -> np.ndarray:
    said = np.clip(sample.output, -700, 700)
    if explanation.scale == "log":
        return np.exp(said)
    if explanation.scale != "log-odds":
        return sample.output
    if sample.margins is None:
        return 1 / (1 + np.exp(-said))
    powers = np.exp(sample.margins - sample.margins.max(axis=1, keepdims=True))
    whose = np.arange(len(said)), sample.classes
    return (powers / powers.sum(axis=1, keepdims=True))[whose]


def agreement(explanation: Explanation) -> Measurement:
    """A second engine finds the same values on the first rows.

    Raises UnusableEvidence when an exact explainer differs by more than 1e-4 of the
    output's range. Estimates by sampling say how far two of them are apart instead.
    """
    name = "explainer_agreement"
    if explanation.check is None:
        why = "not estimable: no second engine explains this model"
        return not_estimable(name, why=why)
    rows = len(explanation.check)
    if not explanation.exact:
        why = "not estimable: values estimated by sampling differ by chance"
        return not_estimable(name, n=rows, why=why)
    first = explanation.samples[0]
    error = float(np.abs(first.phi[:rows] - explanation.check).max()) / _range(first)
    if not error <= AGREEMENT_LIMIT:
        raise UnusableEvidence(
            f"Two explainers disagree: {explanation.explainer} and "
            f"{explanation.checked_by} differ by {error:.2g} of the output's range "
            f"(limit {AGREEMENT_LIMIT:g})."
        )
    return Measurement(
        name,
        error,
        n=rows,
        method=f"largest difference to {explanation.checked_by}, by the output's range",
    )


def sampling_error(explanation: Explanation) -> tuple[Measurement, ...]:
    """How far two estimates by sampling are apart; nothing for exact values.

    The difference of two independent estimates has twice the variance of one, hence the
    square root of 2.
    """
    if explanation.exact or explanation.check is None:
        return ()
    rows = len(explanation.check)
    one, other = explanation.samples[0].phi[:rows], explanation.check
    size = float(np.abs(one).mean())
    if size == 0:
        why = "not estimable: all values are zero"
        return (not_estimable("sampling_error", n=rows, why=why),)
    return (
        Measurement(
            "sampling_error",
            float(np.abs(one - other).mean()) / size / 2**0.5,
            n=rows,
            method="mean |difference| of two seeds by mean |SHAP| and the root of 2",
        ),
    )

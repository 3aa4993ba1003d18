"""Reason codes: why one adverse decision came out as it did, for the person concerned.

US Regulation B, 12 CFR 1002.9(b)(2): the reasons must be specific and the principal
ones. Its Official Interpretation (9(b)(2)-1 and -4): more than four are not likely to
help, and only factors actually scored may be named. CFPB Circular 2022-03: the same
holds however complex the model is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MOST_REASONS = 4
# Below this share of the case's largest contribution a number is rounding, no reason.
NEGLIGIBLE = 1e-6


@dataclass(frozen=True)
class Reason:
    """One factor that pushed towards the adverse outcome, by how much, in words."""

    feature: str
    value: str | None  # None: it was missing
    harm: float  # in the explained scale, always positive
    text_en: str
    text_de: str


def reasons(
    phi: Floats,
    *,
    features: Sequence[str],
    values: Sequence[str | None],
    favourable: int,
    at_most: int = MOST_REASONS,
    labels: Mapping[str, Mapping[str, str]] | None = None,
) -> tuple[Reason, ...]:
    """Answer the principal reasons of one adverse case, the most harmful first.

    `phi` are the SHAP values of the score, the chance of outcome 1; `favourable` says
    which outcome is good for the person, 0 or 1. A factor that the model does not use
    has no SHAP value and is never named; neither is one that helped. Of equal harm the
    feature declared first comes first. `labels` gives features their names for people,
    `{feature: {"en": ..., "de": ...}}`.
    """
    harm = -phi if favourable == 1 else phi
    floor = NEGLIGIBLE * float(np.abs(harm).max(initial=0.0))
    order = np.argsort(-harm, kind="stable")
    chosen = [index for index in order[:at_most] if harm[index] > max(floor, 0.0)]
    return tuple(
        _reason(features[i], values[i], float(harm[i]), (labels or {}).get(features[i]))
        for i in chosen
    )


def _reason(
    feature: str, value: str | None, harm: float, label: Mapping[str, str] | None
) -> Reason:
    english = (label or {}).get("en") or feature
    german = (label or {}).get("de") or feature
    if value is None:
        return Reason(
            feature,
            None,
            harm,
            f"{english} was not given, which counted against a favourable outcome.",
            f"{german} war nicht angegeben, was gegen ein günstiges Ergebnis sprach.",
        )
    return Reason(
        feature,
        value,
        harm,
        f"{english} ({value}) counted against a favourable outcome.",
        f"{german} ({value}) sprach gegen ein günstiges Ergebnis.",
    )

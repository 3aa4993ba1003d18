"""Which explainer for which model (evidence.md 3.4), all with one answer."""

import importlib
from dataclasses import dataclass, field

import pandas as pd

from audits.sandboxed.loading import Model, Scores

# Imported by name: only the explainer that is used is paid for.
BY_LIBRARY = {
    "xgboost": "audits.sandboxed.explain_boosters",
    "lightgbm": "audits.sandboxed.explain_boosters",
    "scikit-learn": "audits.sandboxed.explain_sklearn",
}
ANY_MODEL = "audits.sandboxed.explain_any"


@dataclass(frozen=True)
class Explained:
    """SHAP values of some rows, in one scale, with what they must add up to."""

    phi: Scores
    base: Scores
    output: Scores
    scale: str
    explainer: str
    background_rows: int  # 0: the explainer takes no background
    versions: dict[str, str] = field(default_factory=dict)


def explain(
    model: Model,
    *,
    rows: pd.DataFrame,
    background: pd.DataFrame,
    positive: str,
    seed: int,
) -> Explained:
    """Explain the rows by the fastest exact way, else by permutations.

    Columns of `phi` follow the columns of `rows`; a feature that the model does not
    use has zeros.
    """
    name = BY_LIBRARY.get(model.library)
    found: Explained | None = None
    if name is not None:
        special = importlib.import_module(name)
        found = special.explain(
            model, rows=rows, background=background, positive=positive
        )
    if found is None:
        general = importlib.import_module(ANY_MODEL)
        found = general.explain(
            model, rows=rows, background=background, positive=positive, seed=seed
        )
    return found

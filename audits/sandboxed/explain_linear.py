"""Linear models in closed form."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audits.sandboxed.explain_owners import NO_OWNER
from audits.sandboxed.explainers import Explainer, Layers
from audits.sandboxed.loading import Scores


class LinearExplainer(Explainer):
    """phi = coefficient x (value - mean of the background).

    Exact for features that are switched one by one (Lundberg and Lee 2017, corollary
    1), with the mean of the whole background.
    """

    name = "linear closed form (interventional)"

    def __init__(
        self,
        *,
        coefficients: Scores,
        encode: Callable[[pd.DataFrame], Scores],
        owners: NDArray[np.int64],
        margins: Callable[[pd.DataFrame], Scores],
        scale: str,
        background: pd.DataFrame,
    ) -> None:
        super().__init__()
        self.coefficients, self.encode, self.owners = coefficients, encode, owners
        self.margins, self.scale = margins, scale
        self.background = background
        self.background_rows = len(background)
        self.mean = encode(background).mean(axis=0)
        self.base = margins(background).mean(axis=1)

    def explain(self, rows: pd.DataFrame) -> Layers:
        """Explain by the coefficients."""
        away = self.encode(rows) - self.mean
        phi = np.zeros((len(self.coefficients), len(rows), rows.shape[1]))
        for column, owner in enumerate(self.owners):
            # What no row ever moved equals its mean, and contributes nothing.
            if owner != NO_OWNER:
                part = self.coefficients[:, column, None] * away[:, column]
                phi[:, :, owner] += part
        base = np.repeat(self.base[:, None], len(rows), axis=1)
        return Layers(phi, base, self.margins(rows))

    def again(self, rows: pd.DataFrame) -> Scores:
        """Ask the model itself: what changes when one feature comes from others.

        For a sum of one-feature terms this mean difference is the Shapley value.
        """
        self.checked_by = "differences of the model's own answers"
        whole = self.margins(rows)
        phi = np.zeros((*whole.shape, rows.shape[1]))
        count = len(self.background)
        many = rows.loc[rows.index.repeat(count)].reset_index(drop=True)
        for index, name in enumerate(rows.columns):
            switched = many.copy()
            others = self.background[name].to_numpy()
            switched[name] = np.tile(others, len(rows))
            answers = self.margins(switched).reshape(len(whole), len(rows), count)
            phi[:, :, index] = whole - answers.mean(axis=2)
        return phi

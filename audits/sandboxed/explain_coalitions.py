"""Shapley values by their definition: all coalitions of features."""

from collections.abc import Callable
from math import factorial

import numpy as np
from numpy.typing import NDArray

from audits.sandboxed.loading import Scores


def shapley_by_coalitions(
    answer: Callable[[Scores], Scores], rows: Scores, background: Scores
) -> Scores:
    """Answer phi, outputs x rows x features, from 2^features questions for each row.

    `answer` takes rows and answers rows x outputs. A coalition keeps its features'
    values and takes all others from each background row (Shapley 1953).
    """
    features = rows.shape[1]
    inside = (np.arange(2**features)[:, None] >> np.arange(features)) & 1 == 1
    found = []
    for row in rows:
        mixed = np.where(inside[:, None, :], row, background[None, :, :])
        worth = answer(mixed.reshape(-1, features))
        worth = worth.reshape(len(inside), len(background), -1).mean(axis=1)
        found.append(_shapley(inside, worth))
    return np.stack(found, axis=1)


def _shapley(inside: NDArray[np.bool_], worth: Scores) -> Scores:
    """Weigh what each feature adds to the coalitions without it."""
    features = inside.shape[1]
    sizes = inside.sum(axis=1)
    weights = np.array(
        [
            factorial(k) * factorial(features - k - 1) / factorial(features)
            for k in range(features)
        ]
    )
    phi = np.zeros((worth.shape[1], features))
    for feature in range(features):
        without = np.flatnonzero(~inside[:, feature])
        gains = worth[without + (1 << feature)] - worth[without]
        phi[:, feature] = weights[sizes[without]] @ gains
    return phi

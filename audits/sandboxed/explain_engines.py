"""Four engines for the SHAP values of trees; each answers (phi, base) of one output.

All are exact. `background` None means path-dependent (a missing feature follows the
training rows, by cover), else interventional (it takes the background's values). They
differ in speed alone, see `explain_choice`, and check each other.
"""

from collections.abc import Callable

import numpy as np

from audits.sandboxed.explain_trees import LEAF, Trees
from audits.sandboxed.loading import Scores

Found = tuple[Scores, float]
Engine = Callable[[Trees, Scores, Scores | None], Found]
# Leaves times rows held at once by `exact`: below 64 MiB for each array.
BLOCK = 4_000_000


def exact(trees: Trees, rows: Scores, background: Scores | None) -> Found:
    """Integrate over the share of known features, leaf by leaf; the slow reference.

    The Shapley value of a product of (known or not) factors is the integral from 0 to 1
    of the factors of the others, w (1 - t) + o t, times (o - w): the weights
    k! (u - k - 1)! / u! are Beta integrals. Gauss and Legendre's rule with u / 2 points
    is exact for it (Wettenstein et al. 2026, Quadrature TreeSHAP). Path-dependent only
    takes the shares w from the cover; interventional averages over background rows.
    """
    paths = _Paths(trees, rows.shape[1])
    known = paths.satisfied(trees.seen(rows))
    if background is None:
        return paths.phi(known, paths.shares()), trees.expectation()
    behind = paths.satisfied(trees.seen(background))
    phi = np.zeros(rows.shape)
    for other in behind:
        phi += paths.phi(known, other.astype(np.float64))
    return phi / len(background), float(trees.total(background).mean())


class _Paths:
    """Each leaf as a product of factors, one for each feature on its path."""

    def __init__(self, trees: Trees, features: int) -> None:
        self.trees, self.features = trees, features
        self.steps: list[list[tuple[int, bool]]] = []
        self.values: list[float] = []
        for root in trees.roots:
            self._walk(int(root))
        self.leaf_values = np.array(self.values)
        width = max((len(set(self._names(way))) for way in self.steps), default=0)
        self.feature = np.full((len(self.steps), max(width, 1)), -1)
        for number, way in enumerate(self.steps):
            names = list(dict.fromkeys(self._names(way)))
            self.feature[number, : len(names)] = names

    def _walk(self, root: int) -> None:
        trees = self.trees
        open_ways: list[tuple[int, list[tuple[int, bool]]]] = [(root, [])]
        while open_ways:
            node, way = open_ways.pop()
            if trees.left[node] == LEAF:
                self.steps.append(way)
                self.values.append(float(trees.value[node]))
                continue
            open_ways.append((int(trees.left[node]), [*way, (node, True)]))
            open_ways.append((int(trees.right[node]), [*way, (node, False)]))

    def _names(self, way: list[tuple[int, bool]]) -> list[int]:
        return [int(self.trees.feature[node]) for node, _ in way]

    def satisfied(self, rows: Scores) -> Scores:
        """Whether each row fulfils all that a leaf asks of a feature: rows x leaves x
        factors, as booleans; factors that a leaf lacks are fulfilled."""
        found = np.ones((len(rows), *self.feature.shape), np.bool_)
        inner = np.flatnonzero(self.trees.left != LEAF)
        left = np.zeros((len(self.trees.left), len(rows)), np.bool_)
        values = rows[:, self.trees.feature[inner]]
        nodes = np.broadcast_to(inner, values.shape)
        left[inner] = self.trees.goes_left(values, nodes).T
        for number, way in enumerate(self.steps):
            for (node, goes_left), name in zip(way, self._names(way), strict=True):
                slot = int(np.flatnonzero(self.feature[number] == name)[0])
                found[:, number, slot] &= left[node] == goes_left
        return found

    def shares(self) -> Scores:
        """The share of training rows that fulfil each factor, by cover."""
        found = np.ones(self.feature.shape)
        inner = np.flatnonzero(self.trees.left != LEAF)
        share = np.zeros(len(self.trees.left))
        share[inner] = self.trees.share_left(inner)
        for number, way in enumerate(self.steps):
            for (node, goes_left), name in zip(way, self._names(way), strict=True):
                slot = int(np.flatnonzero(self.feature[number] == name)[0])
                found[number, slot] *= share[node] if goes_left else 1 - share[node]
        return found

    def phi(self, known: Scores, shares: Scores) -> Scores:
        """Sum over the leaves what each factor contributes: rows x features."""
        width = self.feature.shape[1]
        points, weights = np.polynomial.legendre.leggauss((width + 1) // 2)
        points, weights = (points + 1) / 2, weights / 2
        found = np.zeros((len(known), self.features))
        for number, row in enumerate(known):
            part = np.zeros(self.feature.shape)
            for point, weight in zip(points, weights, strict=True):
                factors = shares * (1 - point) + row * point
                part += weight * _products_of_others(factors)
            part *= (row - shares) * self.leaf_values[:, None]
            used = self.feature >= 0
            found[number] = np.bincount(
                self.feature[used], part[used], minlength=self.features
            )
        return found


def _products_of_others(factors: Scores) -> Scores:
    """For each column the product of all other columns, without dividing by zero."""
    before, after = np.ones_like(factors), np.ones_like(factors)
    for column in range(1, factors.shape[1]):
        before[:, column] = before[:, column - 1] * factors[:, column - 1]
        after[:, -1 - column] = after[:, -column] * factors[:, -column]
    return before * after

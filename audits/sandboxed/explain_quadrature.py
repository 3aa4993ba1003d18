"""SHAP values of trees by their definition, leaf by leaf: the reference for others."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.sandboxed.explain_trees import LEAF, Numbers, Trees
from audits.sandboxed.loading import Scores

NOWHERE = -1


def exact(
    trees: Trees, rows: Scores, background: Scores | None
) -> tuple[Scores, float]:
    """Answer (phi, base): integrate over the share of known features, leaf by leaf.

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
    """Each leaf as a product of factors, one for each feature on its path.

    Row i of `node`, `goes_left` and `slot` is the way to leaf i: which nodes are asked
    (NOWHERE behind its end), which answer leads on, and to which factor it counts.
    `feature` names the feature of each factor.
    """

    def __init__(self, trees: Trees, features: int) -> None:
        self.trees, self.features = trees, features
        depth, level = max(trees.depth, 1), trees.roots
        node = np.full((len(level), depth), NOWHERE)
        goes_left = np.zeros((len(level), depth), np.bool_)
        slot = np.zeros((len(level), depth), np.int64)
        feature = np.full((len(level), depth), NOWHERE)
        ended: list[tuple[Any, ...]] = []
        for step in range(depth + 1):
            leaf = trees.left[level] == LEAF
            parts = (level, node, goes_left, slot, feature)
            ended.append(tuple(part[leaf] for part in parts))
            if leaf.all():
                break
            level, node, goes_left, slot, feature = (part[~leaf] for part in parts)
            node, slot, feature = node.copy(), slot.copy(), feature.copy()
            node[:, step] = level
            slot[:, step] = _slots(feature, trees.feature[level])
            feature[np.arange(len(level)), slot[:, step]] = trees.feature[level]
            goes_left = np.repeat(goes_left[None], 2, axis=0)
            goes_left[0, :, step] = True
            goes_left = goes_left.reshape(-1, depth)
            level = np.concatenate([trees.left[level], trees.right[level]])
            node, slot, feature = (np.tile(p, (2, 1)) for p in (node, slot, feature))
        leaves, self.node, self.goes_left, self.slot, self.feature = (
            np.concatenate(parts) for parts in zip(*ended, strict=True)
        )
        self.leaf_values = trees.value[leaves]

    def satisfied(self, rows: Scores) -> NDArray[np.bool_]:
        """Whether each row fulfils all that a leaf asks of a feature: rows x leaves x
        factors; factors that a leaf lacks are fulfilled."""
        found = np.ones((len(rows), *self.feature.shape), np.bool_)
        inner = np.flatnonzero(self.trees.left != LEAF)
        left = np.zeros((len(rows), len(self.trees.left)), np.bool_)
        values = rows[:, self.trees.feature[inner]]
        left[:, inner] = self.trees.goes_left(values, inner)
        for leaves, nodes, answers, slots in self._steps():
            found[:, leaves, slots] &= left[:, nodes] == answers
        return found

    def shares(self) -> Scores:
        """The share of training rows that fulfil each factor, by cover."""
        found = np.ones(self.feature.shape)
        inner = np.flatnonzero(self.trees.left != LEAF)
        share = np.zeros(len(self.trees.left))
        share[inner] = self.trees.share_left(inner)
        for leaves, nodes, answers, slots in self._steps():
            found[leaves, slots] *= np.where(answers, share[nodes], 1 - share[nodes])
        return found

    def _steps(self) -> Iterator[tuple[Any, ...]]:
        """For each depth the leaves below it, with their node, answer and factor."""
        for step in range(self.node.shape[1]):
            leaves = np.flatnonzero(self.node[:, step] != NOWHERE)
            way = leaves, step
            yield leaves, self.node[way], self.goes_left[way], self.slot[way]

    def phi(self, known: NDArray[np.bool_], shares: Scores) -> Scores:
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


def _slots(feature: Numbers, asked: Numbers) -> Numbers:
    """The factor of each asked feature: its own from before, else the first free."""
    same = feature == asked[:, None]
    free = (feature != NOWHERE).sum(axis=1)
    found: Numbers = np.where(same.any(axis=1), same.argmax(axis=1), free)
    return found


def _products_of_others(factors: Scores) -> Scores:
    """For each column the product of all other columns, without dividing by zero."""
    before, after = np.ones_like(factors), np.ones_like(factors)
    for column in range(1, factors.shape[1]):
        before[:, column] = before[:, column - 1] * factors[:, column - 1]
        after[:, -1 - column] = after[:, -column] * factors[:, -column]
    return before * after

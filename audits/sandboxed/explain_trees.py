"""A tree ensemble as flat arrays, whatever library it was trained with."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.sandboxed.loading import Scores

LEAF = -1
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Trees:
    """All trees that add up to one output, without its constant.

    Nodes of all trees lie behind each other. `left` and `right` are node numbers, LEAF
    at leaves. A row goes left when its value is `<=` the threshold (`<` if `strict`),
    or where it is missing and `missing_left`. `value` counts at leaves only. `cover` is
    how much training data passed a node; all ones where the file does not say.
    Libraries that compare in single precision see the row `single`.
    """

    roots: Numbers
    left: Numbers
    right: Numbers
    feature: Numbers
    threshold: Scores
    missing_left: NDArray[np.bool_]
    value: Scores
    cover: Scores
    strict: bool = False
    single: bool = False

    @cached_property
    def leaves(self) -> int:
        """How many leaves there are."""
        return int((self.left == LEAF).sum())

    @cached_property
    def depth(self) -> int:
        """The longest way from a root to a leaf, in edges."""
        level, depth = self.roots, -1
        while len(level):
            depth += 1
            inner = level[self.left[level] != LEAF]
            level = np.concatenate([self.left[inner], self.right[inner]])
        return depth

    def seen(self, matrix: Scores) -> Scores:
        """Answer the rows as the library sees them, in double precision."""
        if not self.single:
            return np.ascontiguousarray(matrix, np.float64)
        return matrix.astype(np.float32).astype(np.float64)

    def total(self, matrix: Scores) -> Scores:
        """Answer the sum of the leaves that each row reaches."""
        rows = self.seen(matrix)
        found = np.zeros(len(rows))
        every = np.arange(len(rows))
        for root in self.roots:
            node = np.full(len(rows), root)
            while (inner := self.left[node] != LEAF).any():
                at = node[inner]
                values = rows[every[inner], self.feature[at]]
                node[inner] = np.where(
                    self.goes_left(values, at), self.left[at], self.right[at]
                )
            found += self.value[node]
        return found

    def goes_left(self, values: Scores, nodes: Numbers) -> NDArray[np.bool_]:
        """Answer for each value whether it goes left at its node."""
        limit = self.threshold[nodes]
        left = values < limit if self.strict else values <= limit
        return left | (np.isnan(values) & self.missing_left[nodes])

    def expectation(self) -> float:
        """The mean of the trees when each split sends on what its cover says.

        A node that no training row reached (CatBoost has them) sends half each way.
        """
        weight = np.zeros(len(self.value))
        weight[self.roots] = 1.0
        level = self.roots
        while len(level):
            level = level[self.left[level] != LEAF]
            share = self.share_left(level)
            weight[self.left[level]] = weight[level] * share
            weight[self.right[level]] = weight[level] * (1 - share)
            level = np.concatenate([self.left[level], self.right[level]])
        ends = self.left == LEAF
        return float(weight[ends] @ self.value[ends])

    def share_left(self, nodes: Numbers) -> Scores:
        """The share of a node's training rows that went left."""
        left, right = self.cover[self.left[nodes]], self.cover[self.right[nodes]]
        whole = left + right
        half = np.full(len(nodes), 0.5)
        share: Scores = np.divide(left, whole, out=half, where=whole > 0)
        return share


@dataclass(frozen=True)
class Tree:
    """One tree as its library numbers it, from node 0."""

    left: Numbers
    right: Numbers
    feature: Numbers
    threshold: Scores
    missing_left: NDArray[np.bool_]
    value: Scores
    cover: Scores


def joined(trees: Sequence[Tree], *, strict: bool, single: bool) -> Trees:
    """Put trees behind each other."""
    sizes = [len(tree.left) for tree in trees]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)

    def moved(name: str) -> Numbers:
        parts = [np.asarray(getattr(tree, name), np.int64) for tree in trees]
        return np.concatenate(
            [
                np.where(part < 0, LEAF, part + start)
                for part, start in zip(parts, starts, strict=True)
            ]
        )

    def whole(name: str, kind: type) -> NDArray[Any]:
        return np.concatenate([np.asarray(getattr(t, name), kind) for t in trees])

    left = moved("left")
    leaf = left == LEAF
    return Trees(
        roots=starts,
        left=left,
        right=moved("right"),
        feature=np.where(leaf, 0, whole("feature", np.int64)),
        threshold=np.where(leaf, 0.0, whole("threshold", np.float64)),
        missing_left=whole("missing_left", np.bool_),
        value=np.where(leaf, whole("value", np.float64), 0.0),
        cover=whole("cover", np.float64),
        strict=strict,
        single=single,
    )

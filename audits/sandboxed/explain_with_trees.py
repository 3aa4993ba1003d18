"""Explains a model that is made of trees, by the engine that fits, and checks it."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audits.sandboxed import explain_choice as choice
from audits.sandboxed.explain_trees import Trees
from audits.sandboxed.explainers import ADDITIVITY, Asked, Explainer, Layers
from audits.sandboxed.loading import Scores

# Imported by name: only the engine that is used is paid for.
ENGINES = {
    choice.WOODELF: ("audits.sandboxed.explain_woodelf", "woodelf"),
    choice.SHAPIQ: ("audits.sandboxed.explain_shapiq", "shapiq"),
    choice.SHAP: ("audits.sandboxed.explain_shap", "tree_shap"),
    choice.EXACT: ("audits.sandboxed.explain_quadrature", "exact"),
}
PACKAGES = {
    choice.WOODELF: "woodelf-explainer",
    choice.SHAPIQ: "shapiq",
    choice.SHAP: "shap",
}
NAMES = {
    choice.WOODELF: "woodelf",
    choice.SHAPIQ: "shapiq",
    choice.SHAP: "shap TreeExplainer",
    choice.EXACT: "quadrature over the leaves",
}
CONSTANT_ROWS = 500
Native = Callable[[pd.DataFrame], tuple[Scores, Scores]]


@dataclass(frozen=True)
class Subject:
    """What of a model is explained, and how to ask it.

    `encode` answers the numbers that the trees see; `owners` names for each the column
    of the frame that it comes from. `margins` answers what is explained, layers x
    rows. `native` answers the library's own (phi, base) in encoded columns, and
    `reference` is a model that shap itself reads. `layers` picks outputs of the trees,
    `sign` is -1 where the model speaks of the other class.
    """

    library: str
    scale: str
    encode: Callable[[pd.DataFrame], Scores]
    owners: NDArray[np.int64]
    margins: Callable[[pd.DataFrame], Scores]
    trees: Callable[[], list[Trees] | None]
    native: Native | None = None
    native_name: str = ""
    reference: Any = None
    layers: tuple[int, ...] = (0,)
    sign: float = 1.0
    has_cover: bool = True
    versions: dict[str, str] = field(default_factory=dict)


class TreesExplainer(Explainer):
    """SHAP values of trees; `background` None means path-dependent."""

    def __init__(
        self, subject: Subject, *, background: pd.DataFrame | None, rows: int
    ) -> None:
        super().__init__()
        self.subject = subject
        self.scale = subject.scale
        self.versions |= subject.versions
        self.background: Scores | None = None
        if background is not None:
            self.background = subject.encode(background)
            self.background_rows = len(background)
        self.engine = self._first(rows)
        self.most_rows = choice.most_rows(
            self.engine,
            self.trees[0] if self._reads_trees(self.engine) else None,
            background=self.background_rows,
        )
        self.name = self._called(self.engine)

    @cached_property
    def trees(self) -> list[Trees]:
        """The trees of the layers. Raises TypeError when they cannot be read."""
        found = self.subject.trees()
        if found is None:
            raise TypeError("The trees of this model cannot be read.")
        return [found[layer] for layer in self.subject.layers]

    @cached_property
    def readable(self) -> bool:
        """Whether our engines can work on the trees."""
        try:
            return bool(self.trees)
        except TypeError:
            return False

    def explain(self, rows: pd.DataFrame) -> Layers:
        """Explain by the chosen engine, by the slow one once that does not add up."""
        output = self.subject.margins(rows)
        found = self._layers(self.engine, rows, output)
        slow = self._slow()
        if found.miss() > ADDITIVITY and slow != self.engine:
            self.warnings.append(
                f"{self.name} did not add up to the model's output; "
                f"{self._called(slow)} explained instead."
            )
            self.engine, self.name = slow, self._called(slow)
            found = self._layers(slow, rows, output)
        return found

    def again(self, rows: pd.DataFrame) -> Scores | None:
        """Answer `phi` by a second engine, independent of the first."""
        second = self._second()
        if second is None:
            return None
        self.checked_by = self._called(second)
        output = self.subject.margins(rows)
        return self._layers(second, rows, output).phi

    def _first(self, rows: int) -> str:
        if self.background is not None:
            return choice.interventional(rows=rows, background=self.background_rows)
        subject = self.subject
        if subject.library == "xgboost" and rows < choice.xgboost_from():
            return choice.NATIVE  # without reading the trees first
        trees = self.trees[0] if self.readable else None
        return choice.path_dependent(subject.library, trees, rows=rows)

    def _second(self) -> str | None:
        others = choice.SHAPIQ if choice.has_shapiq() else choice.EXACT
        if not self.readable:
            return None
        if self.background is not None:
            return choice.SHAP if self.engine != choice.SHAP else others
        if self.engine in (choice.NATIVE, choice.SHAP):
            return others
        return self._slow()

    def _slow(self) -> str:
        """The engine that others are measured by: the library's own, else shap's."""
        native = self.subject.native is not None and self.background is None
        return choice.NATIVE if native else choice.SHAP

    def _reads_trees(self, engine: str) -> bool:
        return engine != choice.NATIVE and self.readable

    def _called(self, engine: str) -> str:
        way = "path-dependent" if self.background is None else "interventional"
        name = NAMES.get(engine, self.subject.native_name)
        return f"{name} (exact, {way})"

    def _layers(self, engine: str, rows: pd.DataFrame, output: Scores) -> Layers:
        subject = self.subject
        if engine == choice.NATIVE and subject.native is not None:
            phi, base = subject.native(rows)
            phi, base = subject.sign * phi, subject.sign * base
        elif engine == choice.SHAP and self._by_reference:
            phi, base = self._shap_reads(rows)
        else:
            phi, base = self._on_trees(engine, rows, output)
        if engine in PACKAGES:
            self.versions[PACKAGES[engine]] = version(PACKAGES[engine])
        return Layers(_sum_back(phi, subject.owners, rows.shape[1]), base, output)

    @property
    def _by_reference(self) -> bool:
        return self.subject.reference is not None and self.background is None

    def _on_trees(
        self, engine: str, rows: pd.DataFrame, output: Scores
    ) -> tuple[Scores, Scores]:
        module, name = ENGINES[engine]
        work = getattr(importlib.import_module(module), name)
        matrix, sign = self.subject.encode(rows), self.subject.sign
        parts, bases = [], []
        for trees, wanted in zip(self.trees, output, strict=True):
            phi, base = work(trees, matrix, self.background)
            # What the trees leave out is one constant; additivity proves that it is.
            rest = wanted[:CONSTANT_ROWS] - sign * trees.total(matrix[:CONSTANT_ROWS])
            parts.append(sign * phi)
            bases.append(np.full(len(rows), sign * base + np.median(rest)))
        return np.stack(parts), np.stack(bases)

    def _shap_reads(self, rows: pd.DataFrame) -> tuple[Scores, Scores]:
        module = importlib.import_module(ENGINES[choice.SHAP][0])
        matrix, sign = self.subject.encode(rows), self.subject.sign
        phi, base = module.of_model(self.subject.reference, matrix, None)
        picked = list(self.subject.layers) if len(phi) > 1 else [0]
        phi, base = sign * phi[picked], sign * base[picked]
        return phi, np.repeat(base[:, None], len(rows), axis=1)


def explained_trees(
    subject: Subject, *, background: pd.DataFrame, asked: Asked
) -> TreesExplainer | None:
    """Answer the explainer that is asked for; None when the trees cannot be read, but
    have to be: no library has interventional values of its own."""
    behind = background if asked.interventional else None
    explainer = TreesExplainer(subject, background=behind, rows=asked.rows)
    if asked.interventional and not explainer.readable:
        return None
    return explainer


def _sum_back(phi: Scores, owners: NDArray[np.int64], features: int) -> Scores:
    """Add the contributions of encoded columns up for each column of the frame."""
    summed = np.zeros((*phi.shape[:2], features))
    for column, owner in enumerate(owners):
        summed[:, :, owner] += phi[:, :, column]
    return summed

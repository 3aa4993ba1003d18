"""Verb `explain`: SHAP values of chosen rows by the explainer that fits the model."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audits.sandboxed.checking import facts
from audits.sandboxed.explainers import Asked, Explainer, Layers, prepare
from audits.sandboxed.loading import Model, Scores, load
from audits.sandboxed.reading import feature_batches, open_table, read_chosen
from audits.sandboxed.refusal import Refused

SEEN_ROWS = 2_000  # of the head of the file, to see how columns become numbers
CHECKED_ROWS = 20
CHUNK_ROWS = 100_000  # woodelf pays for each tree in each chunk: not below 25,000

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class _Data:
    """The rows of all samples, and the rows behind them."""

    rows: list[pd.DataFrame]
    backgrounds: list[pd.DataFrame]
    head: pd.DataFrame


def work(
    *, files: Mapping[str, Path], options: Mapping[str, Any], progress: Any
) -> tuple[dict[str, Any], Arrays]:
    """Explain each sample of `samples`: `{rows, background, seed}` with row numbers.

    An explainer that is slow may take only the first rows of each. For sample i the
    arrays are `phi_i` (rows x features, in the order declared), `base_i`, `output_i`
    and `score_i`; of several classes the one that the model predicts is explained, row
    by row: `class_i`, with `margins_i` (rows x classes) of all. `check` is `phi` of the
    first rows by another engine. With `whole` the sums of |phi|, phi and phi squared
    over the rows of the file `rows`, or over all of the data, come as `whole_absolute`,
    `whole_sum` and `whole_squares`.
    """
    if not options["samples"]:
        raise Refused("There is no sample to explain.")
    progress(0.05, "loading the model")
    model = load(files["model"], format=options["format"])
    progress(0.1, "reading the data")
    data = _read(files, options)
    explainers, arrays = _samples(model, files, options, data, progress)
    progress(0.5, "explaining a second time")
    first = explainers[0]
    again = first.again(data.rows[0].iloc[: _few(first, arrays)])
    values = _said(model, first)
    if again is not None:
        arrays["check"] = _picked(again, arrays.get("class_0"))
        values["checked_by"] = first.checked_by
    if options.get("whole"):
        stream = _Whole(model, files, options, data)
        arrays |= stream.sums(progress)
        values |= {"whole_rows": stream.count, "whole_miss": stream.miss}
        values["whole_explainer"] = stream.explainer.name
        explainers.append(stream.explainer)
    for one in explainers:
        values["versions"] |= one.versions
    values["warnings"] = sorted({w for one in explainers for w in one.warnings})
    return values, arrays


def _samples(
    model: Model,
    files: Mapping[str, Path],
    options: Mapping[str, Any],
    data: _Data,
    progress: Any,
) -> tuple[list[Explainer], Arrays]:
    """Explain each sample; one explainer serves all where it takes no background."""
    arrays: Arrays = {}
    explainers: list[Explainer] = []
    for number, (rows, behind) in enumerate(
        zip(data.rows, data.backgrounds, strict=True)
    ):
        progress(0.15 + 0.35 * number / len(data.rows), "explaining")
        if not explainers or explainers[0].background_rows:
            asked = _asked(files, options, number, len(rows))
            explainers.append(
                prepare(model, sample=data.head, background=behind, asked=asked)
            )
        arrays |= _sample(model, explainers[-1], rows, number, options)
    return explainers, arrays


def _read(files: Mapping[str, Path], options: Mapping[str, Any]) -> _Data:
    samples = options["samples"]
    behind_file, behind_options = files["data"], dict(options)
    if "background" in files:
        behind_file = files["background"]
        behind_options["media_type"] = options["background_media_type"]
    rows = _cut(files["data"], options, [sample["rows"] for sample in samples])
    behind = _cut(
        behind_file, behind_options, [sample["background"] for sample in samples]
    )
    head = open_table(files["data"], options)
    names = list(options["features"])
    seen = head.frame(names, first=0, end=min(SEEN_ROWS, head.rows))
    head_and_sample = pd.concat([seen, rows[0].iloc[:SEEN_ROWS]], ignore_index=True)
    return _Data(rows, behind, head_and_sample)


def _cut(
    path: Path, options: Mapping[str, Any], parts: list[list[int]]
) -> list[pd.DataFrame]:
    """Read the rows of all parts in one pass, and cut them into the parts again."""
    frame = read_chosen(path, options, [row for part in parts for row in part])
    found, start = [], 0
    for part in parts:
        piece = frame.iloc[start : start + len(part)]
        found.append(piece.reset_index(drop=True))
        start += len(part)
    return found


def _asked(
    files: Mapping[str, Path], options: Mapping[str, Any], number: int, rows: int
) -> Asked:
    return Asked(
        positive=str(options["positive"]),
        seed=int(options["samples"][number]["seed"]),
        rows=rows,
        interventional=bool(options.get("interventional")),
        file=files["model"],
    )


def _sample(
    model: Model,
    explainer: Explainer,
    rows: pd.DataFrame,
    number: int,
    options: Mapping[str, Any],
) -> Arrays:
    rows = rows.iloc[: explainer.most_rows]
    layers = explainer.explain(rows)
    scores = np.asarray(model.score(rows, str(options["positive"])), np.float64)
    arrays: Arrays = {}
    classes = _classes(layers)
    if classes is not None:
        arrays[f"class_{number}"] = classes
        arrays[f"margins_{number}"] = layers.output.T
        arrays[f"absolute_{number}"] = np.abs(layers.phi).mean(axis=1)
        scores = scores[np.arange(len(scores)), classes]
    arrays[f"phi_{number}"] = _picked(layers.phi, classes)
    arrays[f"base_{number}"] = _picked(layers.base, classes)
    arrays[f"output_{number}"] = _picked(layers.output, classes)
    arrays[f"score_{number}"] = scores
    return arrays


def _classes(layers: Layers) -> NDArray[np.int32] | None:
    """The predicted class of each row; None when there is one output."""
    if len(layers.output) == 1:
        return None
    return layers.output.argmax(axis=0).astype(np.int32)


def _picked(layers: Scores, classes: NDArray[Any] | None) -> Scores:
    """Take the one layer, or for each row the layer of its predicted class."""
    rows = np.arange(layers.shape[1])
    picked: Scores = layers[0 if classes is None else classes[: len(rows)], rows]
    return picked


def _few(explainer: Explainer, arrays: Arrays) -> int:
    """How many rows are explained twice: fewer where a second engine is slow."""
    many = len(arrays["phi_0"])
    behind = explainer.background_rows
    return min(many, CHECKED_ROWS if behind <= 1_000 else CHECKED_ROWS // 4)


def _said(model: Model, explainer: Explainer) -> dict[str, Any]:
    return facts(model) | {
        "explainer": explainer.name,
        "scale": explainer.scale,
        "background_rows": explainer.background_rows,
        "exact": explainer.exact,
        "checked_by": "",
        "most_rows": explainer.most_rows,
        "whole_explainer": explainer.name,
        "whole_rows": 0,
        "whole_miss": 0.0,
    }


class _Whole:
    """Explains every row of the data in chunks; only sums are kept."""

    def __init__(
        self,
        model: Model,
        files: Mapping[str, Path],
        options: Mapping[str, Any],
        data: _Data,
    ) -> None:
        self.table, self.options = open_table(files["data"], options), options
        self.chosen = np.load(files["rows"]) if "rows" in files else None
        self.rows = self.table.rows if self.chosen is None else len(self.chosen)
        self.count, self.miss = 0, 0.0
        asked = _asked(files, options, 0, min(self.rows, CHUNK_ROWS))
        self.explainer = prepare(
            model, sample=data.head, background=data.backgrounds[0], asked=asked
        )

    def sums(self, progress: Any) -> Arrays:
        """Add up |phi|, phi and phi squared; nothing where that would take too long."""
        most = self.explainer.most_rows
        if most is not None and most < self.rows:
            return {}
        totals: list[Scores] = []
        for chunk in self._chunks():
            layers = self.explainer.explain(chunk)
            self.miss = max(self.miss, layers.miss())
            totals = [
                part if not totals else totals[place] + part
                for place, part in enumerate(_sums(layers))
            ]
            self.count += len(chunk)
            progress(0.5 + 0.5 * self.count / self.rows, "explaining all rows")
        names = ("whole_absolute", "whole_sum", "whole_squares")
        return dict(zip(names, totals, strict=True))

    def _chunks(self) -> Iterator[pd.DataFrame]:
        held: list[pd.DataFrame] = []
        first = 0
        for batch in feature_batches(self.table, self.options):
            held.append(self._wanted(batch, first))
            first += len(batch)
            if sum(map(len, held)) >= CHUNK_ROWS:
                yield pd.concat(held, ignore_index=True)
                held = []
        if sum(map(len, held)):
            yield pd.concat(held, ignore_index=True)

    def _wanted(self, batch: pd.DataFrame, first: int) -> pd.DataFrame:
        if self.chosen is None:
            return batch
        # Sorted by the parent, so that one cut finds the rows of a batch.
        low, high = np.searchsorted(self.chosen, (first, first + len(batch)))
        wanted: pd.DataFrame = batch.iloc[self.chosen[low:high] - first]
        return wanted


def _sums(layers: Layers) -> list[Scores]:
    phi = _picked(layers.phi, _classes(layers))
    return [np.abs(phi).sum(axis=0), phi.sum(axis=0), np.square(phi).sum(axis=0)]

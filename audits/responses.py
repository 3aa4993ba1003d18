"""How a sandboxed model responds to changed rows, checked before it is believed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits import answers, sandbox
from audits.evaluators.robustness import Curve, Floats, Response, Responses

LEVELS = (0.5, 1.0, 2.0)  # times the noise, for all features at once
KINDS = ("noise", "missing", "up", "down", "swap")
EXTREMES = ("low", "high", "unknown")
EXTREME_ROWS = 20
MOST_VALUES = 21
SENTENCE = 300


def respond(
    source: answers.Source,
    *,
    rows: NDArray[np.int64],
    asked: int,
    noise: float,
    seed: int,
    monotonic: Mapping[str, int],
    limits: answers.Limits,
    on_progress: sandbox.OnProgress | None = None,
) -> tuple[Responses, answers.ModelFacts]:
    """Ask the model about the first `asked` of the `rows`, as they are and changed.

    All `rows` together say what is usual of a column. `monotonic` maps features to the
    direction that is demanded, 1 or -1. Scores are finite and of the right shape; only
    those of absurd values may be anything. Raises SandboxRefused.
    """
    asked = min(asked, len(rows))
    levels = [noise * level for level in LEVELS]
    result = answers.ask(
        "respond",
        files={"model": source.model, "data": source.data},
        options={
            **answers.options_of(source),
            "rows": rows.tolist(),
            "asked": asked,
            "noise": noise,
            "seed": seed,
            "levels": levels,
            "monotonic": list(monotonic),
        },
        to=limits,
        on_progress=on_progress,
    )
    facts = answers.facts_of(result)
    read = _Reader(result, _refusals(result.values), _shape(facts))
    found = Responses(
        rows=rows[:asked],
        base=read.scores("base", asked),
        single=tuple(read.single(source.features, asked)),
        joint=tuple(read.joint(levels, asked)),
        extreme=tuple(read.extreme(source.features, min(asked, EXTREME_ROWS))),
        curves=tuple(read.curves(monotonic, asked)),
    )
    return found, facts


def _shape(facts: answers.ModelFacts) -> tuple[int, ...]:
    return (len(facts.classes),) if facts.task == "multiclass" else ()


def _refusals(values: Mapping[str, Any]) -> dict[str, str]:
    refused = values.get("refused")
    if not isinstance(refused, dict):
        raise answers.broken()
    return {str(name): str(why)[:SENTENCE] for name, why in refused.items()}


class _Reader:
    """Takes arrays out of an answer, or says why the model gave none."""

    def __init__(
        self,
        result: sandbox.SandboxResult,
        refused: Mapping[str, str],
        shape: tuple[int, ...],
    ) -> None:
        self.result, self.refused, self.shape = result, refused, shape

    def scores(self, name: str, *sizes: int) -> Floats:
        """Finite scores of that many rows. Raises SandboxRefused."""
        return answers.finite_array(self.result, name, (*sizes, *self.shape))

    def single(self, features: Sequence[str], asked: int) -> list[Response]:
        """One response to each change that was made to a feature."""
        found = []
        for place, feature in enumerate(features):
            kinds = [kind for kind in KINDS if self._has(f"{kind}_{place}")]
            if not {"noise", "missing"} <= set(kinds):
                raise answers.broken()
            for kind in kinds:
                name = f"{kind}_{place}"
                why = self.refused.get(name, "")
                scores = None if why else self.scores(name, asked)
                found.append(Response(feature, kind, scores, why))
        return found

    def joint(self, levels: Sequence[float], asked: int) -> list[tuple[float, Floats]]:
        """The scores with all features changed, of the levels that were answered."""
        return [
            (level, self.scores(f"joint_{number}", asked))
            for number, level in enumerate(levels)
            if f"joint_{number}" not in self.refused
        ]

    def extreme(self, features: Sequence[str], asked: int) -> list[Response]:
        """What came of absurd values: any numbers, in the right shape."""
        found = []
        for place, feature in enumerate(features):
            for kind in EXTREMES:
                name = f"extreme_{kind}_{place}"
                if not self._has(name):
                    continue
                why = self.refused.get(name, "")
                scores = None if why else self._any(name, (asked, *self.shape))
                found.append(Response(feature, kind, scores, why))
        return found

    def curves(self, monotonic: Mapping[str, int], asked: int) -> list[Curve]:
        """The scores along each feature of which a direction is demanded."""
        found = []
        for number, (feature, direction) in enumerate(monotonic.items()):
            why = self.refused.get(f"curve_{number}", "")
            if why:
                nothing = np.empty(0)
                found.append(Curve(feature, direction, nothing, None, why))
                continue
            grid = self.result.arrays.get(f"grid_{number}")
            if grid is None or grid.ndim != 1 or not 0 < len(grid) <= MOST_VALUES:
                raise answers.broken()
            values = answers.finite_array(self.result, f"grid_{number}", grid.shape)
            if (np.diff(values) <= 0).any():
                raise answers.broken()
            scores = self.scores(f"curve_{number}", len(values), asked)
            found.append(Curve(feature, direction, values, scores))
        return found

    def _has(self, name: str) -> bool:
        return name in self.refused or name in self.result.arrays

    def _any(self, name: str, shape: tuple[int, ...]) -> Floats:
        array = self.result.arrays[name]
        if array.shape != shape:
            raise answers.broken()
        return np.asarray(array, np.float64)

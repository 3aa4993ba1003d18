"""The risk matrix as a figure: its rows, and the arrow from inherent to residual."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from governance.dossier.assessed import Assessment, Matrix
from governance.models.risk import Band

# Lengths in mm; dossier.css has the same.
_HEAD, _GAP, _HIGH = 14.0, 0.7, 9.5
_ROOM = 63.0  # for the cells, beside the words of the likelihoods
_WIDEST = 11.8
_MARK = 3.4  # the arrow keeps this far from the middle of a cell


@dataclass(frozen=True)
class Cell:
    """One cell, with the marks that stand in it."""

    score: int
    band: str
    label: str
    marks: str


@dataclass(frozen=True)
class Row:
    """One likelihood with its cells, the lowest impact first."""

    number: int
    word: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Plane:
    """The matrix from the highest likelihood down, and an arrow where risk changed."""

    matrix: Matrix
    rows: tuple[Row, ...]
    cell: str
    wide: str
    high: str
    arrow: tuple[str, str, str, str] | None


def plane_of(matrix: Matrix, latest: Assessment) -> Plane:
    """The plane with the marks of the assessment that counts."""
    across = len(matrix.impact)
    cell = min(_WIDEST, _ROOM / across - _GAP)
    return Plane(
        matrix=matrix,
        rows=_rows(matrix, latest),
        cell=_mm(cell),
        wide=_mm(_HEAD + 2 * _GAP + across * (cell + _GAP)),
        high=_mm(_GAP + len(matrix.cells) * (_HIGH + _GAP)),
        arrow=_arrow(matrix, latest, cell),
    )


def heat_of(matrix: Matrix, counts: Sequence[Sequence[int]]) -> Plane:
    """The plane with the number of models in the place of scores."""
    across = len(matrix.impact)
    cell = min(_WIDEST, _ROOM / across - _GAP)
    rows = tuple(
        Row(
            number=row,
            word=matrix.likelihood[row - 1],
            cells=tuple(
                Cell(count, band, str(Band(band).label), "")
                for count, (_score, band) in zip(
                    counts[row - 1], matrix.cells[row - 1], strict=True
                )
            ),
        )
        for row in range(len(matrix.cells), 0, -1)
    )
    return Plane(
        matrix=matrix,
        rows=rows,
        cell=_mm(cell),
        wide=_mm(_HEAD + 2 * _GAP + across * (cell + _GAP)),
        high=_mm(_GAP + len(matrix.cells) * (_HIGH + _GAP)),
        arrow=None,
    )


def _rows(matrix: Matrix, latest: Assessment) -> tuple[Row, ...]:
    marks: dict[tuple[int, int], list[str]] = {}
    marks.setdefault((latest.likelihood, latest.impact), []).append(_("I"))
    if latest.residual_likelihood and latest.residual_impact:
        place = (latest.residual_likelihood, latest.residual_impact)
        marks.setdefault(place, []).append(_("R"))
    return tuple(
        Row(
            number=row,
            word=matrix.likelihood[row - 1],
            cells=tuple(
                Cell(
                    score=score,
                    band=band,
                    label=str(Band(band).label),
                    marks=" + ".join(marks.get((row, column), [])),
                )
                for column, (score, band) in enumerate(matrix.cells[row - 1], start=1)
            ),
        )
        for row in range(len(matrix.cells), 0, -1)
    )


def _arrow(
    matrix: Matrix, latest: Assessment, cell: float
) -> tuple[str, str, str, str] | None:
    """Where the arrow begins and ends; None where nothing moved."""
    if not latest.residual_likelihood or not latest.residual_impact:
        return None

    def middle(likelihood: int, impact: int) -> tuple[float, float]:
        down = len(matrix.cells) - likelihood
        return (
            _HEAD + 2 * _GAP + (impact - 1) * (cell + _GAP) + cell / 2,
            _GAP + down * (_HIGH + _GAP) + _HIGH / 2,
        )

    x1, y1 = middle(latest.likelihood, latest.impact)
    x2, y2 = middle(latest.residual_likelihood, latest.residual_impact)
    length = math.hypot(x2 - x1, y2 - y1)
    if not length:
        return None
    dx, dy = _MARK * (x2 - x1) / length, _MARK * (y2 - y1) / length
    return _mm(x1 + dx), _mm(y1 + dy), _mm(x2 - dx), _mm(y2 - dy)


def _mm(length: float) -> str:
    return f"{length:.2f}"

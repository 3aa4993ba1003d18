"""What mitigations do: arrows over the matrix, from inherent to residual risk."""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

from governance import matrices
from governance.matrices import Matrix, Place
from governance.portfolio import Figures, Move
from governance.web import matrix

WIDTH, HEIGHT = 88, 52  # of a cell
MOST_DRAWN, MOST_TOLD = 12, 50
_THIN, _THICK = 1.5, 7.0


@dataclass(frozen=True)
class Square:
    """A cell of the matrix at its place."""

    x: int
    y: int
    band: str


@dataclass(frozen=True)
class Arrow:
    """A move drawn as a curve; the more models, the thicker."""

    path: str
    thickness: str
    x: float
    y: float
    models: int


@dataclass(frozen=True)
class Told:
    """A move in words."""

    source: str
    target: str
    models: int
    href: str


@dataclass(frozen=True)
class Drawing:
    """Squares and the most frequent moves; `told` has more of them, `left_out` none."""

    squares: tuple[Square, ...]
    arrows: tuple[Arrow, ...]
    told: tuple[Told, ...]
    width: int
    height: int
    models: int
    left_out: int


def draw(found: Figures, link: Callable[[Move], str]) -> Drawing:
    """Draw the moves of the portfolio over the matrix that is shown."""
    table = matrices.of(found.shown)
    rows, columns = len(table.likelihoods), len(table.impacts)
    drawn = found.moves[:MOST_DRAWN]
    most = max((move.models for move in drawn), default=1)
    return Drawing(
        squares=tuple(
            Square(*_corner(place, rows), cell.band.value)
            for place, cell in table.cells.items()
        ),
        arrows=tuple(_arrow(move, rows, most) for move in drawn),
        told=tuple(_told(move, table, link) for move in found.moves[:MOST_TOLD]),
        width=columns * WIDTH,
        height=rows * HEIGHT,
        models=sum(move.models for move in found.moves),
        left_out=max(0, len(found.moves) - MOST_TOLD),
    )


def _corner(place: Place, rows: int) -> tuple[int, int]:
    likelihood, impact = place
    return (impact - 1) * WIDTH, (rows - likelihood) * HEIGHT


def _middle(place: Place, rows: int) -> tuple[float, float]:
    x, y = _corner(place, rows)
    return x + WIDTH / 2, y + HEIGHT / 2


def _arrow(move: Move, rows: int, most: int) -> Arrow:
    """A curve that leaves its straight line to the left, so that two ways differ."""
    (x1, y1), (x2, y2) = _middle(move.source, rows), _middle(move.target, rows)
    length = sqrt((x2 - x1) ** 2 + (y2 - y1) ** 2)
    across, up = (y2 - y1) / length, -(x2 - x1) / length
    bend = min(length / 4, 26.0)
    middle_x, middle_y = (x1 + x2) / 2 + across * bend, (y1 + y2) / 2 + up * bend
    thickness = _THIN + (_THICK - _THIN) * sqrt(move.models / most)
    return Arrow(
        path=f"M{x1:.1f},{y1:.1f} Q{middle_x:.1f},{middle_y:.1f} {x2:.1f},{y2:.1f}",
        thickness=f"{thickness:.1f}",
        x=round((x1 + x2) / 4 + middle_x / 2, 1),
        y=round((y1 + y2) / 4 + middle_y / 2, 1),
        models=move.models,
    )


def _told(move: Move, table: Matrix, link: Callable[[Move], str]) -> Told:
    return Told(
        source=matrix.name_of(table, move.source),
        target=matrix.name_of(table, move.target),
        models=move.models,
        href=link(move),
    )

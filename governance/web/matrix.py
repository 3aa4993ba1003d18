"""The risk matrix as people see it: a heat map with names on both sides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from governance import matrices
from governance.matrices import Cell, Matrix, Place
from governance.models import RiskMatrix


@dataclass(frozen=True)
class Field:
    """One cell as drawn; `label` says in words what its colour and number say."""

    likelihood: int
    impact: int
    score: int
    band: str
    label: str
    count: int = 0
    href: str = ""
    here: bool = False

    @property
    def place(self) -> str:
        """Likelihood and impact as forms and addresses write them: 4x5."""
        return f"{self.likelihood}x{self.impact}"


@dataclass(frozen=True)
class Row:
    """The cells of one likelihood, from the least impact to the greatest."""

    name: str
    cells: tuple[Field, ...]


@dataclass(frozen=True)
class HeatMap:
    """Rows from the greatest likelihood down, and the names of the columns."""

    rows: tuple[Row, ...]
    impacts: tuple[str, ...]


def name_of(table: Matrix, place: Place) -> str:
    """A cell in words: likelihood, impact. Empty for a place that is not on it."""
    if place not in table.cells:
        return ""
    likelihood, impact = place
    left, below = table.likelihoods[likelihood - 1], table.impacts[impact - 1]
    return f"{left}, {str(below).lower()}"


def draw(
    matrix: RiskMatrix,
    *,
    counts: Mapping[Place, int] | None = None,
    link: Callable[[Place], str] | None = None,
    here: Place | None = None,
) -> HeatMap:
    """Draw a matrix: with counts that lead to their models, or with one cell marked."""
    table = matrices.of(matrix)

    def field(place: Place) -> Field:
        cell = table.cells[place]
        count = (counts or {}).get(place, 0)
        return Field(
            likelihood=place[0],
            impact=place[1],
            score=cell.score,
            band=cell.band.value,
            label=_label(table, place, count if counts is not None else None),
            count=count,
            href=link(place) if link else "",
            here=place == here,
        )

    heights, widths = range(len(table.likelihoods), 0, -1), range(len(table.impacts))
    return HeatMap(
        rows=tuple(
            Row(
                str(table.likelihoods[lik - 1]),
                tuple(field((lik, imp + 1)) for imp in widths),
            )
            for lik in heights
        ),
        impacts=tuple(str(name) for name in table.impacts),
    )


def _label(table: Matrix, place: Place, count: int | None) -> str:
    cell: Cell = table.cells[place]
    words = _("%(place)s: %(band)s %(score)s") % {
        "place": name_of(table, place),
        "band": cell.own.name,
        "score": cell.score,
    }
    if count is None:
        return words
    models = ngettext("%(n)s model", "%(n)s models", count) % {"n": count}
    return f"{models}, {words}"

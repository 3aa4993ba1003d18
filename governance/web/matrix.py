"""The risk matrix as people see it: a heat map with names on both sides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from governance import risk
from governance.models import RiskMatrix
from governance.models.risk import Band

LIKELIHOODS = (
    gettext_lazy("Rare"),
    gettext_lazy("Unlikely"),
    gettext_lazy("Possible"),
    gettext_lazy("Likely"),
    gettext_lazy("Very likely"),
)
IMPACTS = (
    gettext_lazy("Very low"),
    pgettext_lazy("impact", "Low"),
    gettext_lazy("Moderate"),
    gettext_lazy("Large"),
    gettext_lazy("Very large"),
)
Place = tuple[int, int]


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


def name_of(place: Place) -> str:
    """A cell in words: likelihood, impact."""
    return f"{LIKELIHOODS[place[0] - 1]}, {str(IMPACTS[place[1] - 1]).lower()}"


def draw(
    matrix: RiskMatrix,
    *,
    counts: Mapping[Place, int] | None = None,
    link: Callable[[Place], str] | None = None,
    here: Place | None = None,
) -> HeatMap:
    """Draw a matrix: with counts that lead to their models, or with one cell marked."""
    cells = risk.cells(matrix)

    def field(place: Place) -> Field:
        cell = cells[place]
        count = (counts or {}).get(place, 0)
        return Field(
            likelihood=place[0],
            impact=place[1],
            score=cell.score,
            band=cell.band.value,
            label=_label(place, cell, count if counts is not None else None),
            count=count,
            href=link(place) if link else "",
            here=place == here,
        )

    top = max(likelihood for likelihood, _impact in cells)
    width = max(impact for _likelihood, impact in cells)
    return HeatMap(
        rows=tuple(
            Row(
                str(LIKELIHOODS[lik - 1]),
                tuple(field((lik, imp)) for imp in range(1, width + 1)),
            )
            for lik in range(top, 0, -1)
        ),
        impacts=tuple(str(name) for name in IMPACTS[:width]),
    )


def _label(place: Place, cell: risk.Cell, count: int | None) -> str:
    words = _("%(place)s: %(band)s %(score)s") % {
        "place": name_of(place),
        "band": Band(cell.band).label,
        "score": cell.score,
    }
    if count is None:
        return words
    models = ngettext("%(n)s model", "%(n)s models", count) % {"n": count}
    return f"{models}, {words}"

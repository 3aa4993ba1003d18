"""Figures of a dossier: numbered, with the rows of their data that stand on paper."""

from dataclasses import dataclass

from audits.charts import Chart
from audits.charts.base import Row

_NARROW = 300  # pixels: such a chart has room for its table beside it
MOST_ROWS = 40  # of a figure's data on paper; dossier.json has them all
_SHORT = 14  # rows of a table that is as high as its chart
# Tables of so many columns are so narrow that this many stand side by side.
_ABREAST = {2: 4, 3: 2}


@dataclass(frozen=True)
class Drawing:
    """A numbered figure, and where its vector graphic is fetched from."""

    number: int
    chart: Chart

    @property
    def anchor(self) -> str:
        """The figure's name inside the document."""
        return f"figure-{self.number}"

    @property
    def url(self) -> str:
        """The address under which the fetcher knows the graphic."""
        return f"dossier:figure-{self.number}.svg"

    @property
    def numeric(self) -> frozenset[int]:
        """The columns of the table that hold numbers."""
        rows = self.chart.rows
        return frozenset(
            column
            for column in range(len(self.chart.head))
            if not any(isinstance(row[column], str) for row in rows)
        )

    @property
    def printed(self) -> tuple[Row, ...]:
        """The rows of its data that stand on paper."""
        return self.chart.rows[:MOST_ROWS]

    @property
    def blocks(self) -> tuple[tuple[Row, ...], ...]:
        """The printed rows, in as many tables side by side as the page has room for."""
        rows = self.printed
        beside = _ABREAST.get(len(self.chart.head), 1)
        if self.narrow or len(rows) <= _SHORT:
            return (rows,)
        each = -(-len(rows) // beside)
        return tuple(rows[at : at + each] for at in range(0, len(rows), each))

    @property
    def left_out(self) -> int:
        """How many rows stand in dossier.json only."""
        return max(0, len(self.chart.rows) - MOST_ROWS)

    @property
    def narrow(self) -> bool:
        """Whether chart and table fit side by side."""
        width = self.chart.spec.get("width", _NARROW + 1)
        rows = len(self.chart.rows)
        return isinstance(width, int) and width <= _NARROW and 0 < rows <= _SHORT

    @property
    def has_table(self) -> bool:
        """Whether its data stand nowhere else: group rates are measurements too."""
        return bool(self.chart.rows) and not self.chart.key.startswith("groups-")

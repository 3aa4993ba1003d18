"""Measurements arranged for paper: a list, and grids with one row for each group."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from governance.dossier.content import Measured

MOST_COLUMNS = 8
_SHARED = 3  # from so many lines on, one method is said once below them


@dataclass(frozen=True)
class Grid:
    """Measurements by group: a column for each name, a cell for each measurement."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Measured | None, ...]], ...]
    methods: tuple[str, ...]

    @property
    def missing(self) -> tuple[tuple[str, tuple[Measured, ...]], ...]:
        """The cells that are not estimable, by reason: they stand below the grid."""
        found: dict[str, list[Measured]] = {}
        for _group, cells in self.rows:
            for cell in cells:
                if cell is not None and cell.value is None:
                    found.setdefault(cell.because, []).append(cell)
        return tuple((because, tuple(cells)) for because, cells in found.items())


@dataclass(frozen=True)
class Arranged:
    """All measurements of a report, each once."""

    single: tuple[Measured, ...]
    grids: tuple[Grid, ...]
    alike: tuple[Measured, ...]

    @property
    def method(self) -> str:
        """The method that all measurements in `alike` share."""
        return self.alike[0].method if self.alike else ""


def arranged(measurements: Sequence[Measured]) -> Arranged:
    """Arrange measurements; `feature=value` groups become the rows of grids."""
    grouped = [m for m in measurements if "=" in m.group]
    others = [m for m in measurements if "=" not in m.group]
    shared = Counter((m.name, m.method) for m in others if m.value is not None)
    alike = [m for m in others if shared[m.name, m.method] >= _SHARED and m.group]
    first = {(m.name, m.method) for m in alike[:1]}
    alike = [m for m in alike if (m.name, m.method) in first]
    alike.sort(key=lambda m: -(m.value or 0.0))
    return Arranged(
        single=tuple(m for m in others if m not in alike),
        grids=_grids(grouped),
        alike=tuple(alike),
    )


def _grids(measurements: Sequence[Measured]) -> tuple[Grid, ...]:
    return tuple(
        _grid([m for m in alike if m.name in part])
        for alike in _alike(measurements)
        for part in _parts(alike)
    )


def _alike(measurements: Sequence[Measured]) -> list[list[Measured]]:
    """The measurements in bundles of groups of which mostly the same is measured."""
    names: dict[str, set[str]] = {}
    for m in measurements:
        names.setdefault(m.group, set()).add(m.name)
    bundles: list[tuple[set[str], set[str]]] = []
    for group, own in names.items():
        for groups, all_names in bundles:
            if 2 * len(own & all_names) >= len(own | all_names):
                groups.add(group)
                all_names |= own
                break
        else:
            bundles.append(({group}, set(own)))
    return [[m for m in measurements if m.group in groups] for groups, _ in bundles]


def _parts(measurements: Sequence[Measured]) -> list[list[str]]:
    """The names of measurements in portions that fit the width of the page."""
    names = dict.fromkeys(m.name for m in measurements)
    order = sorted(names, key=lambda name: name != "count")
    return [order[i : i + MOST_COLUMNS] for i in range(0, len(order), MOST_COLUMNS)]


def _grid(measurements: Sequence[Measured]) -> Grid:
    labels = {m.name: m.label for m in measurements}
    names = sorted(labels, key=lambda name: name != "count")
    groups = sorted({m.group for m in measurements}, key=lambda g: (g.count("="), g))
    cells = {(m.group, m.name): m for m in measurements}
    return Grid(
        columns=tuple(labels[name] for name in names),
        rows=tuple(
            (group, tuple(cells.get((group, name)) for name in names))
            for group in groups
        ),
        methods=tuple(sorted({m.method for m in measurements if m.method})),
    )

"""How the portfolio is spread over tiers, bands, states and ages; each row leads on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance.matrices import Place
from governance.models import Severity, Status
from governance.models.risk import Band
from governance.portfolio import AGES, Figures, Moment, Move

_AGES = {
    "30": gettext_lazy("up to 30 days"),
    "90": gettext_lazy("31 to 90 days"),
    "180": gettext_lazy("91 to 180 days"),
    "older": gettext_lazy("more than 180 days"),
}


@dataclass(frozen=True)
class Bar:
    """A row of a distribution: how many, and what share of the largest, 0 to 100."""

    name: str
    count: int
    share: int
    href: str
    word: str = ""


@dataclass(frozen=True)
class Ages:
    """Open findings of one age: the number of each severity, with its link."""

    name: str
    cells: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Links:
    """Where figures lead, on the same day as they are told."""

    moment: Moment

    def inventory(self, **question: object) -> str:
        """The inventory with this filter."""
        return self._to("web:inventory", question)

    def matters(self, which: str, **question: object) -> str:
        """The list of `versions`, `permits`, `waivers` or `findings`."""
        return self._to(f"web:portfolio_{which}", question)

    def cell(self, place: Place) -> str:
        """The models of a cell."""
        return self.inventory(cell=f"{place[0]}x{place[1]}")

    def move(self, move: Move) -> str:
        """The models that a mitigation brings from one cell to another."""
        (a, b), (c, d) = move.source, move.target
        return self.inventory(cell=f"{a}x{b}", residual=f"{c}x{d}")

    def _to(self, name: str, question: Mapping[str, object]) -> str:
        told = dict(question)
        if self.moment.past:
            told["as_of"] = self.moment.day.isoformat()
        return f"{reverse(name)}?{urlencode(told)}" if told else reverse(name)


def _bars(rows: Iterable[tuple[str, int, str, str]]) -> tuple[Bar, ...]:
    """Rows of name, count, link and word as bars."""
    found = list(rows)
    most = max((count for _name, count, _href, _word in found), default=0) or 1
    return tuple(
        Bar(name, count, round(100 * count / most), href, word)
        for name, count, href, word in found
    )


def tiers(found: Figures, links: Links) -> tuple[Bar, ...]:
    """Models by the tier that binds, and those without an assessment."""
    rows = [
        (
            _("Tier %(tier)s") % {"tier": tier},
            found.tiers.get(tier, 0),
            links.inventory(tier=tier),
            "",
        )
        for tier in (1, 2, 3, 4)
    ]
    unassessed = found.models - found.assessed
    missing = links.inventory(review="missing")
    return _bars([*rows, (_("not assessed"), unassessed, missing, "")])


def bands(found: Figures, links: Links) -> list[tuple[str, int, str]]:
    """Models by the band of their inherent risk."""
    return [
        (band.value, found.bands.get(band.value, 0), links.inventory(band=band.value))
        for band in Band
    ]


def statuses(counts: Mapping[str, int], links: Links) -> tuple[Bar, ...]:
    """Versions by where they stand."""
    return _bars(
        (
            str(status.label),
            counts.get(status.value, 0),
            links.matters("versions", status=status.value),
            "",
        )
        for status in Status
    )


def reviews(found: Figures, links: Links) -> tuple[Bar, ...]:
    """Risk reviews that are overdue or due soon."""
    overdue, soon = links.inventory(review="overdue"), links.inventory(review="soon")
    return _bars(
        [
            (_("overdue"), found.overdue, overdue, "no" if found.overdue else ""),
            (_("due within 30 days"), found.soon, soon, ""),
        ]
    )


def findings(counts: Mapping[tuple[str, str], int], links: Links) -> tuple[Ages, ...]:
    """Open findings by age and severity, the youngest first."""
    return tuple(
        Ages(
            str(_AGES[age]),
            tuple(
                (
                    counts.get((age, severity.value), 0),
                    links.matters("findings", age=age, severity=severity.value),
                )
                for severity in Severity
            ),
        )
        for age in AGES
    )

"""The portfolio: which models there are, how they stand, and what is open, by SQL."""

from governance.portfolio.asking import (
    COLUMNS,
    SORTS,
    USUAL,
    DayForm,
    FilterForm,
    Moment,
    Wish,
    columns_of,
    end_of,
    moment_of,
)
from governance.portfolio.concentrated import Group, groups
from governance.portfolio.figures import Figures, Move, figures
from governance.portfolio.judging import NotTold
from governance.portfolio.listing import SOON, Stretch, every, stretch, within
from governance.portfolio.matters import (
    AGES,
    EndingWaiver,
    all_findings,
    ending_waivers,
    expiring,
    findings_by_age,
    names_then,
    open_findings,
    overdue_findings,
    permits_in_force,
    waivers_by_unit,
    worst_first,
)
from governance.portfolio.overview import Overview, overview
from governance.portfolio.standing import standing, statuses

__all__ = [
    "AGES",
    "COLUMNS",
    "SOON",
    "SORTS",
    "USUAL",
    "DayForm",
    "EndingWaiver",
    "Figures",
    "FilterForm",
    "Group",
    "Moment",
    "Move",
    "NotTold",
    "Overview",
    "Stretch",
    "Wish",
    "all_findings",
    "columns_of",
    "end_of",
    "ending_waivers",
    "every",
    "expiring",
    "figures",
    "findings_by_age",
    "groups",
    "moment_of",
    "names_then",
    "open_findings",
    "overdue_findings",
    "overview",
    "permits_in_force",
    "standing",
    "statuses",
    "stretch",
    "waivers_by_unit",
    "within",
    "worst_first",
]

"""The page "My work"."""

from dataclasses import dataclass
from datetime import date

from django.http import HttpResponse
from django.utils import timezone
from django.utils.functional import Promise

from governance import risk
from governance.web.frame import PersonRequest, page, show
from governance.web.work.asked import asked
from governance.web.work.counting import MOST, counts, total
from governance.web.work.kinds import KINDS
from governance.web.work.me import Item, Kind, Me

EACH = 25  # rows of a kind where all kinds are shown


@dataclass(frozen=True)
class Line:
    """One item as it stands in the table."""

    kind: Kind
    item: Item
    tier: int | None
    overdue: bool


@dataclass(frozen=True)
class Tab:
    """A kind with how much of it waits."""

    key: str
    title: str | Promise
    count: int
    more: bool
    here: bool


@page
def my_work(request: PersonRequest) -> HttpResponse:
    """Show what waits for this person, by risk and deadline, and what they asked for.

    `?kind=` shows one kind with more of its rows.
    """
    me = Me.of(request.user, timezone.now())
    found = counts(me)
    wanted = request.GET.get("kind", "")
    chosen = wanted if found.get(wanted) else ""
    lines = _lines(me, found, chosen)
    return show(
        request,
        "work/list.html",
        {
            "tabs": [
                Tab(k.key, k.title, found[k.key], found[k.key] >= MOST, k.key == chosen)
                for k in KINDS
                if found.get(k.key)
            ],
            "chosen": chosen,
            "lines": lines,
            "left": sum(found.values()) - len(lines) if not chosen else 0,
            "total": total(found),
            "roles": sorted(str(role.label) for role in me.held),
            "asked": asked(me),
            "at": me.at,
            "work": found,
        },
        section="work",
    )


def _lines(me: Me, found: dict[str, int], chosen: str) -> list[Line]:
    lines: list[tuple[Kind, Item]] = []
    for kind in KINDS:
        if not found.get(kind.key) or chosen not in ("", kind.key):
            continue
        rows = kind.rows(me)
        if rows is not None:
            most = MOST if chosen else EACH
            lines += [(kind, item) for item in kind.told(me, rows[:most])]
    models = {item.model.pk: item.model for _kind, item in lines if item.model}
    tiers = {
        key: now.tier for key, now in risk.standings(models.values(), me.at).items()
    }
    told = [
        Line(
            kind,
            item,
            item.tier or (tiers.get(item.model.pk) if item.model else None),
            item.due is not None and item.due < me.today,
        )
        for kind, item in lines
    ]
    return sorted(told, key=_urgency)


def _urgency(line: Line) -> tuple[int, date, str]:
    """By tier, the strictest first, then by deadline; without either last."""
    return (line.tier or 9, line.item.due or date.max, line.item.name)

"""The page "My work"."""

from dataclasses import dataclass
from datetime import date

from django.http import HttpResponse
from django.utils import timezone
from django.utils.functional import Promise

from governance import risk
from governance.web.frame import PersonRequest, page_for_all, show
from governance.web.work.asked import asked
from governance.web.work.counting import MOST, counts, total
from governance.web.work.kinds import KINDS
from governance.web.work.me import Item, Kind, Me

EACH = 25  # rows of a kind on a page
LAST = 1000  # pages


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


@page_for_all
def my_work(request: PersonRequest) -> HttpResponse:
    """Show what waits for this person, by risk and deadline, and what they asked for.

    `?kind=` shows one kind, with all of its rows by `?page=`.
    """
    me = Me.of(request.user, request.held, timezone.now())
    found = counts(me)
    wanted = request.GET.get("kind", "")
    chosen = wanted if found.get(wanted) else ""
    number = _number(request.GET.get("page", "")) if chosen else 1
    lines, further = _lines(me, found, chosen, number)
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
            "further": further,
            "before": number - 1,
            "after": number + 1 if chosen and further else 0,
            "total": total(found),
            "roles": sorted(str(role.label) for role in me.held),
            "asked": asked(me),
            "at": me.at,
            "work": found,
        },
        section="work",
    )


def _number(text: str) -> int:
    """The number of a page; the first for what is none."""
    usable = text.isascii() and text.isdecimal() and len(text) < 5
    return max(1, min(int(text), LAST)) if usable else 1


def _lines(
    me: Me, found: dict[str, int], chosen: str, number: int
) -> tuple[list[Line], bool]:
    """What is shown, and whether any kind has further rows."""
    lines: list[tuple[Kind, Item]] = []
    further = False
    for kind in KINDS:
        if not found.get(kind.key) or chosen not in ("", kind.key):
            continue
        rows = kind.rows(me)
        if rows is not None:
            read = list(rows[(number - 1) * EACH : number * EACH + 1])
            further = further or len(read) > EACH
            lines += [(kind, item) for item in kind.told(me, read[:EACH])]
    models = {
        item.model.pk: item.model
        for _kind, item in lines
        if item.model and not item.tier
    }
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
    return sorted(told, key=_urgency), further


def _urgency(line: Line) -> tuple[int, date, str]:
    """By tier, the strictest first, then by deadline; without either last."""
    return (line.tier or 9, line.item.due or date.max, line.item.name)

"""How much work waits, in one query over all kinds."""

from django.db.models import IntegerField, Subquery

from governance.web.work.kinds import KINDS
from governance.web.work.me import Me
from registry.models import User

# Beyond it nobody counts: the page says "more".
MOST = 100


class Counted(Subquery):
    """How many rows a query has."""

    template = "(SELECT count(*) FROM (%(subquery)s) _counted)"
    output_field = IntegerField()


def counts(me: Me) -> dict[str, int]:
    """How much of each kind waits for this person; at most `MOST` of each is counted.

    Kinds that never concern them are left out.
    """
    asked = {
        kind.key: Counted(rows.order_by().values("pk")[:MOST])
        for kind in KINDS
        if (rows := kind.rows(me)) is not None
    }
    if not asked:
        return {}
    row = User.objects.filter(pk=me.user.pk).values_list(*asked.values()).get()
    return dict(zip(asked, row, strict=True))


def total(found: dict[str, int]) -> int:
    """All of it together."""
    return sum(found.values())

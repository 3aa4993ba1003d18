"""How much work waits, in one query over all kinds.

Every page counts, and Django took longer to write the statement than PostgreSQL to
answer it. So it is written once for all who hold the same roles, about nobody at no
time in particular, and both are put in when it is asked. It is asked again only when
the log says that something changed, or after a minute.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import lru_cache, partial
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import IntegerField, Subquery

from governance import roles
from governance.portfolio import Moment
from governance.portfolio.remembering import again
from governance.web.work.kinds import KINDS
from governance.web.work.me import Me
from registry.models import Role, User

# Beyond it nobody counts: the page says "more".
MOST = 100
_NOBODY = UUID("0b0d1e50-0000-4000-8000-000000000000")
_NO_TIME = datetime(2001, 1, 1, tzinfo=UTC)


class Counted(Subquery):
    """How many rows a query has."""

    template = "(SELECT count(*) FROM (%(subquery)s) _counted)"
    output_field = IntegerField()
    # Django asks nothing where it knows that there is no row.
    empty_result_set_value = 0


def counts(me: Me) -> dict[str, int]:
    """How much of each kind waits for this person; at most `MOST` of each is counted.

    Kinds that never concern them are left out.
    """
    if roles.is_outside(me.user, me.held):  # what they may see differs for each
        return _asked(*_written(me))
    asked = ("work", me.user.pk, me.held, me.signs_as)
    return again(asked, partial(_anew, me), Moment(me.at))


def _anew(me: Me) -> dict[str, int]:
    kinds, statement, remembered = _remembered(me.held, me.signs_as)
    return _asked(kinds, statement, [_put_in(me, value) for value in remembered])


def _asked(
    kinds: Sequence[str], statement: str, values: Sequence[Any]
) -> dict[str, int]:
    if not kinds:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        (row,) = cursor.fetchall()
    return dict(zip(kinds, row, strict=True))


@lru_cache(maxsize=256)
def _remembered(
    held: frozenset[Role], signs_as: frozenset[Role]
) -> tuple[Sequence[str], str, Sequence[Any]]:
    return _written(Me(User(pk=_NOBODY), held, _NO_TIME, signs_as))


def _written(me: Me) -> tuple[Sequence[str], str, Sequence[Any]]:
    """The kinds that concern somebody, the statement that counts them, its values."""
    asked = {
        kind.key: Counted(rows.order_by().values("pk")[:MOST])
        for kind in KINDS
        if (rows := kind.rows(me)) is not None
    }
    one = User.objects.filter(pk=me.user.pk).values_list(*asked.values())
    statement, values = one.query.sql_with_params()
    return tuple(asked), statement, tuple(values)


def _put_in(me: Me, value: Any) -> Any:
    """A value of the statement for this person, now: kinds know no other times."""
    if value == _NOBODY:
        return me.user.pk
    if isinstance(value, list):
        return [_put_in(me, one) for one in value]
    if isinstance(value, datetime):
        return me.at + (value - _NO_TIME)
    if isinstance(value, date):
        return me.at.date() + (value - _NO_TIME.date())
    return value


def total(found: dict[str, int]) -> int:
    """All of it together."""
    return sum(found.values())

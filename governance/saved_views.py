"""Views of the portfolio that people keep: keeping, renaming, dropping them."""

from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _

from governance import roles
from governance.models import SavedView
from governance.portfolio import COLUMNS, FilterForm
from governance.records import AlreadyRegistered, Refused, insert, require_printable
from registry.acts import act
from registry.models import User

MOST = 50
NAME_LIMIT, QUERY_LIMIT = 80, 1000  # as the table has it
_KEPT = (*FilterForm.base_fields, "columns")


def of(person: User) -> QuerySet[SavedView]:
    """The views that a person keeps, by name."""
    return SavedView.objects.filter(person=person, dropped_at=None)


@act
def keep(*, name: str, query: str, by: User, at: datetime) -> SavedView:
    """Keep a filter with its order and columns under a name, for oneself.

    What the page does not know is left out of `query`. Raises `NotAllowed`, `Refused`
    where a value is none of the filter's, `AlreadyRegistered`.
    """
    roles.require(by, "read")
    roles.require_person(by)
    name = _name(name)
    User.objects.select_for_update().get(pk=by.pk)
    kept = of(by)
    if kept.count() >= MOST:
        raise Refused(
            {"name": [_("You keep %(n)s views. Drop one first.") % {"n": MOST}]}
        )
    _require_free(name, kept)
    row = SavedView(person=by, name=name, query=_clean(query), kept_at=at)
    insert(row, _taken())
    return row


@act
def rename(*, view_id: UUID, name: str, by: User) -> SavedView:
    """Call a view of one's own by another name; the log keeps the one before.

    Raises as `keep`, and `SavedView.DoesNotExist` for somebody else's and for one that
    is dropped.
    """
    roles.require(by, "read")
    roles.require_person(by)
    User.objects.select_for_update().get(pk=by.pk)
    row = of(by).get(pk=view_id)
    row.name = _name(name)
    _require_free(row.name, of(by).exclude(pk=row.pk))
    row.save(update_fields=["name"])
    return row


@act
def drop(*, view_id: UUID, by: User, at: datetime) -> SavedView:
    """Keep a view of one's own no longer.

    Raises `SavedView.DoesNotExist` for somebody else's, and for one that is dropped.
    """
    row = of(by).select_for_update().get(pk=view_id)
    row.dropped_at = at
    row.save(update_fields=["dropped_at"])
    return row


def _name(name: str) -> str:
    name = name.strip()
    require_printable({"name": name})
    if not name or len(name) > NAME_LIMIT:
        raise Refused({"name": [_("Give it a name of up to 80 characters.")]})
    return name


def _require_free(name: str, others: QuerySet[SavedView]) -> None:
    if others.filter(name=name).exists():
        raise AlreadyRegistered(_taken())


def _taken() -> dict[str, list[str]]:
    return {"name": [_("You keep a view of this name already.")]}


def _clean(query: str) -> str:
    """What the filter knows of a query, in one order. Raises `Refused`."""
    asked = QueryDict(query)
    form = FilterForm(asked)
    if not form.is_valid():
        raise Refused({"query": [_("This filter does not exist.")]})
    columns = asked.getlist("columns")
    if not set(columns) <= COLUMNS.keys():
        raise Refused({"query": [_("There is no such column.")]})
    pairs = [
        (key, value) for key in _KEPT for value in asked.getlist(key) if value.strip()
    ]
    clean = urlencode(pairs)
    if len(clean) > QUERY_LIMIT:
        raise Refused({"query": [_("This filter is too long to be kept.")]})
    return clean

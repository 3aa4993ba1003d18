"""The inventory: the table with its filter."""

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from governance import matrices, portfolio, roles, saved_views
from governance.models import RiskMatrix
from governance.portfolio import COLUMNS, SORTS, FilterForm, Moment, Wish
from governance.web import matrix, views
from governance.web.frame import PersonRequest, page, show
from governance.web.listing import lines
from registry.models import RegisteredModel

PER_PAGE = 25


@dataclass(frozen=True)
class Column:
    """A column as its heading shows it; `to` is the order that choosing it gives."""

    key: str
    title: str
    to: str = ""
    sorted: str = ""


@page
def inventory(request: PersonRequest) -> HttpResponse:
    """List the models that the filter lets through; keep or rename a view on POST."""
    asked = _query(request, "after", "before")
    kept = list(saved_views.of(request.user))
    names = views.forms_of(request, kept, asked)
    room = len(kept) < saved_views.MOST
    if request.method == "POST" and (row := views.carry_out(request, names, asked)):
        return redirect(f"{reverse('web:inventory')}?{row.query}")
    form = FilterForm(request.GET)
    wish = form.wish()
    moment = portfolio.moment_of(wish, now=timezone.now())
    chosen = portfolio.columns_of(request.GET.getlist("columns"))
    try:
        found = portfolio.stretch(
            wish,
            moment,
            size=PER_PAGE,
            after=_slug(request, "after"),
            before=_slug(request, "before"),
        )
        told = True
    except portfolio.NotTold:
        found, told = portfolio.Stretch((), 0), False
    return show(
        request,
        "inventory/rows.html" if request.htmx else "inventory/list.html",
        {
            "form": form,
            "wish": wish,
            "moment": moment,
            "told": told,
            "place": _places(wish, moment),
            "found": found,
            "lines": lines(found.rows, moment=moment),
            "columns": [_column(key, wish.sort) for key in ("name", *chosen)],
            "choices": [(key, title, key in chosen) for key, title in COLUMNS.items()],
            "query": asked,
            "total": RegisteredModel.objects.count(),
            "may_register": roles.may(request.user, "register models"),
            "views": kept,
            "names": names if room or names[0].is_bound else names[1:],
        },
        section="models",
    )


def _slug(request: PersonRequest, name: str) -> str:
    """From where to go on; what cannot be a slug is nowhere."""
    return request.GET.get(name, "").replace("\x00", "")[:80]


def _query(request: PersonRequest, *without: str) -> str:
    """The question of the page's address, without some of its parts."""
    asked = request.GET.copy()
    for name in without:
        asked.pop(name, None)
    for name in [name for name, values in asked.lists() if not any(values)]:
        del asked[name]
    return asked.urlencode()


def _places(wish: Wish, moment: Moment) -> str:
    """The chosen cells in words: where the models stand, and where after mitigation."""
    if wish.elsewhere:
        return _("on other scales than the matrix that is shown")
    if wish.cell is None and wish.residual is None:
        return ""
    try:
        table = matrices.of(matrices.current(at=moment.at))
    except RiskMatrix.DoesNotExist:
        return ""
    words = [matrix.name_of(table, wish.cell)] if wish.cell else []
    if wish.residual:
        place = matrix.name_of(table, wish.residual)
        words.append(_("after mitigation: %(place)s") % {"place": place})
    return " · ".join(words)


def _column(key: str, sort: str) -> Column:
    """A heading, with the order that choosing it gives and the one that it has."""
    title = str(COLUMNS[key]) if key in COLUMNS else _("Model")
    if key not in SORTS:
        return Column(key, title)
    direction = {key: "ascending", f"-{key}": "descending"}.get(sort, "")
    return Column(key, title, f"-{key}" if sort == key else key, direction)

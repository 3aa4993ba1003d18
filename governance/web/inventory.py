"""The inventory: the table with its filter."""

from django import forms
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from governance import matrices, roles
from governance.models import Status
from governance.models.risk import Band
from governance.web import matrix
from governance.web.frame import PersonRequest, page, show
from governance.web.listing import SORTS, Wish, lines, wished
from registry.models import RegisteredModel

PER_PAGE = 25
COLUMNS = (
    ("name", _("Model")),
    ("risk", _("Risk")),
    ("tier", _("Tier")),
    ("", _("Versions")),
    ("", _("Authorised until")),
    ("owner", _("Owner")),
)


class FilterForm(forms.Form):
    """What to list. Values that do not exist are refused, not ignored."""

    q = forms.CharField(label=_("Search"), required=False, max_length=200)
    tier = forms.TypedChoiceField(
        label=_("Tier"),
        required=False,
        coerce=int,
        empty_value=None,
        choices=[("", _("all")), *((n, str(n)) for n in range(1, 5))],
    )
    band = forms.ChoiceField(
        label=_("Risk"), required=False, choices=[("", _("all")), *Band.choices]
    )
    status = forms.ChoiceField(
        label=_("Status"), required=False, choices=[("", _("all")), *Status.choices]
    )
    cell = forms.RegexField(r"^[1-6]x[1-6]\Z", required=False, widget=forms.HiddenInput)
    sort = forms.ChoiceField(
        required=False,
        widget=forms.HiddenInput,
        choices=[(f"{sign}{name}", name) for name in SORTS for sign in ("", "-")],
    )

    def wish(self) -> Wish:
        """What was asked for; without a valid question, everything."""
        if not self.is_valid():
            return Wish()
        data = self.cleaned_data
        cell = tuple(int(n) for n in data["cell"].split("x")) if data["cell"] else None
        return Wish(
            text=data["q"],
            tier=data["tier"],
            band=data["band"],
            status=data["status"],
            cell=(cell[0], cell[1]) if cell else None,
            sort=data["sort"] or "name",
        )


@page
def inventory(request: PersonRequest) -> HttpResponse:
    """List the models that the filter lets through."""
    form = FilterForm(request.GET)
    wish = form.wish()
    rows = Paginator(wished(wish), PER_PAGE).get_page(request.GET.get("page"))
    return show(
        request,
        "inventory/rows.html" if request.htmx else "inventory/list.html",  # type: ignore[attr-defined]
        {
            "form": form,
            "wish": wish,
            "place": _cell_name(wish),
            "rows": rows,
            "lines": lines(rows, at=timezone.now()),
            "columns": [
                _column(name, str(title), wish.sort) for name, title in COLUMNS
            ],
            "total": RegisteredModel.objects.count(),
            "may_register": roles.may(request.user, "register models"),
        },
        section="models",
    )


def _cell_name(wish: Wish) -> str:
    if wish.cell is None:
        return ""
    table = matrices.of(matrices.current(at=timezone.now()))
    return matrix.name_of(table, wish.cell)


def _column(name: str, title: str, sort: str) -> dict[str, str]:
    """A heading, with the order that choosing it gives and the one that it has."""
    direction = {name: "ascending", f"-{name}": "descending"}.get(sort, "")
    turned = f"-{name}" if sort == name else name
    return {"title": title, "to": turned if name else "", "sorted": direction}

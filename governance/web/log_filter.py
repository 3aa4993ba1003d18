"""What somebody wants to see of the log, asked so that an index answers."""

from datetime import datetime, time
from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audits import capture
from audits.models import Entry
from governance.web import kinds
from governance.web.log_reading import SCHEMA
from registry.models import User

PER_PAGE = 40
PEOPLE = 20  # of the same name: more are not looked for
# Time first: the indexes by table and by author are in this order too.
NEWEST = ("-occurred_at", "-entry_id")


class FilterForm(forms.Form):
    """What somebody wants to see of the timeline; empty means everything."""

    table = forms.ChoiceField(label=gettext_lazy("Kind of record"), required=False)
    key = forms.CharField(
        label=gettext_lazy("Record"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"placeholder": gettext_lazy("its id")}),
    )
    actor = forms.CharField(label=gettext_lazy("Who"), required=False, max_length=150)
    begin = forms.DateField(
        label=gettext_lazy("From"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    end = forms.DateField(
        label=gettext_lazy("Until"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    outside = forms.BooleanField(
        label=gettext_lazy("Outside the application only"), required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [table.table for table in capture.governed_tables()]
        told = sorted((kinds.kind(name), name) for name in names)
        words = [(name, f"{word} ({name})") for word, name in told]
        choices = [("", _("all")), *words]
        cast("forms.ChoiceField", self.fields["table"]).choices = choices

    def clean(self) -> dict[str, Any]:
        """A record is looked up in its table: its id alone names none."""
        data = super().clean() or {}
        if data.get("key") and not data.get("table"):
            self.add_error("table", _("Say of which kind the record is."))
        return data

    def wished(self) -> QuerySet[Entry]:
        """The entries asked for, newest first; a day ends at midnight."""
        found = Entry.objects.order_by(*NEWEST)
        data = self.cleaned_data
        if data.get("table"):
            found = found.filter(rel=SCHEMA + data["table"])
        if data.get("key"):
            found = found.filter(pk_text=data["key"].strip())
        if data.get("actor"):
            found = found.filter(_by(data["actor"].strip()))
        if data.get("outside"):
            found = found.filter(actor=None)
        if data.get("begin"):
            found = found.filter(occurred_at__gte=_moment(data["begin"], time.min))
        if data.get("end"):
            found = found.filter(occurred_at__lte=_moment(data["end"], time.max))
        return found


def _moment(day: Any, at: time) -> datetime:
    return timezone.make_aware(datetime.combine(day, at))


def _by(name: str) -> Q:
    """Entries of the people of this name or user name, else of this program.

    Of one author the index gives them in order; IN would read all and sort.
    """
    first, _gap, last = name.rpartition(" ")
    called = Q(username__iexact=name) | Q(last_name__iexact=name)
    if first:
        called |= Q(first_name__iexact=first, last_name__iexact=last)
    keys = User.objects.filter(called).values_list("pk", flat=True)[:PEOPLE]
    actors = [str(key) for key in keys] or [kinds.program_named(name)]
    return Q(actor=actors[0]) if len(actors) == 1 else Q(actor__in=actors)


def stretch(request: HttpRequest, found: QuerySet[Entry]) -> tuple[list[Entry], str]:
    """One page of entries, and the query of the next; counting them would be slow."""
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 19:
        last = Entry.objects.filter(entry_id=int(before)).first()
        if last is None:  # archived meanwhile
            found = found.filter(entry_id__lt=int(before))
        else:
            found = found.filter(
                ~Q(occurred_at=last.occurred_at, entry_id__gte=last.entry_id),
                occurred_at__lte=last.occurred_at,
            )
    rows = list(found[: PER_PAGE + 1])
    if len(rows) <= PER_PAGE:
        return rows, ""
    query = {k: v for k, v in request.GET.items() if k != "before" and v}
    return rows[:PER_PAGE], urlencode(query | {"before": rows[PER_PAGE - 1].entry_id})

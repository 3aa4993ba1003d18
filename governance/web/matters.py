"""The rows behind the figures: permits and waivers that end, findings, versions."""

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from django import forms
from django.db.models import Model, Q, QuerySet
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import portfolio
from governance.models import (
    Authorisation,
    Finding,
    FindingChange,
    Severity,
    Status,
    Waiver,
)
from governance.portfolio import AGES, DayForm, Moment
from governance.templatetags.freigabe import short
from governance.web.frame import PersonRequest, page, show
from governance.web.links import version_url
from registry.models import ModelVersion, RegisteredModel

PER_PAGE = 50
MOST_WAIVERS = 200
R = TypeVar("R", bound=Model)
Line = tuple[str, str, tuple[str, ...]]  # where it leads, its name, the other cells


class FindingsForm(DayForm):
    """Which open findings are shown."""

    age = forms.ChoiceField(
        label=gettext_lazy("Age in days"),
        required=False,
        choices=[("", gettext_lazy("all")), *((age, age) for age in AGES)],
    )
    severity = forms.ChoiceField(
        label=gettext_lazy("Severity"),
        required=False,
        choices=[("", gettext_lazy("all")), *Severity.choices],
    )
    overdue = forms.BooleanField(label=gettext_lazy("overdue ones"), required=False)


class VersionsForm(DayForm):
    """Which versions are shown."""

    status = forms.ChoiceField(
        label=gettext_lazy("Status"),
        required=False,
        choices=[("", gettext_lazy("all")), *Status.choices],
    )


@page
def permits(request: PersonRequest) -> HttpResponse:
    """Authorisations that end within 30 days, the next first."""
    form, moment = _asked(DayForm(request.GET))
    rows = portfolio.expiring(moment).select_related("version__model", "environment")
    found, after = _stretch(request, rows, "valid_until")
    _name(moment, [row.version.model for row in found])
    return _page(
        request,
        form,
        moment,
        title=_("Authorisations that end within 30 days"),
        columns=(_("Version"), _("Environment"), _("Ends")),
        lines=[_permit(row, moment) for row in found],
        count=rows.count(),
        after=after,
    )


def _permit(row: Authorisation, moment: Moment) -> Line:
    cells = (row.environment.name, short(row.valid_until))
    return _address(row.version, moment), str(row.version), cells


@page
def waivers(request: PersonRequest) -> HttpResponse:
    """Active waivers that end within 30 days, the next first."""
    form, moment = _asked(DayForm(request.GET))
    try:
        count, found = portfolio.ending_waivers(moment, most=MOST_WAIVERS)
    except portfolio.NotTold:
        count, found = None, []
    rows = Waiver.objects.select_related("model", "version__model").in_bulk(
        [one.waiver_id for one in found]
    )
    _name(moment, [(row.version or row).model for row in rows.values()])
    lines: list[Line] = [
        (
            reverse("web:waiver", args=[one.waiver_id]),
            str(rows[one.waiver_id].version or rows[one.waiver_id].model),
            (", ".join(rows[one.waiver_id].rules), short(one.ends_at)),
        )
        for one in found
    ]
    return _page(
        request,
        form,
        moment,
        title=_("Waivers that end within 30 days"),
        columns=(_("Of"), _("Rules"), _("Ends")),
        lines=lines,
        count=count,
    )


@page
def findings(request: PersonRequest) -> HttpResponse:
    """Open findings, the oldest first."""
    form, moment = _asked(FindingsForm(request.GET))
    asked = form.cleaned_data if form.is_valid() else {}
    rows = portfolio.open_findings(moment, age=asked.get("age", ""))
    if asked.get("severity"):
        rows = rows.filter(severity=asked["severity"])
    if asked.get("overdue"):
        rows = rows.filter(due_on__lt=moment.day)
    told = rows.select_related("model", "version__model")
    found, after = _stretch(request, told, "raised_at")
    _name(moment, [(row.version or row).model for row in found])
    return _page(
        request,
        form,
        moment,
        title=_("Open findings by age"),
        columns=(
            _("Finding"),
            _("Of"),
            _("Severity"),
            _("State"),
            _("Raised"),
            _("Due"),
        ),
        lines=[_finding(row) for row in found],
        count=rows.count(),
        after=after,
    )


def _finding(row: Any) -> Line:
    """A finding with the annotations of `portfolio.open_findings`."""
    finding: Finding = row
    cells = (
        str(finding.version or finding.model),
        str(Severity(row.severity).label),
        str(FindingChange.State(row.state).label),
        short(finding.raised_at),
        short(row.due_on),
    )
    return reverse("web:finding", args=[finding.pk]), finding.title, cells


@page
def versions(request: PersonRequest) -> HttpResponse:
    """Versions by where they stand, those that stand there longest first."""
    form, moment = _asked(VersionsForm(request.GET))
    status = form.cleaned_data["status"] if form.is_valid() else ""
    rows = portfolio.standing(
        moment, status, size=PER_PAGE + 1, after=_key(request.GET.get("after", ""))
    )
    shown = rows[:PER_PAGE]
    versions = ModelVersion.objects.select_related("model").defer("manifest", "notes")
    found = versions.in_bulk([row["id"] for row in shown])
    _name(moment, [version.model for version in found.values()])
    counts = portfolio.statuses(moment)
    return _page(
        request,
        form,
        moment,
        title=_("Versions by status"),
        columns=(_("Version"), _("Status"), _("Since")),
        lines=[_version(found[row["id"]], row, moment) for row in shown],
        count=counts.get(status, 0) if status else sum(counts.values()),
        after=str(shown[-1]["id"]) if len(rows) > PER_PAGE else "",
    )


def _version(version: ModelVersion, row: Mapping[str, Any], moment: Moment) -> Line:
    cells = (str(Status(row["status"]).label), short(row["since"]))
    return _address(version, moment), str(version), cells


def _address(version: ModelVersion, moment: Moment) -> str:
    return version_url(version, as_of=moment.day if moment.past else None)


def _name(moment: Moment, models: list[RegisteredModel]) -> None:
    """Call models what they were called on a past day; what cannot be told, by slug."""
    if not moment.past:
        return
    try:
        names = portfolio.names_then(moment, models)
    except portfolio.NotTold:
        names = {}
    for model in models:
        model.name = names.get(model.pk, model.slug)


F = TypeVar("F", bound=DayForm)


def _asked(form: F) -> tuple[F, Moment]:
    past = form.at()
    return form, Moment(past, past=True) if past else Moment(timezone.now())


def _stretch(
    request: PersonRequest, rows: QuerySet[R], field: str
) -> tuple[list[R], str]:
    """A page of rows ordered by a field and the key, and from where to go on."""
    key = _key(request.GET.get("after", ""))
    here = rows.model._default_manager.filter(pk=key).values_list(field).first()
    if here:
        behind = Q(**{field: here[0], "pk__gt": key})
        rows = rows.filter(Q(**{f"{field}__gt": here[0]}) | behind)
    found = list(rows[: PER_PAGE + 1])
    more = len(found) > PER_PAGE
    return found[:PER_PAGE], str(found[PER_PAGE - 1].pk) if more else ""


def _key(text: str) -> UUID | None:
    """A key out of an address; what cannot be one is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _page(
    request: PersonRequest,
    form: DayForm,
    moment: Moment,
    *,
    title: str,
    columns: tuple[str, ...],
    lines: list[Line],
    count: int | None,
    after: str = "",
) -> HttpResponse:
    """A list of what lies behind a figure; `count` is None where it cannot be told."""
    context = {
        "form": form,
        "moment": moment,
        "title": title,
        "columns": columns,
        "lines": lines,
        "total": count,
        "after": after,
    }
    return show(request, "dashboard/rows.html", context, section="dashboard")

"""Change plans: their list, one plan, filing one; naming the plan of a version."""

from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from django import forms
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import changing, planned, roles
from governance.case import Case
from governance.models import ChangePlan, ChangeRecord
from governance.models.changes import MOST_CHANGES
from governance.records import Refused
from governance.web.findings import Day
from governance.web.frame import PersonRequest, page, show
from governance.web.offers import (
    Line,
    Offer,
    Step,
    TextForm,
    carry_out,
    form_for,
    record_page,
)
from governance.web.proof import ProofForm
from governance.web.versions import choose_environment, find_version

PER_PAGE = 25
_WORDS = forms.Textarea(attrs={"rows": 3})


class PlanForm(ProofForm):
    """What may change later, within which limits, until when; and who signs it."""

    changes = forms.CharField(
        label=gettext_lazy("What may change"), max_length=10_000, widget=_WORDS
    )
    protocol = forms.CharField(
        label=gettext_lazy("How each change is tested and released"),
        max_length=10_000,
        widget=_WORDS,
    )
    impact = forms.CharField(
        label=gettext_lazy("What it may do, and how that is contained"),
        max_length=10_000,
        widget=_WORDS,
    )
    limits = forms.CharField(
        label=gettext_lazy("Limits"),
        max_length=10_000,
        widget=_WORDS,
        help_text=gettext_lazy(
            "One measurement a line: kind, name, group, at least, at most, separated "
            "by semicolons, such as performance; roc_auc; ; 0.78;"
        ),
    )
    most_changes = forms.IntegerField(
        label=gettext_lazy("At most so many changes"),
        min_value=1,
        max_value=MOST_CHANGES,
    )
    valid_until = Day(label=gettext_lazy("Until the beginning of"))

    def wish(self) -> changing.Wish:
        """The plan as typed. Raises `Refused` where a line of limits is none."""
        data = self.cleaned_data
        lines = [line for line in data["limits"].splitlines() if line.strip()]
        return changing.Wish(
            **{name: data[name] for name in ("changes", "protocol", "impact")},
            limits=[_limit(line) for line in lines],
            most_changes=data["most_changes"],
            valid_until=datetime.combine(data["valid_until"], time.min, UTC),
        )


def _limit(line: str) -> dict[str, Any]:
    parts = [part.strip() for part in line.split(";")]
    try:
        kind, name, group, least, most = parts
        bounds = [float(text) if text else None for text in (least, most)]
    except ValueError as error:
        told = _("%(line)s: write five parts with four semicolons.") % {"line": line}
        raise Refused({"limits": [told]}) from error
    return {
        "kind": kind,
        "name": name,
        "group": group,
        "at_least": bounds[0],
        "at_most": bounds[1],
    }


class ChangeForm(forms.Form):
    """Under which plan a version falls, and what was changed why."""

    changed = forms.CharField(
        label=gettext_lazy("What was changed"), max_length=10_000, widget=_WORDS
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=10_000, widget=_WORDS
    )

    def __init__(self, *args: Any, model_id: UUID, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["plan"] = forms.ModelChoiceField(
            label=_("Change plan"),
            queryset=planned.told().filter(version__model=model_id, end=None),
        )
        self.order_fields(("plan", "changed", "reason"))


@page
def plans_page(request: PersonRequest) -> HttpResponse:
    """All change plans, the newest first."""
    at = timezone.now()
    rows = Paginator(planned.told(), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "title": _("Change plans"),
        "intro": _(
            "What may change in later versions with a validator and one approver."
        ),
        "rows": rows,
        "lines": [_line(row, at) for row in rows],
        "columns": [_("Version"), _("Changes"), _("Ends"), _("State")],
        "empty": _("There is none. An owner files one with a version."),
    }
    return show(request, "exceptions/list.html", context, section="approvals")


def _line(row: ChangePlan, at: datetime) -> Line:
    ended = hasattr(row, "end") or at >= row.valid_until
    return Line(
        address=reverse("web:change_plan", args=[row.pk]),
        name=str(row.version),
        about=row.changes[:200],
        cells=(row.most_changes, f"{row.valid_until:%Y-%m-%d %H:%M} UTC"),
        state=_("ended") if ended else _("filed"),
        sign="no" if ended else "yes",
    )


@page
def file_plan(request: PersonRequest, slug: str, version: str) -> HttpResponse:
    """File the change plan that is judged with a version, as its owner."""
    row = find_version(slug, version)
    roles.require(request.user, "file change plans", model=row.model)
    form = PlanForm(request.POST or None, request=request)

    def act(valid: PlanForm) -> ChangePlan:
        return changing.file_plan(
            version=row,
            wish=valid.wish(),
            proof=valid.proof,
            by=request.user,
            at=timezone.now(),
        )

    if request.method == "POST":
        made = carry_out(form, act)
        if isinstance(made, ChangePlan):
            return redirect("web:change_plan", made.pk)
    context = {"title": _("File a change plan"), "form": form, "above": _above(row)}
    return show(request, "exceptions/ask.html", context, section="models")


@page
def record_change(request: PersonRequest, slug: str, version: str) -> HttpResponse:
    """Say that a version is a minor change inside a plan; then, whether it is."""
    row = find_version(slug, version)
    if hasattr(row, "change_record"):
        return _change_page(request, row.change_record)
    roles.require(request.user, "record changes", model=row.model)
    form = ChangeForm(request.POST or None, model_id=row.model_id)

    def act(valid: ChangeForm) -> ChangeRecord:
        return changing.record_change(
            version=row, **valid.cleaned_data, by=request.user, at=timezone.now()
        )

    if request.method == "POST" and isinstance(carry_out(form, act), ChangeRecord):
        return redirect("web:record_change", slug, version)
    context = {"title": _("Record a minor change"), "form": form, "above": _above(row)}
    return show(request, "exceptions/ask.html", context, section="models")


def _above(row: Any) -> list[tuple[str, str]]:
    model = row.model
    return [
        (reverse("web:model", args=[model.slug]), model.name),
        (
            reverse("web:version", args=[model.slug, row.version]),
            _("Version %(number)s") % {"number": row.version},
        ),
    ]


def _change_page(request: PersonRequest, record: ChangeRecord) -> HttpResponse:
    """What was changed, and limit by limit whether it lies inside the plan."""
    environment = choose_environment(request.GET.get("environment", ""))
    row = record.version
    found = Case(row, environment, timezone.now()).change if environment else None
    inside = found is not None and found.inside
    facts: list[tuple[str, object]] = [
        (_("What was changed"), record.changed),
        (_("Reason"), record.reason),
        (_("Environment"), environment or ""),
    ]
    for limit in found.limits if found else ():
        word = _("holds") if limit.passed else _("does not hold")
        wanted = _(" (wanted: %(what)s)") % {"what": limit.wanted}
        facts.append(
            (limit.name, f"{word}: {limit.observed}{wanted if limit.wanted else ''}")
        )
    who = record.recorded_by.printed_name
    context = {
        "title": _("Minor change: %(version)s") % {"version": row},
        "above": _above(row),
        "state": _("light path") if inside else _("outside its plan: everybody signs"),
        "sign": "yes" if inside else "no",
        "facts": facts,
        "steps": [Step(_("recorded"), who, record.recorded_at)],
    }
    address = reverse("web:record_change", args=[row.model.slug, row.version])
    return record_page(request, [], context, section="models", address=address)


@page
def plan_page(request: PersonRequest, plan_id: UUID) -> HttpResponse:
    """One plan: what it allows, what fell under it, and ending it."""
    row = get_object_or_404(planned.told(), pk=plan_id)
    line = _line(row, timezone.now())
    places = row.baseline["measured_on"]
    context = {
        "title": _("Change plan of %(version)s") % {"version": row.version},
        "above": [
            (reverse("web:change_plans"), _("Change plans")),
            *_above(row.version),
        ],
        "state": line.state,
        "sign": line.sign,
        "facts": [
            (_("What may change"), row.changes),
            (_("How each change is tested and released"), row.protocol),
            (_("What it may do, and how that is contained"), row.impact),
            *(
                (
                    f"{limit['name']} {limit['group']}".strip(),
                    planned.in_words(limit, places.get(limit["kind"], "")),
                )
                for limit in row.limits
            ),
            (_("Same algorithm"), row.baseline["algorithm"]),
            (_("Same features"), row.baseline["features"]),
            (_("Same data sets"), row.baseline["data"]),
            (_("At most so many changes"), row.most_changes),
            (_("Ends"), row.valid_until),
            (_("Record"), f"sha256:{row.subject_sha256}"),
        ],
        "steps": _steps(row),
    }
    offers = []
    right = roles.may(request.user, "end change plans", model=row.version.model)
    if right and line.sign == "yes":
        offers.append(_ending(request, row))
    address = reverse("web:change_plan", args=[row.pk])
    return record_page(request, offers, context, section="approvals", address=address)


def _steps(row: ChangePlan) -> list[Step]:
    steps = [Step(_("filed, signed"), row.filed_by.printed_name, row.filed_at)]
    records = row.records.select_related("version__model", "recorded_by")
    for record in records.order_by("sequence"):
        who = record.recorded_by.printed_name
        text = f"{record.version}\n{record.changed}"
        steps.append(Step(_("minor change"), who, record.recorded_at, text))
    if hasattr(row, "end"):
        who = row.end.ended_by.printed_name
        steps.append(Step(_("ended"), who, row.end.ended_at, row.end.reason))
    return steps


def _ending(request: PersonRequest, row: ChangePlan) -> Offer:
    return Offer(
        "end",
        _("End it for good"),
        form_for(request, "end", TextForm),
        lambda form: changing.end_plan(
            plan=row,
            reason=form.cleaned_data["text"],
            by=request.user,
            at=timezone.now(),
        ),
        stops=True,
    )

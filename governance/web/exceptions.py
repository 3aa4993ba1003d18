"""What is open about a model or a version: findings, waivers, emergencies."""

from collections.abc import Collection
from datetime import datetime

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import emergencies, findings, risk, waived
from governance.findings import Standing
from governance.models import Emergency
from governance.templatetags.freigabe import short
from governance.waived import Ending
from governance.web.frame import PersonRequest, may
from governance.web.offers import Line
from registry.models import ModelVersion, RegisteredModel

WAIVER_STATES = {
    "requested": (gettext_lazy("waits for signatures"), "wait"),
    "refused": (gettext_lazy("refused"), "no"),
    "granted": (gettext_lazy("granted for later"), "wait"),
    "active": (gettext_lazy("active"), "yes"),
    "ended": (gettext_lazy("ended"), "no"),
    "revoked": (gettext_lazy("revoked"), "no"),
}

EMERGENCY_STATES = {
    "waits": (gettext_lazy("waits for a second person"), "wait"),
    "lapsed": (gettext_lazy("never confirmed"), "no"),
    "runs": (gettext_lazy("BREAK-GLASS: it runs without approval"), "no"),
    "awaits-review": (gettext_lazy("over, awaits its review"), "wait"),
    "overdue": (gettext_lazy("review overdue"), "no"),
    "reviewed": (gettext_lazy("reviewed"), "yes"),
}

_LIVE = ("requested", "granted", "active")


def open_about(
    about: RegisteredModel | ModelVersion,
    at: datetime,
    standing: risk.Standing,
    absent: Collection[str] = (),
) -> list[Line]:
    """Everything that somebody still has to look at, the findings first.

    `standing` is the risk of the model then; of the kinds that are `absent` it is
    known that the model has none, see `governance.absent`.
    """
    if isinstance(about, ModelVersion):
        model, glass = about.model, emergencies.told().filter(version=about)
        rows = waived.listed().filter(Q(version=about) | Q(version=None), model=model)
    else:
        model, glass = about, emergencies.told().filter(version__model=about)
        rows = waived.listed().filter(model=model)
    rows = rows.none() if "waivers" in absent else rows
    glass = glass.none() if "emergencies" in absent else glass
    open_findings = [] if "findings" in absent else findings.open_of(about, at)
    return [
        *(finding_line(now) for now in open_findings),
        *(
            waiver_line(row, at)
            for row in waived.endings(rows, at, {model.pk: standing})
            if row.state(at) in _LIVE
        ),
        *(
            emergency_line(row, at)
            for row in glass
            if emergencies.state_of(row, at) not in ("reviewed", "lapsed")
        ),
    ]


def links_for(
    request: PersonRequest,
    model: RegisteredModel,
    version: ModelVersion | None = None,
) -> list[tuple[str, str]]:
    """Where this person may go from here."""
    links = []
    if may(request, "raise findings", model):
        links.append(
            (reverse("web:raise_finding", args=[model.slug]), _("Raise a finding"))
        )
    if may(request, "request waivers", model):
        links.append(
            (reverse("web:request_waiver", args=[model.slug]), _("Ask for a waiver"))
        )
    links += _of_changes(request, model, version) if version is not None else []
    if version is not None and may(request, "break the glass", model):
        address = reverse("web:break_glass", args=[model.slug, version.version])
        links.append((address, _("Break the glass")))
    return links


def _of_changes(
    request: PersonRequest, model: RegisteredModel, version: ModelVersion
) -> list[tuple[str, str]]:
    """The change record of a version, or where to make one, or a plan."""
    names = [model.slug, version.version]
    links = []
    if hasattr(version, "change_record"):
        links.append((reverse("web:record_change", args=names), _("Minor change")))
    elif may(request, "record changes", model):
        address = reverse("web:record_change", args=names)
        links.append((address, _("Record a minor change")))
        if may(request, "file change plans", model):
            address = reverse("web:file_change_plan", args=names)
            links.append((address, _("File a change plan")))
    return links


def finding_line(now: Standing) -> Line:
    """A finding as a row of a list."""
    state = _("overdue") if now.overdue else str(now.state.label)
    return Line(
        address=reverse("web:finding", args=[now.finding.pk]),
        name=now.finding.title,
        about=str(now.finding.version or now.finding.model),
        cells=(now.severity.label, now.owner.printed_name, short(now.due_on)),
        state=state,
        sign="no" if now.overdue else "wait" if now.is_open else "yes",
    )


def waiver_line(ending: Ending, at: datetime) -> Line:
    """A waiver as a row of a list."""
    row = ending.waiver
    word, sign = WAIVER_STATES[ending.state(at)]
    return Line(
        address=reverse("web:waiver", args=[row.pk]),
        name=", ".join(row.rules),
        about=str(row.version or row.model),
        cells=(
            row.environment.name if row.environment else _("all"),
            row.tier,
            f"{ending.ends_at:%Y-%m-%d %H:%M} UTC",
        ),
        state=str(word),
        sign=sign,
    )


def emergency_line(row: Emergency, at: datetime) -> Line:
    """An emergency as a row of a list."""
    word, sign = EMERGENCY_STATES[emergencies.state_of(row, at)]
    given = getattr(row, "authorisation", None)
    due = f"{emergencies.review_due_at(given):%Y-%m-%d %H:%M} UTC" if given else "–"
    return Line(
        address=reverse("web:emergency", args=[row.pk]),
        name=row.incident,
        about=str(row.version),
        cells=(row.environment.name, row.invoked_by.printed_name, due),
        state=str(word),
        sign=sign,
    )

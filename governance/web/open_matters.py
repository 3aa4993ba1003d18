"""What is open beyond approvals: emergencies, findings and waivers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.translation import gettext as _

from governance import emergencies, findings, waived
from governance.models import Emergency, Finding
from governance.templatetags.freigabe import short

SOON = timedelta(days=14)


@dataclass(frozen=True)
class Task:
    """Something that somebody should decide, and where."""

    urgent: bool
    name: str
    href: str
    text: str
    at: datetime | None = None
    because: str = ""


def tasks(at: datetime) -> Iterator[Task]:
    """Emergencies without review, findings overdue or critical, waivers that end."""
    yield from _emergencies(at)
    yield from _findings(at)
    yield from _waivers(at)


def _emergencies(at: datetime) -> Iterator[Task]:
    rows = Emergency.objects.filter(authorisation__isnull=False, review=None)
    for row in rows.select_related("version__model", "authorisation"):
        due = emergencies.review_due_at(row.authorisation)
        yield Task(
            urgent=at >= due,
            name=str(row.version),
            href=reverse("web:emergency", args=[row.pk]),
            text=_("ran under break-glass and awaits its review"),
            at=row.invoked_at,
            because=_("due on %(day)s") % {"day": short(due.date())},
        )


def _findings(at: datetime) -> Iterator[Task]:
    rows = Finding.objects.exclude(changes__state="closed") | Finding.objects.filter(
        changes__state="open"
    )
    told = findings.told().filter(pk__in=rows.values("pk"))
    for found in findings.worst_first([findings.standing(row, at) for row in told]):
        if not found.is_open or not (found.overdue or found.severity == "critical"):
            continue
        yield Task(
            urgent=True,
            name=found.finding.title,
            href=reverse("web:finding", args=[found.finding.pk]),
            text=_("is overdue") if found.overdue else _("is a critical finding"),
            because=_("due on %(day)s") % {"day": short(found.due_on)},
        )


def _waivers(at: datetime) -> Iterator[Task]:
    for ending in waived.ending_soon(at, within=SOON):
        row = ending.waiver
        yield Task(
            urgent=False,
            name=str(row.version or row.model),
            href=reverse("web:waiver", args=[row.pk]),
            text=_("has a waiver that ends"),
            because=_("on %(day)s") % {"day": short(ending.ends_at.date())},
        )

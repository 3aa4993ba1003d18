"""What is open beyond approvals: emergencies, findings and waivers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from governance import emergencies, findings, portfolio, waived
from governance.models import Emergency, Severity
from governance.portfolio import Moment
from governance.templatetags.freigabe import short

SOON = timedelta(days=14)
MOST = 13  # of a kind: one more than a page shows


@dataclass(frozen=True)
class Task:
    """Something that somebody should decide, and where."""

    urgent: bool
    name: str
    href: str
    text: str
    at: datetime | None = None
    because: str = ""


def tasks(at: datetime, ending: Sequence[portfolio.EndingWaiver]) -> Iterator[Task]:
    """Emergencies without review, findings overdue or critical, waivers that end.

    `ending` are the waivers that end next.
    """
    yield from _emergencies(at)
    yield from _findings(at)
    yield from _waivers([one for one in ending if one.ends_at <= at + SOON])


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
            because=_("due on %(day)s") % {"day": short(due)},
        )


def _findings(at: datetime) -> Iterator[Task]:
    rows = portfolio.open_findings(Moment(at)).filter(
        Q(due_on__lt=at.date()) | Q(severity=Severity.CRITICAL)
    )
    worst = portfolio.worst_first(rows).values_list("pk", flat=True)[:MOST]
    told = findings.listed().filter(pk__in=list(worst))
    for found in findings.worst_first([findings.standing(row, at) for row in told]):
        yield Task(
            urgent=True,
            name=found.finding.title,
            href=reverse("web:finding", args=[found.finding.pk]),
            text=_("is overdue") if found.overdue else _("is a critical finding"),
            because=_("due on %(day)s") % {"day": short(found.due_on)},
        )


def _waivers(ending: Sequence[portfolio.EndingWaiver]) -> Iterator[Task]:
    rows = waived.listed().in_bulk([one.waiver_id for one in ending])
    for one in ending:
        row = rows[one.waiver_id]
        yield Task(
            urgent=False,
            name=str(row.version or row.model),
            href=reverse("web:waiver", args=[row.pk]),
            text=_("has a waiver that ends"),
            because=_("on %(day)s") % {"day": short(one.ends_at)},
        )

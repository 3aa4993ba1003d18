"""What this person asked for, and who has it now."""

from collections.abc import Iterator

from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.translation import gettext as _

from audits.models import EvidenceRun
from governance.auditing import requests_for
from governance.models import (
    Dossier,
    Emergency,
    Retirement,
    Status,
    StatusChange,
    WaitingRequest,
    Waiver,
)
from governance.web import worklist
from governance.web.work.me import Item, Me
from governance.web.work.proposed import proposed

MOST = 25
VERSION = ("version__version", "version__model__name")  # what names one
_RUNS = (EvidenceRun.State.PENDING, EvidenceRun.State.RUNNING)


def asked(me: Me) -> list[Item]:
    """All that this person asked others for and that is not answered, the oldest first
    of each kind."""
    return [
        *_requests(me),
        *_questions(me),
        *_waivers(me),
        *_emergencies(me),
        *_retirements(me),
        *_runs(me),
        *_dossiers(me),
        *proposed(me),
    ]


def _requests(me: Me) -> Iterator[Item]:
    mine = WaitingRequest.objects.filter(asked_by=me.user)
    for item in worklist.read(mine, me.at):
        version = item.request.version
        yield Item(
            name=str(version),
            href=reverse("web:approval", args=[item.request.pk]),
            text=_("approval for %(place)s") % {"place": item.request.environment.name},
            model=version.model,
            due=item.due_at.date() if item.due_at else None,
            since=item.request.requested_at,
            because="; ".join(item.missing)
            if item.stands
            else _("You: what it is judged by changed, submit it again."),
            tier=item.tier,
            stands=item.stands,
        )


def _questions(me: Me) -> Iterator[Item]:
    if not me.may("ask as an auditor"):
        return
    rows = requests_for(me.user, state="open").filter(asked_by=me.user)
    rows = rows.select_related("model__owner").order_by("due_on")
    for row in rows[:MOST]:
        yield Item(
            name=row.model.name if row.model else _("About no single model"),
            href=reverse("web:audit_request", args=[row.pk]),
            text=_("an answer to auditors"),
            due=row.due_on,
            since=row.asked_at,
            because=row.model.owner.printed_name
            if row.model
            else _("The risk managers"),
        )


def _waivers(me: Me) -> Iterator[Item]:
    rows = Waiver.objects.filter(
        requested_by=me.user, decision=None, valid_until__gt=me.at
    )
    told = rows.select_related("model").only(
        "model__name", "tier", "requested_at", "valid_from"
    )
    for row in told.order_by("requested_at")[:MOST]:
        yield Item(
            name=row.model.name,
            href=reverse("web:waiver", args=[row.pk]),
            text=_("a waiver"),
            since=row.requested_at,
            due=row.valid_from.date(),
            because=_("Those who decide waivers of tier %(tier)s") % {"tier": row.tier},
            tier=row.tier,
        )


def _emergencies(me: Me) -> Iterator[Item]:
    rows = Emergency.objects.filter(invoked_by=me.user, review=None)
    told = rows.select_related("version__model", "authorisation").only(
        *VERSION, "tier", "invoked_at", "authorisation__emergency"
    )
    for row in told.order_by("invoked_at")[:MOST]:
        ran = hasattr(row, "authorisation")
        yield Item(
            name=str(row.version),
            href=reverse("web:emergency", args=[row.pk]),
            text=_("break-glass"),
            since=row.invoked_at,
            because=_("The second line reviews it")
            if ran
            else _("A second person confirms it"),
            tier=row.tier,
        )


def _retirements(me: Me) -> Iterator[Item]:
    over = StatusChange.objects.filter(
        version=OuterRef("version"), status=Status.RETIRED
    )
    rows = Retirement.objects.filter(asked_by=me.user).exclude(Exists(over))
    told = rows.select_related("version__model").only(
        *VERSION, "version__model__slug", "asked_at"
    )
    for row in told.order_by("asked_at")[:MOST]:
        version = row.version
        yield Item(
            name=str(version),
            href=reverse("web:retire", args=[version.model.slug, version.version]),
            text=_("retirement"),
            since=row.asked_at,
            because=_("A risk manager confirms it"),
        )


def _runs(me: Me) -> Iterator[Item]:
    rows = EvidenceRun.objects.filter(requested_by=me.user, state__in=_RUNS)
    told = rows.select_related("version__model").only(
        *VERSION, "kind", "state", "requested_at"
    )
    for row in told.order_by("requested_at")[:MOST]:
        yield Item(
            name=str(row.version),
            href=reverse("web:evidence", args=[row.pk]),
            text=row.get_kind_display(),
            since=row.requested_at,
            because=row.get_state_display(),
        )


def _dossiers(me: Me) -> Iterator[Item]:
    rows = Dossier.objects.filter(requested_by=me.user, ended_at=None)
    for row in rows.select_related("version__model").order_by("requested_at")[:MOST]:
        yield Item(
            name=row.about,
            href=reverse("web:dossier", args=[row.pk]),
            text=_("a dossier"),
            since=row.requested_at,
            because=row.get_state_display(),
        )

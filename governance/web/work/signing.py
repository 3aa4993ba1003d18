"""Approval requests: to sign, and those that were sent back to mend."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from governance.models import ApprovalRequest, WaitingRequest, Withdrawal
from governance.web import worklist
from governance.web.work.me import Item, Me

SHOWN = 25


def rows(me: Me) -> QuerySet[WaitingRequest] | None:
    """Requests with an open seat that this person could take."""
    return worklist.queue_of(me.user, me.signs_as)


def told(me: Me, found: Iterable[WaitingRequest]) -> Iterable[Item]:
    """Each as it stands now."""
    keys = [row.pk for row in found]
    for item in worklist.read(WaitingRequest.objects.filter(pk__in=keys), me.at):
        yield _item(item, me)


def _item(item: worklist.Waiting, me: Me) -> Item:
    version = item.request.version
    meanings = {
        seat.meaning
        for place in item.places
        for seat in place.seats
        if me.signs_as & set(seat.roles)
    }
    validates = meanings == {worklist.Meaning.REVIEW}
    counted = _("%(signed)s of %(wanted)s signatures, asked by %(name)s") % {
        "signed": item.signed,
        "wanted": item.wanted,
        "name": item.request.requested_by.printed_name,
    }
    changed = _("What it is judged by changed: its owner submits it again.")
    return Item(
        name=str(version),
        href=reverse("web:approval", args=[item.request.pk]),
        text=_("to validate for %(place)s") % {"place": item.request.environment.name}
        if validates
        else _("to sign for %(place)s") % {"place": item.request.environment.name},
        model=version.model,
        due=item.due_at.date() if item.due_at else None,
        since=item.request.requested_at,
        because=counted if item.stands else changed,
        tier=item.tier,
        stands=item.stands,
    )


def returned(me: Me) -> QuerySet[Withdrawal] | None:
    """Requests sent back for changes, of models that this person owns or who asked."""
    if not me.may("submit versions"):
        return None
    newer = ApprovalRequest.objects.filter(
        version=OuterRef("request__version"),
        environment=OuterRef("request__environment"),
        sequence__gt=OuterRef("request__sequence"),
    )
    mine = Withdrawal.objects.filter(returned=True, request__requested_by=me.user)
    return (
        mine.exclude(Exists(newer))
        .select_related("request__version__model", "request__environment")
        .order_by("withdrawn_at")
    )


def mended(me: Me, found: Iterable[Withdrawal]) -> Iterable[Item]:
    """Each with the reason why it came back."""
    for row in found:
        version = row.request.version
        yield Item(
            name=str(version),
            href=reverse("web:version", args=[version.model.slug, version.version]),
            text=_("was sent back to you"),
            model=version.model,
            since=row.withdrawn_at,
            because=row.reason,
        )

"""What this person raised, drafted or proposed, and who has it now."""

from collections.abc import Iterator

from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.translation import gettext as _

from governance import ending
from governance.models import (
    Challenge,
    EarlyAdoption,
    FindingChange,
    ForgePlace,
    MatrixDraft,
    PackEnd,
    PackStep,
    TrustRule,
)
from governance.web.work.answering import latest_changes
from governance.web.work.confirming import LATELY
from governance.web.work.me import Item, Me

MOST = 25


def proposed(me: Me) -> Iterator[Item]:
    """What their roles let them begin and others finish, the oldest first of a kind."""
    if me.may("raise findings"):
        yield from _findings(me)
    if me.may("sign"):
        yield from _challenges(me)
    if me.may("write policy"):
        yield from _drafts(me)
    if me.may("draft risk matrices"):
        yield from _matrices(me)
    if me.may(ending.RIGHT):
        yield from _packs(me)
    if me.may("trust pipelines"):
        yield from _trust(me)


def _findings(me: Me) -> Iterator[Item]:
    State = FindingChange.State
    rows = latest_changes().filter(
        finding__raised_by=me.user, state__in=(State.OPEN, State.PLAN_ACCEPTED)
    )
    told = rows.exclude(owner=me.user).select_related("owner").order_by("due_on")
    for row in told[:MOST]:
        yield Item(
            name=row.finding.title,
            href=reverse("web:finding", args=[row.finding_id]),
            text=_("a finding"),
            due=row.due_on,
            since=row.finding.raised_at,
            because=row.owner.printed_name,
        )


def _challenges(me: Me) -> Iterator[Item]:
    rows = Challenge.objects.filter(
        raised_by=me.user,
        responses=None,
        disposition=None,
        request__waiting__isnull=False,
    ).select_related("request__version__model__owner")
    for row in rows.order_by("raised_at")[:MOST]:
        yield Item(
            name=str(row.request.version),
            href=reverse("web:challenges", args=[row.request_id]),
            text=_("an answer to a challenge"),
            since=row.raised_at,
            because=row.request.version.model.owner.printed_name,
        )


def _drafts(me: Me) -> Iterator[Item]:
    newer = PackStep.objects.filter(
        draft=OuterRef("draft"), sequence__gt=OuterRef("sequence")
    )
    rows = PackStep.objects.filter(state=PackStep.State.REVIEW, moved_by=me.user)
    told = rows.exclude(Exists(newer)).select_related("draft").order_by("moved_at")
    for row in told[:MOST]:
        yield Item(
            name=str(row.draft),
            href=reverse("web:policy_draft", args=[row.draft_id]),
            text=_("a draft of policy"),
            since=row.moved_at,
            because=_("Somebody who publishes policy and wrote nothing in it"),
        )


def _matrices(me: Me) -> Iterator[Item]:
    newer = MatrixDraft.objects.filter(
        slug=OuterRef("slug"), drafted_at__gt=OuterRef("drafted_at")
    )
    rows = MatrixDraft.objects.filter(
        drafted_by=me.user, published=None, drafted_at__gt=me.at - LATELY
    )
    for row in rows.exclude(Exists(newer)).order_by("drafted_at")[:MOST]:
        yield Item(
            name=row.slug,
            href=reverse("web:matrix_draft", args=[row.pk]),
            text=_("a draft of a risk matrix"),
            since=row.drafted_at,
            because=_("Somebody else who publishes risk matrices"),
        )


def _packs(me: Me) -> Iterator[Item]:
    for model in (PackEnd, EarlyAdoption):
        newer = model.objects.filter(
            slug=OuterRef("slug"), sequence__gt=OuterRef("sequence")
        )
        rows = model.objects.filter(proposed=True, decided_by=me.user)
        for row in rows.exclude(Exists(newer)).order_by("decided_at")[:MOST]:
            yield Item(
                name=row.slug,
                href=reverse("web:pack_decide", args=[row.slug]),
                text=_("the end of a policy pack")
                if isinstance(row, PackEnd)
                else _("the end of an early adoption"),
                since=row.decided_at,
                because=_("Somebody else of the second line"),
            )


def _trust(me: Me) -> Iterator[Item]:
    waits = _("A risk manager or compliance officer")
    rules = TrustRule.objects.filter(
        proposed_by=me.user, confirmation=None, end=None
    ).order_by("proposed_at")
    for rule in rules[:MOST]:
        yield Item(
            name=rule.name,
            href=reverse("web:pipeline", args=[rule.pk]),
            text=_("trust in a pipeline"),
            since=rule.proposed_at,
            because=waits,
        )
    places = ForgePlace.objects.filter(
        proposed_by=me.user, confirmation=None, end=None, forge__end=None
    ).select_related("forge", "environment")
    for place in places.order_by("proposed_at")[:MOST]:
        yield Item(
            name=str(place),
            href=reverse("web:forge_place", args=[place.pk]),
            text=_("trust in a place of a code server"),
            since=place.proposed_at,
            because=waits,
        )

"""What this person decides: waivers, emergencies, draws, retirements, drafts."""

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from governance import delegation
from governance.emergencies import review_due_at
from governance.models import (
    Delegation,
    Draw,
    Emergency,
    Incident,
    PackRevision,
    PackStep,
    RecordSignature,
    Retirement,
    Status,
    StatusChange,
    Waiver,
)
from governance.waiving.signing import RECORD, SEATS
from governance.web.work.me import Item, Me

LATELY = timedelta(days=14)


def waivers(me: Me) -> QuerySet[Waiver] | None:
    """Undecided waivers that this person's roles decide in their tier, and that they
    neither asked for nor own nor signed."""
    tiers = [
        tier
        for tier, seats in SEATS.items()
        if me.held & frozenset().union(*seats) and me.may("decide waivers")
    ]
    if not tiers:
        return None
    signed = RecordSignature.objects.filter(
        record_type=RECORD, record_id=OuterRef("pk"), signed_by=me.user
    )
    hand = (
        Q(requested_by=me.user)
        | Q(model__owner=me.user)
        | Q(model__developer=me.user)
        | Q(version__developer=me.user)
    )
    return (
        Waiver.objects.filter(decision=None, valid_until__gt=me.at, tier__in=tiers)
        .exclude(hand)
        .exclude(Exists(signed))
        .select_related("model", "version__model", "requested_by")
        .order_by("tier", "valid_from")
    )


def asked(me: Me, found: Iterable[Waiver]) -> Iterable[Item]:
    """Each with its rules and who asked."""
    for row in found:
        yield Item(
            name=str(row.version or row.model),
            href=reverse("web:waiver", args=[row.pk]),
            text=_("a waiver is asked for"),
            model=row.model,
            due=row.valid_from.date(),
            since=row.requested_at,
            because=_("%(rules)s, asked by %(name)s")
            % {
                "rules": ", ".join(row.rules),
                "name": row.requested_by.printed_name,
            },
            tier=row.tier,
        )


def emergencies(me: Me) -> QuerySet[Emergency] | None:
    """Emergencies to confirm, and those that ran and nobody has reviewed."""
    concern = Q()
    if me.may("confirm an emergency"):
        concern |= Q(authorisation=None, ending=None, expected_end__gt=me.at)
    if me.may("review an emergency"):
        concern |= Q(authorisation__isnull=False)
    if not concern:
        return None
    return (
        Emergency.objects.filter(concern, review=None)
        .exclude(invoked_by=me.user)
        .select_related("version__model", "environment", "authorisation")
        .order_by("tier", "invoked_at")
    )


def called(me: Me, found: Iterable[Emergency]) -> Iterable[Item]:
    """Each with its reason."""
    for row in found:
        ran = hasattr(row, "authorisation")
        yield Item(
            name=str(row.version),
            href=reverse("web:emergency", args=[row.pk]),
            text=_("ran under break-glass: review it")
            if ran
            else _("break-glass waits for a second person"),
            model=row.version.model,
            due=(review_due_at(row.authorisation) if ran else row.expected_end).date(),
            since=row.invoked_at,
            because=row.reason,
            tier=row.tier,
        )


def draws(me: Me) -> QuerySet[Draw] | None:
    """Approvals of the fast lane drawn for review, which this person did not sign."""
    if not me.may("sign"):
        return None
    request = "authorisation__request"
    return (
        Draw.objects.filter(drawn=True, review=None)
        .exclude(**{f"{request}__signatures__signed_by": me.user})
        .exclude(**{f"{request}__requested_by": me.user})
        .exclude(authorisation__version__model__owner=me.user)
        .exclude(authorisation__version__developer=me.user)
        .select_related("authorisation__version__model")
        .order_by("due_at")
    )


def drawn(me: Me, found: Iterable[Draw]) -> Iterable[Item]:
    """Each with the day until which it is reviewed."""
    for row in found:
        version = row.authorisation.version
        yield Item(
            name=str(version),
            href=reverse("web:draw", args=[row.pk]),
            text=_("was drawn for review"),
            model=version.model,
            due=row.due_at.date(),
            since=row.drawn_at,
        )


def retirements(me: Me) -> QuerySet[Retirement] | None:
    """Retirements that risk has not confirmed, asked by somebody else."""
    if not me.may("confirm retirements"):
        return None
    over = StatusChange.objects.filter(
        version=OuterRef("version"), status=Status.RETIRED
    )
    return (
        Retirement.objects.exclude(Exists(over))
        .exclude(asked_by=me.user)
        .select_related("version__model", "asked_by")
        .order_by("asked_at")
    )


def retiring(me: Me, found: Iterable[Retirement]) -> Iterable[Item]:
    """Each with its reason."""
    for row in found:
        version = row.version
        yield Item(
            name=str(version),
            href=reverse("web:retire", args=[version.model.slug, version.version]),
            text=_("its retirement waits for you"),
            model=version.model,
            since=row.asked_at,
            because=row.reason,
        )


def drafts(me: Me) -> QuerySet[PackStep] | None:
    """Drafts of policy in review that this person publishes and never wrote in."""
    if not me.may("publish policy"):
        return None
    newer = PackStep.objects.filter(
        draft=OuterRef("draft"), sequence__gt=OuterRef("sequence")
    )
    wrote = PackRevision.objects.filter(draft=OuterRef("draft"), written_by=me.user)
    return (
        PackStep.objects.filter(state=PackStep.State.REVIEW)
        .exclude(Exists(newer))
        .exclude(Exists(wrote))
        .select_related("draft", "moved_by")
        .order_by("moved_at")
    )


def drafted(me: Me, found: Iterable[PackStep]) -> Iterable[Item]:
    """Each with who asked for its review."""
    for row in found:
        yield Item(
            name=str(row.draft),
            href=reverse("web:policy_draft", args=[row.draft_id]),
            text=_("a draft of policy waits for its publication"),
            since=row.moved_at,
            because=_("asked by %(name)s") % {"name": row.moved_by.printed_name},
        )


def incidents(me: Me) -> QuerySet[Incident] | None:
    """Incidents that are open; to report first where an authority must be told."""
    if not me.may("close incidents"):
        return None
    return (
        Incident.objects.filter(closure=None)
        .select_related("model", "report")
        .order_by("report_due_at", "aware_at")
    )


def happened(me: Me, found: Iterable[Incident]) -> Iterable[Item]:
    """Each with what there is to do."""
    for row in found:
        due = row.report_due_at
        yield Item(
            name=row.title,
            href=reverse("web:incident", args=[row.pk]),
            text=_("report it to the authority, then close it")
            if due and not hasattr(row, "report")
            else _("close it"),
            model=row.model,
            due=due.date() if due and not hasattr(row, "report") else None,
            since=row.aware_at,
            because=f"{row.model.name} · {row.get_kind_display()}",
        )


def delegated(me: Me) -> QuerySet[Delegation] | None:
    """Delegations to this person that began lately."""
    if not me.may("sign"):
        return None
    rows = delegation.active(at=me.at).filter(delegate=me.user)
    return rows.filter(valid_from__gt=me.at - LATELY).order_by("valid_until")


def lent(me: Me, found: Iterable[Delegation]) -> Iterable[Item]:
    """Each with its end."""
    for row in found:
        yield Item(
            name=row.delegator.printed_name,
            href=reverse("web:delegations"),
            text=_("you sign for them as %(role)s") % {"role": row.get_role_display()},
            due=row.valid_until.date(),
            since=row.delegated_at,
            because=row.reason,
        )

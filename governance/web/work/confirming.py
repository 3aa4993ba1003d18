"""What somebody proposed and a second person confirms, agrees to, or publishes."""

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from governance import ending
from governance.models import (
    Authorisation,
    AuthorisationChange,
    EarlyAdoption,
    ForgePlace,
    MatrixDraft,
    PackEnd,
    RecordSignature,
    TrustRule,
)
from governance.suspensions import RECORD
from governance.web.work.me import Item, Me
from registry.models import User

# A draft of a matrix is never discarded: after this time nobody is asked any more.
LATELY = timedelta(days=90)
_TRUST = "confirm trust in pipelines"


def ends(me: Me) -> QuerySet[PackEnd] | None:
    """Ends of packs that somebody else proposed, and nobody decided on since."""
    if not me.may(ending.RIGHT):
        return None
    newer = PackEnd.objects.filter(
        slug=OuterRef("slug"), sequence__gt=OuterRef("sequence")
    )
    rows = PackEnd.objects.filter(proposed=True).exclude(decided_by=me.user)
    return rows.exclude(Exists(newer)).select_related("decided_by").order_by("ends_at")


def adoptions(me: Me) -> QuerySet[EarlyAdoption] | None:
    """Early adoptions that somebody else proposed to give up."""
    if not me.may(ending.RIGHT):
        return None
    newer = EarlyAdoption.objects.filter(
        slug=OuterRef("slug"), sequence__gt=OuterRef("sequence")
    )
    rows = EarlyAdoption.objects.filter(proposed=True).exclude(decided_by=me.user)
    return (
        rows.exclude(Exists(newer)).select_related("decided_by").order_by("decided_at")
    )


def proposed(_me: Me, found: Iterable[ending.Decision]) -> Iterable[Item]:
    """Each with who proposes it, and why."""
    for row in found:
        ends_at = row.ends_at if isinstance(row, PackEnd) else None
        yield Item(
            name=row.slug,
            href=reverse("web:pack_decide", args=[row.slug]),
            text=_("its end is proposed: confirm it, signed")
            if isinstance(row, PackEnd)
            else _("shall bind as its law says: confirm it, signed"),
            due=ends_at.date() if ends_at else None,
            since=row.decided_at,
            because=_because(row.reason, row.decided_by),
        )


def matrices(me: Me) -> QuerySet[MatrixDraft] | None:
    """The newest draft of each matrix, not published yet, that somebody else wrote."""
    if not me.may("publish risk matrices"):
        return None
    newer = MatrixDraft.objects.filter(
        slug=OuterRef("slug"), drafted_at__gt=OuterRef("drafted_at")
    )
    return (
        MatrixDraft.objects.filter(published=None, drafted_at__gt=me.at - LATELY)
        .exclude(drafted_by=me.user)
        .exclude(Exists(newer))
        .select_related("drafted_by")
        .order_by("drafted_at")
    )


def drawn_up(_me: Me, found: Iterable[MatrixDraft]) -> Iterable[Item]:
    """Each with who drafted it, and why."""
    for row in found:
        yield Item(
            name=row.slug,
            href=reverse("web:matrix_draft", args=[row.pk]),
            text=_("a draft of a risk matrix waits for its publication"),
            due=row.effective_from.date() if row.effective_from else None,
            since=row.drafted_at,
            because=_because(row.reason, row.drafted_by),
        )


def suspended(me: Me) -> QuerySet[AuthorisationChange] | None:
    """Suspensions in force: for approvers to agree that they may end, and, once one
    agreed, for those who reinstate; nothing that a newer approval took the place of."""
    agreed = Exists(
        RecordSignature.objects.filter(record_type=RECORD, record_id=OuterRef("pk"))
    )
    version = "authorisation__version"
    concern = Q()
    if me.may("agree to reinstatements"):
        hands = Q(**{f"{version}__model__owner": me.user})
        hands |= Q(**{f"{version}__model__developer": me.user})
        hands |= Q(**{f"{version}__developer": me.user})
        concern |= ~agreed & ~hands
    if me.may("reinstate"):
        concern |= Q(agreed)
    if not concern:
        return None
    newer = AuthorisationChange.objects.filter(
        authorisation=OuterRef("authorisation"), sequence__gt=OuterRef("sequence")
    )
    renewed = Authorisation.objects.filter(
        version=OuterRef(version),
        environment=OuterRef("authorisation__environment"),
        valid_from__gt=OuterRef("authorisation__valid_from"),
    )
    return (
        AuthorisationChange.objects.filter(
            concern,
            state=AuthorisationChange.State.SUSPENDED,
            authorisation__valid_until__gt=me.at,
        )
        .exclude(Exists(newer))
        .exclude(Exists(renewed))
        .annotate(agreed=agreed)
        .select_related(f"{version}__model", "authorisation__environment")
        .order_by("changed_at")
    )


def halted(_me: Me, found: Iterable[AuthorisationChange]) -> Iterable[Item]:
    """Each with why it was suspended."""
    for row in found:
        granted = row.authorisation
        # What the query above annotated.
        agreed = row.agreed  # type: ignore[attr-defined]
        yield Item(
            name=str(granted.version),
            href=reverse("web:authorisation", args=[granted.pk]),
            text=(
                _("an approver agreed: reinstate it for %(place)s")
                if agreed
                else _("is suspended for %(place)s: agree, signed, when it may end")
            )
            % {"place": granted.environment.name},
            model=granted.version.model,
            since=row.changed_at,
            because=row.reason,
        )


def pipelines(me: Me) -> QuerySet[TrustRule] | None:
    """Rules of trust in pipelines that somebody else proposed."""
    if not me.may(_TRUST):
        return None
    rows = TrustRule.objects.filter(confirmation=None, end=None)
    return (
        rows.exclude(proposed_by=me.user)
        .select_related("proposed_by")
        .order_by("proposed_at")
    )


def trusted(_me: Me, found: Iterable[TrustRule]) -> Iterable[Item]:
    """Each with who proposes it, and why."""
    for row in found:
        yield Item(
            name=row.name,
            href=reverse("web:pipeline", args=[row.pk]),
            text=_("trust in a pipeline waits for a second person"),
            since=row.proposed_at,
            because=_because(row.reason, row.proposed_by),
        )


def places(me: Me) -> QuerySet[ForgePlace] | None:
    """Places of code servers that somebody else proposed, of servers that count."""
    if not me.may(_TRUST):
        return None
    rows = ForgePlace.objects.filter(confirmation=None, end=None, forge__end=None)
    return (
        rows.exclude(proposed_by=me.user)
        .select_related("proposed_by", "forge", "environment")
        .order_by("proposed_at")
    )


def placed(_me: Me, found: Iterable[ForgePlace]) -> Iterable[Item]:
    """Each with who proposes it, and why."""
    for row in found:
        yield Item(
            name=str(row),
            href=reverse("web:forge_place", args=[row.pk]),
            text=_("a place of a code server waits for a second person"),
            since=row.proposed_at,
            because=_because(row.reason, row.proposed_by),
        )


def _because(reason: str, by: User) -> str:
    return _("%(reason)s (%(name)s)") % {"reason": reason, "name": by.printed_name}

"""What keeps a model in use: conditions that hold, approvals renewed, risk reviewed."""

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from governance import conditions as terms
from governance.models import (
    Authorisation,
    AuthorisationChange,
    Condition,
    ConditionFact,
    RiskAssessment,
)
from governance.web.work.me import Item, Me
from registry.models import RegisteredModel

SOON = timedelta(days=30)
_OVER = (AuthorisationChange.State.REVOKED, AuthorisationChange.State.SUPERSEDED)


def conditions(me: Me) -> QuerySet[ConditionFact] | None:
    """Conditions of approvals in force that were reported broken: for the owner, and
    for who stated them."""
    newer = ConditionFact.objects.filter(
        condition=OuterRef("condition"), sequence__gt=OuterRef("sequence")
    )
    # By their keys: every page counts them, and the database took longer to plan a join
    # of these eight tables than for all else that waits.
    owned = Condition.objects.filter(request__version__model__owner=me.user)
    stated = Condition.objects.filter(signature__signed_by=me.user)
    in_force = Authorisation.objects.filter(valid_until__gt=me.at)
    return (
        ConditionFact.objects.filter(
            Q(condition__in=owned.values("pk")) | Q(condition__in=stated.values("pk")),
            holds=False,
            condition__request__in=in_force.values("request"),
        )
        .exclude(Exists(newer))
        .select_related("condition__request__version__model")
        .order_by("reported_at")
    )


def broken(me: Me, found: Iterable[ConditionFact]) -> Iterable[Item]:
    """Each with what was promised."""
    for row in found:
        request = row.condition.request
        yield Item(
            name=str(request.version),
            href=reverse("web:approval", args=[request.pk]),
            text=_("breaks a condition of its approval"),
            model=request.version.model,
            since=row.reported_at,
            because=terms.in_words(row.condition),
        )


def ending(me: Me) -> QuerySet[Authorisation] | None:
    """Authorisations of this person's models that end within 30 days, not renewed."""
    if not me.may("submit versions"):
        return None
    over = AuthorisationChange.objects.filter(
        authorisation=OuterRef("pk"), state__in=_OVER
    )
    renewed = Authorisation.objects.filter(
        version=OuterRef("version"),
        environment=OuterRef("environment"),
        valid_until__gt=OuterRef("valid_until"),
    )
    return (
        Authorisation.objects.filter(
            version__model__owner=me.user,
            valid_until__gt=me.at,
            valid_until__lte=me.at + SOON,
        )
        .exclude(Exists(over))
        .exclude(Exists(renewed))
        .select_related("version__model", "environment")
        .order_by("valid_until")
    )


def ends(me: Me, found: Iterable[Authorisation]) -> Iterable[Item]:
    """Each with where it runs."""
    for row in found:
        version = row.version
        yield Item(
            name=str(version),
            href=reverse("web:version", args=[version.model.slug, version.version]),
            text=_("authorisation for %(place)s ends: submit it again")
            % {"place": row.environment.name},
            model=version.model,
            due=row.valid_until.date(),
            since=row.valid_from,
        )


def reviews(me: Me) -> QuerySet[RiskAssessment] | None:
    """Assessments due within 30 days that this person made, of models that they
    validate, or of models that they own."""
    newer = RiskAssessment.objects.filter(
        model=OuterRef("model"), sequence__gt=OuterRef("sequence")
    )
    mine = Q(owner=me.user)
    if me.may("review models"):
        mine |= Q(validator=me.user)
    # By their keys: the database then reads what is mine, not what is due.
    concern = Q(model__in=RegisteredModel.objects.filter(mine).values("pk"))
    if me.may("assess risk"):
        concern |= Q(assessed_by=me.user)
    return (
        RiskAssessment.objects.filter(concern, review_due_on__lte=(me.at + SOON).date())
        .exclude(Exists(newer))
        .select_related("model")
        .order_by("review_due_on")
    )


def reviewed(me: Me, found: Iterable[RiskAssessment]) -> Iterable[Item]:
    """Each with its day."""
    for row in found:
        assesses = row.assessed_by_id == me.user.pk
        yield Item(
            name=row.model.name,
            href=reverse(
                "web:assess" if assesses else "web:model", args=[row.model.slug]
            ),
            text=_("assess its risk again")
            if assesses
            else _("its risk is assessed again"),
            model=row.model,
            due=row.review_due_on,
            since=row.assessed_at,
        )

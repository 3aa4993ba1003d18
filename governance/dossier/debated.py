"""What went with an approval: conditions, challenges with answers, dissents."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Model, QuerySet

from governance import conditions
from governance.dossier import verdicts
from governance.dossier.signed import signed_records
from governance.models import (
    ApprovalRequest,
    Challenge,
    ChallengeDisposition,
    ChallengeResponse,
    Condition,
    ConditionFact,
    Dissent,
    DissentOverride,
)
from registry.models import Role

OVERRIDE = "dissent_override"


def conditions_of(
    request: ApprovalRequest, *, at: datetime
) -> tuple[verdicts.Conditional, ...]:
    """The conditions that signers had stated by then."""
    rows = request.conditions.filter(stated_at__lte=at)
    return tuple(
        _condition(row, at)
        for row in rows.select_related("signature").order_by("stated_at", "id")
    )


def challenges_of(
    request: ApprovalRequest, *, at: datetime
) -> tuple[verdicts.Challenged, ...]:
    """The challenges by then, with what was answered by then."""
    rows = request.challenges.filter(raised_at__lte=at)
    return tuple(
        _challenge(row, at)
        for row in rows.select_related(
            "raised_by", "disposition__disposed_by"
        ).order_by("raised_at", "id")
    )


def dissents_of(
    request: ApprovalRequest, *, at: datetime
) -> tuple[verdicts.Dissented, ...]:
    """The dissents by then, with what had overridden them by then."""
    rows = request.dissents.filter(dissented_at__lte=at)
    return tuple(
        _dissent(row, at)
        for row in rows.select_related("dissented_by", "override").order_by(
            "dissented_at", "id"
        )
    )


def keys_of(
    requests: Iterable[ApprovalRequest], *, at: datetime
) -> dict[type[Model], set[UUID]]:
    """The keys of every row that this part of the dossier rests on."""
    of = list(requests)
    overrides = DissentOverride.objects.filter(dissent__request__in=of)
    kept: list[QuerySet[Any]] = [
        Condition.objects.filter(request__in=of, stated_at__lte=at),
        ConditionFact.objects.filter(condition__request__in=of, reported_at__lte=at),
        Challenge.objects.filter(request__in=of, raised_at__lte=at),
        ChallengeResponse.objects.filter(challenge__request__in=of),
        ChallengeDisposition.objects.filter(challenge__request__in=of),
        Dissent.objects.filter(request__in=of, dissented_at__lte=at),
        overrides,
    ]
    return {rows.model: set(rows.values_list("pk", flat=True)) for rows in kept}


def _condition(row: Condition, at: datetime) -> verdicts.Conditional:
    newest = row.facts.filter(reported_at__lte=at).order_by("-sequence").first()
    return verdicts.Conditional(
        id=str(row.pk),
        text=conditions.in_words(row),
        kind=str(Condition.Kind(row.kind).label),
        stated_by=row.signature.printed_name,
        stated_at=row.stated_at,
        reported=f"{newest.source}: {newest.observed}" if newest else "",
        reported_at=newest.reported_at if newest else None,
        holds=newest.holds if newest else None,
    )


def _challenge(row: Challenge, at: datetime) -> verdicts.Challenged:
    ended = getattr(row, "disposition", None)
    ended = ended if ended is not None and ended.disposed_at <= at else None
    answers = row.responses.filter(responded_at__lte=at).select_related("responded_by")
    return verdicts.Challenged(
        id=str(row.pk),
        question=row.question,
        expertise=row.expertise,
        independence=row.independence,
        authority=str(Role(row.authority).label),
        raised_by=row.raised_by.printed_name,
        raised_at=row.raised_at,
        responses=tuple(
            verdicts.Answered(
                answer.text, answer.responded_by.printed_name, answer.responded_at
            )
            for answer in answers.order_by("responded_at", "id")
        ),
        outcome=str(ChallengeDisposition.Outcome(ended.outcome).label) if ended else "",
        outcome_reason=ended.reason if ended else "",
        disposed_by=ended.disposed_by.printed_name if ended else "",
        disposed_at=ended.disposed_at if ended else None,
    )


def _dissent(row: Dissent, at: datetime) -> verdicts.Dissented:
    over = getattr(row, "override", None)
    over = over if over is not None and over.overridden_at <= at else None
    return verdicts.Dissented(
        id=str(row.pk),
        reason=row.reason,
        dissented_by=row.dissented_by.printed_name,
        dissented_at=row.dissented_at,
        override_reason=over.reason if over else "",
        signatures=signed_records(OVERRIDE, [over.pk], at) if over else (),
    )

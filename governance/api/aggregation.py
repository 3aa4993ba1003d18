"""Aggregate risk of a model, what feeds it, and concentrations."""

from dataclasses import asdict
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from governance import aggregation, feeding, roles
from governance.api import show
from governance.api.door import Door, page, person
from governance.api.inventory import find_model
from registry.models import Dataset, ModelFeed, RegisteredModel


class ConcentrationRecord(serializers.Serializer[Any]):
    """Models that would suffer together."""

    kind = serializers.CharField()
    name = serializers.CharField()
    models = serializers.IntegerField()
    tiers = serializers.ListField(child=serializers.IntegerField())
    findings = serializers.IntegerField()
    share = serializers.FloatField()


class ConcentrationList(Door):
    """`risk/concentration`"""

    @extend_schema(responses=ConcentrationRecord(many=True))
    def get(self, request: Request) -> Response:
        """List concentrations by vendor, data set and foundation model."""
        # It counts every model: a token for some of them does not see it.
        roles.require(person(request), "read", model="*")
        found = aggregation.concentrations(timezone.now())
        return Response([{**asdict(row), "share": row.share} for row in found])


class AggregateRecord(serializers.Serializer[Any]):
    """What a model rests on and what rests on it."""

    tier = serializers.IntegerField()
    worst_tier = serializers.IntegerField()
    raised = serializers.BooleanField()
    circular = serializers.BooleanField()


class AggregateDetail(Door):
    """`models/{slug}/aggregate-risk`"""

    @extend_schema(responses=AggregateRecord)
    def get(self, request: Request, slug: str) -> Response:
        """Read the tiers along the lineage of a model, and the findings it inherits."""
        model = find_model(slug)
        roles.require(person(request), "read", model=model)
        # The names of other models are for tokens that may read all.
        roles.require(person(request), "read", model="*")
        found = aggregation.aggregate_of(model, timezone.now())
        return Response(
            {
                "tier": found.tier,
                "worst_tier": found.worst_tier,
                "raised": found.raised,
                "circular": found.circular,
                "upstream": [asdict(row) for row in found.upstream],
                "downstream": [asdict(row) for row in found.downstream],
                "inherited_findings": [
                    {
                        "model": row.finding.model.slug,
                        "title": row.finding.title,
                        "severity": row.severity,
                        "due_on": row.due_on,
                    }
                    for row in found.inherited
                ],
                "shared_data": [
                    {"dataset": name, "other_models": count}
                    for name, count in found.shared
                ],
            }
        )


class FeedRecord(serializers.Serializer[Any]):
    """That another model feeds this one, or no longer does."""

    upstream = serializers.CharField(max_length=80)
    dataset = serializers.CharField(max_length=80, default=None, allow_null=True)
    note = serializers.CharField(max_length=10_000, default="", allow_blank=True)
    ended = serializers.BooleanField(default=False)


class FeedList(Door):
    """`models/{slug}/feeds`"""

    @extend_schema(request=FeedRecord, responses={201: FeedRecord})
    def post(self, request: Request, slug: str) -> Response:
        """Declare that another model feeds this one, or that it no longer does."""
        model = find_model(slug)
        form = FeedRecord(data=request.data)
        form.is_valid(raise_exception=True)
        data = form.validated_data
        upstream = RegisteredModel.objects.filter(slug=data["upstream"]).first()
        if upstream is None:
            raise ValidationError({"upstream": [_("There is no such model.")]})
        dataset = Dataset.objects.filter(slug=data["dataset"] or "").first()
        if data["dataset"] and dataset is None:
            raise ValidationError({"dataset": [_("There is no such data set.")]})
        row = feeding.declare(
            upstream=upstream,
            model=model,
            dataset=dataset,
            note=data["note"],
            ended=data["ended"],
            by=person(request),
            at=timezone.now(),
        )
        return Response(_feed(row), 201)

    @extend_schema(responses=FeedRecord(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """List what was declared about what feeds this model, the newest first."""
        model = find_model(slug)
        roles.require(person(request), "read", model=model)
        rows = model.fed_by.select_related("upstream", "dataset", "declared_by")
        return page(request, rows, _feed, ordering=["-declared_at", "id"])


def _feed(row: ModelFeed) -> dict[str, Any]:
    return {
        "id": row.id,
        "upstream": row.upstream.slug,
        "dataset": row.dataset.slug if row.dataset else None,
        "note": row.note,
        "ended": row.ended,
        "declared_by": show.user(row.declared_by),
        "declared_at": row.declared_at,
    }

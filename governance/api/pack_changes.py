"""What one version of a pack asks that another does not."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from governance import policy, publishing, roles
from governance.api.door import Door, person
from governance.api.policies import find_draft
from governance.models import PackDraft, PolicyPack
from governance.policy import comparing
from governance.policy.comparing import Change
from governance.policy.pack import Rule

_FROM = OpenApiParameter(
    "from", str, description="The published version to compare with."
)


class FieldChange(serializers.Serializer[Any]):
    """A field before and after, as lines of text; empty where it has no value."""

    field = serializers.CharField()
    old = serializers.CharField(allow_blank=True)
    new = serializers.CharField(allow_blank=True)


class RuleRecord(serializers.Serializer[Any]):
    """A rule by its id, with its title in both languages."""

    id = serializers.CharField()
    title = serializers.DictField(child=serializers.CharField())


class ChangedRule(RuleRecord):
    """A rule that both have, with the fields that differ."""

    changes = FieldChange(many=True)


class ChangesRecord(serializers.Serializer[Any]):
    """All that differs; `text` is the unified difference of the two documents.

    `from` is null, and nothing differs, where no other version was published.
    """

    slug = serializers.CharField()
    to = serializers.CharField()
    same = serializers.BooleanField()
    head = FieldChange(many=True)
    added = RuleRecord(many=True)
    removed = RuleRecord(many=True)
    changed = ChangedRule(many=True)
    text = serializers.CharField(allow_blank=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """With `from`, which Python does not let a class name."""
        return {**super().get_fields(), "from": serializers.CharField(allow_null=True)}


class PackChanges(Door):
    """`policies/{slug}/versions/{version}/changes`"""

    @extend_schema(parameters=[_FROM], responses=ChangesRecord)
    def get(self, request: Request, slug: str, version: str) -> Response:
        """Read what a version changed, against `from`, else the one before it."""
        roles.require(person(request), "read")
        row = get_object_or_404(PolicyPack, slug=slug, version=version)
        return _changes(request, row, row.document)


class DraftChanges(Door):
    """`policy-drafts/{id}/changes`"""

    @extend_schema(parameters=[_FROM], responses=ChangesRecord)
    def get(self, request: Request, draft_id: UUID) -> Response:
        """Read what a draft would change, against `from`, else the newest version."""
        roles.require(person(request), "read")
        row = find_draft(draft_id)
        return _changes(request, row, publishing.text_of(row).document)


def _changes(
    request: Request, subject: PolicyPack | PackDraft, document: str
) -> Response:
    asked = request.query_params.get("from", "")
    former = comparing.former_of(subject, comparing.others(subject), asked)
    if asked and former is None:
        told = _("No other version of this pack with this number was published.")
        raise ValidationError({"from": [told]})
    # Nothing to compare with: nothing differs.
    text = former.document if former else document
    found = comparing.compare(
        policy.parse(text), policy.parse(document), text, document
    )
    return Response(
        {
            "slug": subject.slug,
            "from": former.version if former else None,
            "to": subject.version,
            "same": found.same,
            "head": _fields(found.head),
            "added": [_rule(rule) for rule in found.added],
            "removed": [_rule(rule) for rule in found.removed],
            "changed": [
                {**_rule(item.new), "changes": _fields(item.changes)}
                for item in found.changed
            ],
            "text": found.text,
        }
    )


def _rule(rule: Rule) -> dict[str, Any]:
    return {"id": rule.id, "title": dict(rule.titles)}


def _fields(changes: tuple[Change, ...]) -> list[dict[str, str]]:
    return [{"field": c.field, "old": c.old, "new": c.new} for c in changes]

"""Policy packs: published ones, drafts on their way, ends, early adoption."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance import ending, policy, publishing, roles
from governance.api import show
from governance.api.decisions import Reason
from governance.api.door import LISTED, Door, page, person
from governance.api.fields import Moment
from governance.api.proof import Proven
from governance.models import EarlyAdoption, PackDraft, PackEnd, PolicyPack
from governance.policy.parsing import LONGEST

Json = dict[str, Any]


class Packs(Door):
    """`policies`"""

    @extend_schema(responses=LISTED)
    def get(self, request: Request) -> Response:
        """List the published packs, all versions, the newest first."""
        roles.require(person(request), "read")
        rows = PolicyPack.objects.select_related("published_by")
        return page(request, rows, _pack, ordering=["-effective_from", "id"])


class PackVersions(Door):
    """`policies/{slug}/versions`"""

    @extend_schema(operation_id="policies_versions_list", responses=LISTED)
    def get(self, request: Request, slug: str) -> Response:
        """List the versions of a pack, the newest first."""
        roles.require(person(request), "read")
        rows = PolicyPack.objects.filter(slug=slug).select_related("published_by")
        return page(request, rows, _pack, ordering=["-effective_from", "id"])


class PackVersion(Door):
    """`policies/{slug}/versions/{version}`"""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, slug: str, version: str) -> Response:
        """Read a version with its exact text."""
        roles.require(person(request), "read")
        row = get_object_or_404(PolicyPack, slug=slug, version=version)
        return Response({**_pack(row), "document": row.document})


def _pack(row: PolicyPack) -> Json:
    pack = policy.parse(row.document)
    return {
        "slug": row.slug,
        "version": row.version,
        "title": dict(pack.titles),
        "sha256": row.sha256,
        "canonical_sha256": pack.sha256,
        "applies_when": pack.applies_when,
        "rules": len(pack.rules),
        "effective_from": row.effective_from,
        "grandfathered_until": row.grandfathered_until,
        "published_by": show.user(row.published_by) if row.published_by else None,
        "published_at": row.published_at,
    }


class EndRecord(Proven):
    """When a pack ends; null takes an end back that lies ahead."""

    ends_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField(max_length=10_000)


class PackEnding(Door):
    """`policies/{slug}/end`"""

    idempotent = False

    @extend_schema(request=EndRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, slug: str) -> Response:
        """Propose, signed, when a pack ends, or take its end back at once."""
        form = EndRecord(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        row = ending.end(
            slug=slug,
            proof=form.proof,
            by=person(request),
            at=timezone.now(),
            **form.validated_data,
        )
        return Response(_decision(row), 201)

    @extend_schema(operation_id="policies_end_list", responses=LISTED)
    def get(self, request: Request, slug: str) -> Response:
        """List what was proposed and decided on the end of a pack, newest first."""
        roles.require(person(request), "read")
        rows = PackEnd.objects.filter(slug=slug).select_related("decided_by")
        return page(request, rows, _decision, ordering=["-sequence"])


def _decision(row: PackEnd | EarlyAdoption) -> Json:
    said: Json = (
        {"ends_at": row.ends_at}
        if isinstance(row, PackEnd)
        else {"adopted": row.adopted}
    )
    return {
        "id": row.pk,
        "slug": row.slug,
        **said,
        "proposed": row.proposed,
        "confirms": row.confirms_id,
        "reason": row.reason,
        "decided_by": show.user(row.decided_by),
        "decided_at": row.decided_at,
    }


class ConfirmationRecord(Proven):
    """The proposal that was read."""

    proposal = serializers.UUIDField()


class PackEndConfirmation(Door):
    """`policies/{slug}/end/confirmation`"""

    idempotent = False

    def find(self, slug: str, proposal: UUID) -> ending.Decision:
        """What was proposed, or 404."""
        return get_object_or_404(PackEnd, slug=slug, pk=proposal)

    @extend_schema(request=ConfirmationRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, slug: str) -> Response:
        """Sign, as a second person, what another proposed."""
        form = ConfirmationRecord(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        wanted = form.validated_data["proposal"]
        row = ending.confirm(
            proposal=self.find(slug, wanted),
            proof=form.proof,
            by=person(request),
            at=timezone.now(),
        )
        return Response(_decision(row), 201)


class PackAdoptionConfirmation(PackEndConfirmation):
    """`policies/{slug}/early-adoption/confirmation`"""

    def find(self, slug: str, proposal: UUID) -> ending.Decision:
        """What was proposed, or 404."""
        return get_object_or_404(EarlyAdoption, slug=slug, pk=proposal)


class AdoptionRecord(Proven):
    """Whether rules bind before their law applies."""

    adopted = serializers.BooleanField()
    reason = serializers.CharField(max_length=10_000)


class PackAdoption(Door):
    """`policies/{slug}/early-adoption`"""

    idempotent = False

    @extend_schema(request=AdoptionRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, slug: str) -> Response:
        """Adopt a pack's law early, or propose that it no longer is, signed."""
        form = AdoptionRecord(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        row = ending.adopt_early(
            slug=slug,
            proof=form.proof,
            by=person(request),
            at=timezone.now(),
            **form.validated_data,
        )
        return Response(_decision(row), 201)

    @extend_schema(operation_id="policies_early_adoption_list", responses=LISTED)
    def get(self, request: Request, slug: str) -> Response:
        """List what was proposed and decided on early adoption, newest first."""
        roles.require(person(request), "read")
        rows = EarlyAdoption.objects.filter(slug=slug).select_related("decided_by")
        return page(request, rows, _decision, ordering=["-sequence"])


class DraftRecord(serializers.Serializer[Any]):
    """The YAML text of a pack, or the name of one that comes with Freigabe."""

    document = serializers.CharField(
        max_length=LONGEST, required=False, trim_whitespace=False
    )
    shipped = serializers.CharField(max_length=80, required=False)
    comment = serializers.CharField(max_length=10_000, default="", allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One of the two."""
        if ("document" in attrs) == ("shipped" in attrs):
            told = _("Send the text, or name a shipped pack; one of the two.")
            raise serializers.ValidationError({"document": [told]})
        return attrs


class Drafts(Door):
    """`policy-drafts`"""

    @extend_schema(request=DraftRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Write a revision of the draft of the version that the text names."""
        form = DraftRecord(data=request.data)
        form.is_valid(raise_exception=True)
        data, by, at = form.validated_data, person(request), timezone.now()
        if "shipped" in data:
            row = publishing.adopt(slug=data["shipped"], by=by, at=at)
        else:
            row = publishing.write(
                text=data["document"], comment=data["comment"], by=by, at=at
            )
        return Response(draft(row.draft), 201)

    @extend_schema(operation_id="policy_drafts_list", responses=LISTED)
    def get(self, request: Request) -> Response:
        """List the drafts, the newest first."""
        roles.require(person(request), "read")
        rows = PackDraft.objects.select_related("opened_by")
        return page(request, rows, draft, ordering=["-opened_at", "id"])


class Draft(Door):
    """`policy-drafts/{id}`"""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, draft_id: UUID) -> Response:
        """Read a draft with the text of its latest revision."""
        roles.require(person(request), "read")
        row = find_draft(draft_id)
        return Response({**draft(row), "document": publishing.text_of(row).document})


def find_draft(draft_id: UUID) -> PackDraft:
    """The draft or 404."""
    rows = PackDraft.objects.select_related("opened_by")
    return get_object_or_404(rows, pk=draft_id)


def draft(row: PackDraft) -> Json:
    """A draft, its state, and who wrote it."""
    revisions = list(row.revisions.select_related("written_by").order_by("sequence"))
    return {
        "id": row.id,
        "slug": row.slug,
        "version": row.version,
        "state": publishing.state_of(row),
        "sha256": revisions[-1].sha256,
        "revisions": [
            {
                "sha256": revision.sha256,
                "comment": revision.comment,
                "written_by": show.user(revision.written_by),
                "written_at": revision.written_at,
            }
            for revision in revisions
        ],
        "opened_by": show.user(row.opened_by),
        "opened_at": row.opened_at,
    }


class DraftReview(Door):
    """`policy-drafts/{id}/review`"""

    @extend_schema(request=None, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, draft_id: UUID) -> Response:
        """Fix the text and hand it to those who publish."""
        row = find_draft(draft_id)
        publishing.ask_for_review(draft=row, by=person(request), at=timezone.now())
        return Response(draft(row), 201)


class DraftReturn(Door):
    """`policy-drafts/{id}/return`"""

    @extend_schema(request=Reason, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, draft_id: UUID) -> Response:
        """Send a draft back to its authors."""
        form = Reason(data=request.data)
        form.is_valid(raise_exception=True)
        row = find_draft(draft_id)
        publishing.send_back(
            draft=row, by=person(request), at=timezone.now(), **form.validated_data
        )
        return Response(draft(row), 201)


class DraftDiscard(Door):
    """`policy-drafts/{id}/discard`"""

    @extend_schema(request=Reason, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, draft_id: UUID) -> Response:
        """Give a draft up."""
        form = Reason(data=request.data)
        form.is_valid(raise_exception=True)
        row = find_draft(draft_id)
        publishing.discard(
            draft=row, by=person(request), at=timezone.now(), **form.validated_data
        )
        return Response(draft(row), 201)


class PublicationRecord(Proven):
    """The digest of the text that was read, and from when it binds."""

    sha256 = serializers.RegexField(r"^[0-9a-f]{64}\Z")
    effective_from = Moment(default=None, allow_null=True)
    grandfathered_until = Moment(default=None, allow_null=True)
    comment = serializers.CharField(max_length=10_000, default="", allow_blank=True)


class DraftPublication(Door):
    """`policy-drafts/{id}/publication`"""

    idempotent = False

    @extend_schema(request=PublicationRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, draft_id: UUID) -> Response:
        """Publish a reviewed draft of somebody else, signed."""
        form = PublicationRecord(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        row = publishing.publish(
            draft=find_draft(draft_id),
            proof=form.proof,
            by=person(request),
            at=timezone.now(),
            **form.validated_data,
        )
        return Response(_pack(row), 201)

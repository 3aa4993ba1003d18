"""The auditor's room: access, requests, samples."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audits.lots import LARGEST_SAMPLE
from governance import auditing, roles
from governance.api.door import LISTED, Door, page, person
from governance.api.fields import Moment
from governance.api.show import Json, user
from governance.auditing import accesses, drawing, requests
from governance.models import AuditAccess, AuditDraw, AuditRequest, AuditSample
from registry.models import RegisteredModel, User
from registry.models.base import SHA256

RIGHT = "see the room of the auditors"
_LONG = requests.LONGEST


def access(row: AuditAccess) -> Json:
    """Who may read which models from when until when."""
    end = getattr(row, "end", None)
    return {
        "id": row.id,
        "auditor": user(row.auditor),
        "models_patterns": row.models_patterns,
        "units": row.units,
        "begins_at": row.begins_at,
        "ends_at": row.ends_at,
        "state": accesses.state_of(row, timezone.now()),
        "reason": row.reason,
        "given_by": user(row.given_by),
        "given_at": row.given_at,
        "ended_by": user(end.ended_by) if end else None,
        "ended_at": end.ended_at if end else None,
        "end_reason": end.reason if end else None,
    }


def question(row: AuditRequest) -> Json:
    """What an auditor asks for, with every step."""
    return {
        "id": row.id,
        "question": row.question,
        "model": row.model.slug if row.model else None,
        "due_on": row.due_on,
        "state": requests.state_in(row),
        "asked_by": user(row.asked_by),
        "asked_at": row.asked_at,
        "steps": [
            {
                "state": step.state,
                "text": step.text,
                "reference": step.reference,
                "taken_by": user(step.taken_by),
                "taken_at": step.taken_at,
            }
            for step in row.steps.all()
        ],
    }


def sample(row: AuditSample) -> Json:
    """What a sample is drawn from, and what was drawn."""
    drawn = getattr(row, "draw", None)
    return {
        "id": row.id,
        "kind": row.kind,
        "begin": row.begin,
        "end": row.end,
        "size": row.size,
        "by_tier": row.by_tier,
        "count": row.count,
        "population_sha256": row.population_sha256,
        "secret_sha256": row.secret_sha256,
        "reason": row.reason,
        "asked_by": user(row.asked_by),
        "asked_at": row.asked_at,
        "tree_size": drawn.tree_size if drawn else None,
        "root_sha256": drawn.root_sha256 if drawn else None,
        "chosen": drawn.chosen if drawn else None,
    }


class AuditAccessRecord(serializers.Serializer[Any]):
    """Who may read which models, from when until when, and why."""

    auditor = serializers.SlugRelatedField(
        slug_field="username", queryset=User.objects.all()
    )
    models_patterns = serializers.ListField(
        child=serializers.CharField(max_length=200), default=list, max_length=100
    )
    units = serializers.ListField(
        child=serializers.CharField(max_length=120), default=list, max_length=100
    )
    begins_at = Moment()
    ends_at = Moment()
    reason = serializers.CharField(max_length=2000)


class AccessList(Door):
    """`audit-accesses`"""

    @extend_schema(request=AuditAccessRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Give an external auditor access for a time."""
        form = AuditAccessRecord(data=request.data)
        form.is_valid(raise_exception=True)
        row = auditing.give_access(
            **form.validated_data, by=person(request), at=timezone.now()
        )
        return Response(access(row), 201)

    @extend_schema(responses=LISTED)
    def get(self, request: Request) -> Response:
        """List accesses, the newest first."""
        roles.require(person(request), RIGHT)
        rows = accesses.accesses_for(person(request))
        return page(request, rows, access, ordering=["-given_at", "id"])


class AuditEndRecord(serializers.Serializer[Any]):
    """Why."""

    reason = serializers.CharField(max_length=2000)


class AccessEnd(Door):
    """`audit-accesses/{id}/end`"""

    @extend_schema(request=AuditEndRecord, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, row_id: UUID) -> Response:
        """End an access before its time."""
        roles.require(person(request), "end access of auditors")
        row = get_object_or_404(AuditAccess, pk=row_id)
        form = AuditEndRecord(data=request.data)
        form.is_valid(raise_exception=True)
        ended = auditing.end_access(
            access=row, **form.validated_data, by=person(request), at=timezone.now()
        )
        return Response(access(ended))


class AuditQuestionRecord(serializers.Serializer[Any]):
    """What is asked for, about which model, until when."""

    question = serializers.CharField(max_length=_LONG)
    model = serializers.SlugRelatedField(
        slug_field="slug",
        queryset=RegisteredModel.objects.all(),
        default=None,
        allow_null=True,
    )
    due_on = serializers.DateField()


class QuestionList(Door):
    """`audit-requests`"""

    @extend_schema(request=AuditQuestionRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Ask for a document or an answer."""
        form = AuditQuestionRecord(data=request.data)
        form.is_valid(raise_exception=True)
        row = auditing.ask(**form.validated_data, by=person(request), at=timezone.now())
        return Response(question(row), 201)

    @extend_schema(responses=LISTED)
    def get(self, request: Request) -> Response:
        """List requests, the newest first; `state` narrows the list."""
        roles.require(person(request), RIGHT)
        state = request.query_params.get("state", "")
        rows = requests.requests_for(person(request), state=state)
        rows = rows.prefetch_related("steps__taken_by")
        return page(request, rows, question, ordering=["-asked_at", "id"])


class AuditAnswerRecord(serializers.Serializer[Any]):
    """An answer; `reference` is the address of a page here, from its first slash."""

    text = serializers.CharField(max_length=_LONG)
    reference = serializers.CharField(max_length=300, default="", allow_blank=True)


class AuditWordsRecord(serializers.Serializer[Any]):
    """What is missing, or what there is to say at the end."""

    text = serializers.CharField(max_length=_LONG, default="", allow_blank=True)


def _asked(request: Request, row_id: UUID) -> AuditRequest:
    roles.require(person(request), RIGHT)
    return get_object_or_404(requests.requests_for(person(request)), pk=row_id)


def _step(
    request: Request,
    row_id: UUID,
    record: type[serializers.Serializer[Any]],
    act: Callable[..., object],
) -> Response:
    """Take one step with a request, and answer it as it is then."""
    row = _asked(request, row_id)
    form = record(data=request.data)
    form.is_valid(raise_exception=True)
    act(request=row, **form.validated_data, by=person(request), at=timezone.now())
    return Response(question(_asked(request, row_id)), 201)


class Answers(Door):
    """`audit-requests/{id}/answers`"""

    @extend_schema(request=AuditAnswerRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, row_id: UUID) -> Response:
        """Answer a request."""
        return _step(request, row_id, AuditAnswerRecord, auditing.answer)


class Reopening(Door):
    """`audit-requests/{id}/reopening`"""

    @extend_schema(request=AuditWordsRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, row_id: UUID) -> Response:
        """Say what is still missing."""
        return _step(request, row_id, AuditWordsRecord, auditing.reopen)


class Closure(Door):
    """`audit-requests/{id}/closure`"""

    @extend_schema(request=AuditWordsRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, row_id: UUID) -> Response:
        """Close a request for good."""
        return _step(request, row_id, AuditWordsRecord, auditing.close)


class AuditSampleRecord(serializers.Serializer[Any]):
    """What to draw from; the days are in UTC, both included."""

    kind = serializers.ChoiceField(AuditSample.Kind.choices)
    begin = serializers.DateField()
    end = serializers.DateField()
    size = serializers.IntegerField(min_value=1, max_value=LARGEST_SAMPLE)
    by_tier = serializers.BooleanField(default=False)
    reason = serializers.CharField(max_length=2000)
    secret_sha256 = serializers.CharField(
        max_length=64, default="", allow_blank=True, validators=[SHA256]
    )


class SampleList(Door):
    """`audit-samples`"""

    @extend_schema(request=AuditSampleRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Fix what a sample will be drawn from, before its seed is known."""
        form = AuditSampleRecord(data=request.data)
        form.is_valid(raise_exception=True)
        row = auditing.ask_sample(
            wish=auditing.Wish(**form.validated_data),
            by=person(request),
            at=timezone.now(),
        )
        return Response(sample(row), 201)

    @extend_schema(responses=LISTED)
    def get(self, request: Request) -> Response:
        """List samples, the newest first."""
        roles.require(person(request), RIGHT)
        rows = drawing.samples_for(person(request))
        return page(request, rows, sample, ordering=["-asked_at", "id"])


class AuditDrawRecord(serializers.Serializer[Any]):
    """The word, where its SHA-256 was given."""

    secret = serializers.CharField(
        max_length=200, default="", allow_blank=True, trim_whitespace=False
    )


def _sample(request: Request, row_id: UUID) -> AuditSample:
    roles.require(person(request), "ask as an auditor")
    return get_object_or_404(drawing.samples_for(person(request)), pk=row_id)


class Drawing(Door):
    """`audit-samples/{id}/draw`"""

    @extend_schema(request=AuditDrawRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, row_id: UUID) -> Response:
        """Draw with the root of the first checkpoint that covers the request."""
        row = _sample(request, row_id)
        form = AuditDrawRecord(data=request.data)
        form.is_valid(raise_exception=True)
        auditing.draw(
            sample=row, **form.validated_data, by=person(request), at=timezone.now()
        )
        return Response(sample(_sample(request, row_id)), 201)


class SampleFile(Door):
    """`audit-samples/{id}/file`"""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, row_id: UUID) -> Response:
        """The drawn sample with its proofs, as `python -m audits.offline` reads it."""
        row = _sample(request, row_id)
        drawn = get_object_or_404(AuditDraw, sample=row)
        return Response(auditing.file_of(drawn, by=person(request)))

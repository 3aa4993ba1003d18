"""Trust in pipelines, the tokens that they came in with, and tokens of ours."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance import access, identities, roles
from governance.api.door import LISTED, Door, page, person
from governance.api.proof import Proven
from governance.api.show import Json, user
from governance.models import PipelineToken, Token, TrustRule
from registry.models import Role

READERS = ("trust pipelines", "confirm trust in pipelines", "read log entries")
_PARTS = ("user", "proposed_by", "confirmation__confirmed_by", "end__ended_by")


def require_reader(request: Request) -> None:
    """Let in those who trust, who confirm, and who audit."""
    by = person(request)
    if not any(roles.may(by, right) for right in READERS):
        roles.require(by, READERS[0])


def trust(row: TrustRule) -> Json:
    """A rule with both hands on it."""
    confirmation = getattr(row, "confirmation", None)
    end = getattr(row, "end", None)
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "issuer": row.issuer,
        "audience": row.audience,
        "algorithms": row.algorithms,
        "jwks_uri": row.jwks_uri,
        "jwks": row.jwks,
        "claims": row.claims,
        "models_pattern": row.models_pattern,
        "environments": row.environments,
        "reason": row.reason,
        "sha256": row.subject_sha256,
        "user": user(row.user),
        "state": row.state,
        "proposed_by": user(row.proposed_by),
        "proposed_at": row.proposed_at,
        "confirmed_by": user(confirmation.confirmed_by) if confirmation else None,
        "confirmed_at": confirmation.confirmed_at if confirmation else None,
        "ended_by": user(end.ended_by) if end else None,
        "ended_at": end.ended_at if end else None,
        "end_reason": end.reason if end else None,
    }


def pipeline_token(row: PipelineToken) -> Json:
    """A token that a pipeline came in with: what ran where."""
    return {
        "id": row.id,
        "rule": row.rule.name,
        "jti": row.jti,
        "claims": row.claims,
        "address": row.address,
        "issued_at": row.issued_at,
        "expires_at": row.expires_at,
        "first_used_at": row.first_used_at,
    }


class TrustRecord(serializers.Serializer[Any]):
    """Whom to trust. `claims` maps a claim to the values that it may have."""

    name = serializers.CharField(max_length=80)
    kind = serializers.ChoiceField(TrustRule.Kind.choices)
    issuer = serializers.CharField(max_length=300)
    claims = serializers.DictField(
        child=serializers.ListField(
            child=serializers.CharField(max_length=500), max_length=20
        )
    )
    models_pattern = serializers.CharField(max_length=200)
    environments = serializers.ListField(
        child=serializers.CharField(max_length=80), max_length=50
    )
    reason = serializers.CharField(max_length=2000)
    audience = serializers.CharField(max_length=300, default="", allow_blank=True)
    algorithms = serializers.ListField(
        child=serializers.CharField(max_length=5), default=["RS256"], max_length=3
    )
    jwks_uri = serializers.CharField(max_length=500, default="", allow_blank=True)
    jwks = serializers.CharField(max_length=65_536, default="", allow_blank=True)


class TrustList(Door):
    """`pipeline-trust`"""

    @extend_schema(request=TrustRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Propose to trust a pipeline; somebody else confirms it."""
        form = TrustRecord(data=request.data)
        form.is_valid(raise_exception=True)
        wish = identities.Wish(**form.validated_data)
        row = identities.propose(wish=wish, by=person(request), at=timezone.now())
        return Response(trust(row), 201)

    @extend_schema(responses=LISTED)
    def get(self, request: Request) -> Response:
        """List all rules, those ended too."""
        require_reader(request)
        rows = TrustRule.objects.select_related(*_PARTS)
        return page(request, rows, trust, ordering=["name", "id"])


class TrustConfirmRecord(Proven):
    """Who signs."""


class TrustConfirmations(Door):
    """`pipeline-trust/{id}/confirm`"""

    @extend_schema(request=TrustConfirmRecord, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, row_id: UUID) -> Response:
        """Confirm, by signature, a rule that somebody else made."""
        row = _rule(request, "confirm trust in pipelines", row_id)
        form = TrustConfirmRecord(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        found = identities.confirm(
            rule=row, proof=form.proof, by=person(request), at=timezone.now()
        )
        return Response(trust(found))


class TrustEndRecord(serializers.Serializer[Any]):
    """Why it ends."""

    reason = serializers.CharField(max_length=2000)


class TrustEnds(Door):
    """`pipeline-trust/{id}/end`"""

    @extend_schema(request=TrustEndRecord, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, row_id: UUID) -> Response:
        """End a rule at once; its tokens open nothing any more."""
        row = _rule(request, "end trust in pipelines", row_id)
        form = TrustEndRecord(data=request.data)
        form.is_valid(raise_exception=True)
        found = identities.end(
            rule=row, **form.validated_data, by=person(request), at=timezone.now()
        )
        return Response(trust(found))


def _rule(request: Request, right: str, row_id: UUID) -> TrustRule:
    roles.require(person(request), right)
    return get_object_or_404(TrustRule.objects.select_related(*_PARTS), pk=row_id)


class PipelineTokenList(Door):
    """`pipeline-tokens`"""

    @extend_schema(responses=LISTED)
    def get(self, request: Request) -> Response:
        """List the tokens that pipelines came in with, the newest first."""
        require_reader(request)
        rows = PipelineToken.objects.select_related("rule")
        return page(request, rows, pipeline_token, ordering=["-first_used_at", "id"])


def token(row: Token) -> Json:
    """A token of ours, without its secret; `last_used_on` is a day."""
    return {
        "id": row.id,
        "name": row.name,
        "user": user(row.user),
        "personal": row.personal,
        "models_pattern": row.models_pattern,
        "environments": row.environments,
        "issued_by": user(row.issued_by),
        "issued_at": row.issued_at,
        "expires_at": row.expires_at,
        "revoked_at": row.revoked_at,
        "last_used_on": getattr(row, "last_used_on", None),
    }


class TokenRecord(serializers.Serializer[Any]):
    """A token for a CI service, or of one's own; without environments, for all."""

    name = serializers.CharField(max_length=100)
    own = serializers.BooleanField(default=False)
    models_pattern = serializers.CharField(max_length=200, default="*")
    environments = serializers.ListField(
        child=serializers.CharField(max_length=80), default=list, max_length=50
    )
    days = serializers.IntegerField(default=90, min_value=1, max_value=10_000)


class TokenList(Door):
    """`tokens`; the answer holds a secret, so none is kept for a repeat."""

    idempotent = False

    @extend_schema(request=TokenRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Issue a token; its secret is answered only now."""
        form = TokenRecord(data=request.data)
        form.is_valid(raise_exception=True)
        data, by = dict(form.validated_data), person(request)
        own = data.pop("own")
        row, secret = access.issue_token(
            **{**data, "environments": tuple(data["environments"])},
            role=None if own else Role.CI,
            user=by if own else None,
            by=by,
            at=timezone.now(),
        )
        return Response({**token(row), "secret": secret}, 201)

    @extend_schema(responses=LISTED)
    def get(self, request: Request) -> Response:
        """List tokens, ended ones too: one's own, an administrator all."""
        rows = access.tokens_for(person(request))
        return page(request, rows, token, ordering=["-issued_at", "id"])


class TokenEnds(Door):
    """`tokens/{id}/revoke`"""

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, row_id: UUID) -> Response:
        """End a token at once."""
        row = get_object_or_404(access.tokens_for(person(request)), pk=row_id)
        access.revoke_token(token=row, by=person(request), at=timezone.now())
        return Response(token(access.tokens_for(person(request)).get(pk=row.pk)))

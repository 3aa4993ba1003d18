"""Every error as problem+json (RFC 9457), with a pointer to each wrong field."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError
from django.http import Http404, UnreadablePostError
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response

from audits.artifacts import UnsupportedArtifact
from audits.evidence import AlreadyEnded
from audits.questions import CannotMeasure
from audits.sandbox import SandboxRefused
from governance import (
    access,
    approvals,
    artifacts,
    assessing,
    attestations,
    breaches,
    challenges,
    changing,
    conditions,
    datasets,
    delegation,
    deployments,
    emergencies,
    ending,
    enrolment,
    evaluations,
    fast_lane,
    feeding,
    forges,
    gate,
    identities,
    incidents,
    issued,
    lifecycle,
    matrices,
    matrix_lint,
    matrix_publishing,
    passkeys,
    permit,
    persons,
    policy,
    publishing,
    reconciliation,
    records,
    remedying,
    retiring,
    roles,
    rollbacks,
    signatures,
    stepups,
    tier_decisions,
    waiving,
    webhooks,
)
from governance.dossier.request import CannotBuild
from governance.ingest import mlflow, openlineage

PROBLEM = "application/problem+json"

logger = logging.getLogger(__name__)

_STATUS: dict[type[Exception], int] = {
    roles.NotAllowed: 403,
    roles.RoleConflict: 409,
    access.CannotIssue: 422,
    approvals.SameHand: 403,
    approvals.NoSeat: 403,
    approvals.NotReady: 409,
    approvals.NotOpen: 409,
    approvals.CommentNeeded: 422,
    challenges.CannotChallenge: 422,
    changing.NotPossible: 409,
    conditions.UnusableCondition: 422,
    breaches.CannotReport: 409,
    delegation.CannotDelegate: 422,
    fast_lane.CannotReview: 409,
    persons.CannotRecord: 422,
    enrolment.CannotEnrol: 409,
    webhooks.CannotChange: 409,
    signatures.LockedOut: 429,
    signatures.NothingShown: 422,
    signatures.NotSigned: 403,
    passkeys.NoPasskey: 409,
    stepups.NoSingleSignOn: 409,
    lifecycle.NoSuchMove: 409,
    feeding.CannotFeed: 422,
    deployments.CannotChange: 409,
    policy.NoPolicy: 409,
    policy.InvalidPack: 422,
    publishing.SameAuthor: 403,
    evaluations.CannotRepeat: 409,
    ending.SamePerson: 403,
    publishing.WrongState: 409,
    assessing.NotDeployable: 409,
    matrices.OutsideMatrix: 422,
    matrix_lint.InvalidMatrix: 422,
    matrix_publishing.CannotPublish: 409,
    tier_decisions.CannotDecide: 409,
    tier_decisions.OwnWork: 403,
    artifacts.TooLarge: 413,
    artifacts.NotAModel: 422,
    UnsupportedArtifact: 422,
    SandboxRefused: 422,
    datasets.UnusableDataset: 422,
    CannotMeasure: 422,
    AlreadyEnded: 409,
    CannotBuild: 422,
    gate.AmbiguousQuestion: 400,
    gate.NotMigrated: 503,
    permit.NoKey: 503,
    identities.IssuerUnreachable: 503,
    identities.WrongState: 409,
    identities.SameHand: 403,
    forges.NotGenuine: 401,
    mlflow.NotGenuine: 401,
    mlflow.NotUnderstood: 422,
    mlflow.Replayed: 409,
    mlflow.TooLarge: 413,
    openlineage.NotUnderstood: 422,
    openlineage.TooLarge: 413,
    forges.NotUnderstood: 422,
    forges.TooLarge: 413,
    forges.Contradicted: 409,
    forges.WrongState: 409,
    forges.SameHand: 403,
    forges.CannotAnswer: 409,
    issued.NoSuchPermit: 404,
    issued.CannotRevoke: 409,
    issued.CannotRenew: 409,
    issued.NotYet: 409,
    retiring.NotPossible: 409,
    incidents.WrongState: 409,
    attestations.CriticalFindings: 409,
    remedying.WrongState: 409,
    remedying.SameHand: 403,
    waiving.NotWaivable: 422,
    waiving.WrongState: 409,
    waiving.SameHand: 403,
    waiving.NoSeat: 403,
    emergencies.NotPossible: 409,
    emergencies.SameHand: 403,
    reconciliation.WrongState: 409,
    rollbacks.CannotRollBack: 409,
    records.AlreadyRegistered: 409,
    records.Refused: 422,
}
# What is only a matter of time: after how many seconds to ask again.
_AGAIN: dict[type[Exception], str] = {issued.NotYet: "1", gate.NotMigrated: "30"}
# Renderers of answers that leave a problem in JSON.
_PROBLEMS_IN_JSON = ("json", "sarif", "junit", "jsonl")
_FIELD: dict[type[Exception], str] = {
    artifacts.TooLarge: "file",
    artifacts.NotAModel: "file",
    UnsupportedArtifact: "file",
    SandboxRefused: "file",
    approvals.CommentNeeded: "comment",
}


def problem(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Translate an exception; None lets Django answer 500 for a defect of ours."""
    answer = _translated(error)
    renderer = getattr(context.get("request"), "accepted_renderer", None)
    written = getattr(renderer, "format", "json")
    if answer is not None and written not in _PROBLEMS_IN_JSON:
        # The body is rendered as text or YAML then: it must not claim to be JSON.
        answer.content_type = None
    return answer


def _translated(error: Exception) -> Response | None:
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            again = _AGAIN.get(kind)
            headers = {"Retry-After": again} if again else {}
            return _answer(status, str(error), _pointers(error), _extra(error), headers)
    return _framework_problem(error) or _database_problem(error)


def _framework_problem(error: Exception) -> Response | None:
    if isinstance(error, exceptions.ValidationError):
        fields = list(_flatten(error.detail))
        return _answer(422, _("Some fields are wrong."), fields)
    if isinstance(error, exceptions.APIException):
        headers = {}
        if header := getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = header
        return _answer(error.status_code, _sentence(error.detail), headers=headers)
    if isinstance(error, Http404):
        return _answer(404, _("There is no such thing here."))
    if isinstance(error, PermissionDenied):
        return _answer(403, str(error) or _("You may not do this."))
    if isinstance(error, RequestDataTooBig):
        return _answer(413, _("The request is too large."))
    if isinstance(error, (SuspiciousOperation, UnreadablePostError)):
        return _answer(400, _("The request cannot be read: %s") % error)
    return None


def _database_problem(error: Exception) -> Response | None:
    if isinstance(error, DataError):
        return _answer(422, _("A value cannot be stored, such as a NUL character."))
    if isinstance(error, IntegrityError):
        return _answer(
            409, _("Something else was stored at the same moment. Read it and retry.")
        )
    if isinstance(error, (DatabaseError, InterfaceError)):
        # Gone, silent, full, damaged, or without a column that this code asks for.
        logger.error("The database failed: %s", error, exc_info=error)
        return _answer(
            503,
            _("The database cannot answer now. Nothing is permitted; try again."),
            headers={"Retry-After": "5"},
        )
    return None


def _answer(
    status: int,
    detail: str,
    errors: list[dict[str, str]] | None = None,
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    titles = {
        400: _("The question is incomplete"),
        401: _("Not authenticated"),
        403: _("Not allowed"),
        404: _("Not found"),
        409: _("Not possible now"),
        412: _("Changed in the meantime"),
        413: _("Too large"),
        422: _("Not accepted"),
        429: _("Too many attempts"),
        503: _("Not available"),
    }
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": titles.get(status, _("Not possible")),
        "status": status,
        "detail": detail,
        **(extra or {}),
    }
    if errors:
        body["errors"] = errors
    return Response(body, status, headers=dict(headers or {}), content_type=PROBLEM)


def _pointers(error: Exception) -> list[dict[str, str]]:
    if isinstance(error, records.Refused):
        return [
            {"pointer": f"/{name}", "detail": text}
            for name, texts in error.errors.items()
            for text in texts
        ]
    field = getattr(error, "field", None)
    for kind, name in _FIELD.items():
        if isinstance(error, kind):
            field = name
    return [{"pointer": f"/{field}", "detail": str(error)}] if field else []


def _extra(error: Exception) -> dict[str, Any]:
    if isinstance(error, approvals.NotReady):
        return {"checks": [check.as_dict() for check in error.checks]}
    return {}


def _flatten(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    if isinstance(detail, Mapping):
        for name, part in detail.items():
            step = "" if name == "non_field_errors" else f"/{name}"
            yield from _flatten(part, path + step)
    elif isinstance(detail, list):
        for index, part in enumerate(detail):
            nested = isinstance(part, Mapping)
            yield from _flatten(part, f"{path}/{index}" if nested else path)
    else:
        yield {"pointer": path or "/", "detail": str(detail)}


def _sentence(detail: Any) -> str:
    return "; ".join(item["detail"] for item in _flatten(detail))

"""Kubernetes asks: may this object be stored? (AdmissionReview v1)"""

import time
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response

from governance import admission, roles
from governance.admission.reviewing import API_VERSION, KIND, uid_of
from governance.api.door import Door, person
from governance.api.parsers import Unreadable, require_readable
from governance.patience import DECIDING_SECONDS

LONGEST_MESSAGE = 4000
LONGEST_WARNING = 250


class ReviewParser(JSONParser):
    """JSON as it comes: who sent a strange value is refused by its uid."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        """The body's value. Raises `ParseError`."""
        try:
            return super().parse(*args, **kwargs)
        except RecursionError as error:
            raise ParseError(_("This is no AdmissionReview.")) from error


class AdmissionRequest(serializers.Serializer[Any]):
    """Of an object that a cluster is asked to store."""

    uid = serializers.CharField()
    kind = serializers.DictField()
    operation = serializers.ChoiceField(["CREATE", "UPDATE", "DELETE"])
    namespace = serializers.CharField(required=False)
    name = serializers.CharField(required=False)
    object = serializers.DictField(allow_null=True)
    oldObject = serializers.DictField(allow_null=True, required=False)  # noqa: N815
    dryRun = serializers.BooleanField(required=False)  # noqa: N815


class AdmissionReviewRecord(serializers.Serializer[Any]):
    """What the API server sends."""

    apiVersion = serializers.CharField()  # noqa: N815
    kind = serializers.CharField()
    request = AdmissionRequest()


class AdmissionResponse(serializers.Serializer[Any]):
    """Whether it may."""

    uid = serializers.CharField()
    allowed = serializers.BooleanField()
    status = serializers.DictField(required=False)
    auditAnnotations = serializers.DictField(required=False)  # noqa: N815
    warnings = serializers.ListField(child=serializers.CharField(), required=False)


class AdmissionAnswer(serializers.Serializer[Any]):
    """What the API server reads."""

    apiVersion = serializers.CharField()  # noqa: N815
    kind = serializers.CharField()
    response = AdmissionResponse()


class Admission(Door):
    """`kubernetes/admission`"""

    answers_within = DECIDING_SECONDS

    idempotent = False  # the API server asks anew
    parser_classes = (ReviewParser,)

    @extend_schema(request=AdmissionReviewRecord, responses=AdmissionAnswer)
    def post(self, request: Request, environment: str = "") -> Response:
        """Decide on every file that the object names; 200 also for a denial.

        The environment is that of the address, else the only one of the token: never
        one that the object could choose.
        """
        began = time.monotonic()
        body = request.data
        uid = uid_of(body)
        try:
            require_readable(body)
            review = admission.read(body)
            answer = admission.admit(
                review=review,
                environment=environment or _of_token(request, uid),
                by=person(request),
                at=timezone.now(),
                began=began,
            )
        except admission.NoReview as error:
            raise ParseError(str(error)) from error
        except Unreadable as error:
            if not uid or error.pointer in ("", "/request/uid"):
                raise ParseError(str(error)) from error
            answer = admission.Answer(allowed=False, message=str(error))
        except (admission.Malformed, roles.NotAllowed) as error:
            answer = admission.Answer(allowed=False, message=str(error))
        return Response(_review(uid, answer))


@extend_schema_view(
    post=extend_schema(operation_id="kubernetes_admission_of_environment")
)
class AdmissionOfEnvironment(Admission):
    """`kubernetes/admission/{environment}`"""


def _of_token(request: Request, uid: str) -> str:
    scope = person(request).scope
    if scope is None or len(scope.environments) != 1:
        raise admission.Malformed(
            uid,
            _("Name the environment at the end of the webhook's address."),
        )
    return scope.environments[0]


def _review(uid: str, answer: admission.Answer) -> dict[str, Any]:
    response: dict[str, Any] = {"uid": uid, "allowed": answer.allowed}
    if not answer.allowed:
        response["status"] = {
            "status": "Failure",
            "code": 403,
            "reason": "Forbidden",
            "message": answer.message[:LONGEST_MESSAGE],
        }
    if answer.decisions:
        response["auditAnnotations"] = {"decision-id": ",".join(answer.decisions)}
    if answer.warnings:
        response["warnings"] = [text[:LONGEST_WARNING] for text in answer.warnings]
    return {"apiVersion": API_VERSION, "kind": KIND, "response": response}

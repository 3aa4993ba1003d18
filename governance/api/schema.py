"""The OpenAPI of the API."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.views import SpectacularAPIView
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from governance.api.errors import PROBLEM


class Schema(SpectacularAPIView):
    """`schema`"""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse a choice of version: it would be copied into a header."""
        super().initial(request, *args, **kwargs)
        if "version" in request.query_params:
            only = [_("There is one version; leave it out.")]
            raise ValidationError({"version": only})


_PROBLEM = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {
                    "pointer": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}


def with_problems(
    result: dict[str, Any], generator: Any, request: Any, public: bool
) -> dict[str, Any]:
    """Say of every call that whatever it does not name is a problem.

    A call that answers in other formats may tell a problem in these, too. A hook of
    drf-spectacular after generation.
    """
    result["components"]["schemas"]["Problem"] = _PROBLEM
    told = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for operations in result["paths"].values():
        for operation in operations.values():
            answers = operation["responses"]
            formats: dict[str, Any] = {
                media: {"schema": {}}
                for answer in answers.values()
                for media in answer.get("content", {})
                if media != "application/json"
            }
            answers["default"] = {
                "description": "Anything else, told as a problem.",
                "content": formats | {PROBLEM: told},
            }
    return result

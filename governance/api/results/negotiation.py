"""`format=json|text|sarif|junit` beside the Accept header; unknown ones are refused."""

import json
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from governance.api.results import junit, sarif, text


def is_problem_json(request: Request) -> bool:
    """Whether a denial of this request is told as problem+json."""
    return isinstance(request.accepted_renderer, JSONRenderer)


class _Result(BaseRenderer):
    """An answer with checks; a problem (RFC 9457) stays what it is, in JSON."""

    charset = "utf-8"

    def written(self, data: Any, context: Any) -> str:
        """The answer in this format."""
        raise NotImplementedError

    def problem(self, data: Any) -> str:
        """What went wrong, where nothing was examined."""
        return json.dumps(data, default=str)

    def render(self, data: Any, _type: Any = None, context: Any = None) -> bytes:
        """The bytes of the body."""
        if data is None:
            return b""
        answered = "checks" in data and ("decision" in data or "ready" in data)
        told = self.written(data, context) if answered else self.problem(data)
        return told.encode()


class _Text(_Result):
    media_type = "text/plain"
    format = "text"

    def written(self, data: Any, context: Any) -> str:
        """Lines for the log of a pipeline."""
        return text.written(data)

    def problem(self, data: Any) -> str:
        """One line."""
        return f"{data.get('title', '')}: {data.get('detail', '')}\n"


class _Sarif(_Result):
    media_type = "application/sarif+json"
    format = "sarif"

    def written(self, data: Any, context: Any) -> str:
        """A SARIF log for code scanning."""
        query = context["request"].query_params
        place = query.get("location") or sarif.CARD
        return json.dumps(sarif.written(data, location=place), ensure_ascii=False)


class _Junit(_Result):
    media_type = "application/xml"
    format = "junit"

    def written(self, data: Any, context: Any) -> str:
        """A report that build servers show."""
        return junit.written(data)


RENDERERS = (JSONRenderer, _Text, _Sarif, _Junit)


class ByFormat(DefaultContentNegotiation):
    """Refuses in words what it cannot give."""

    def filter_renderers(self, renderers: Any, format: str) -> Any:  # noqa: A002
        """Refuse in words instead of a bare 404."""
        found = [r for r in renderers if r.format == format]
        if not found:
            raise ValidationError({"format": [_("Use json, text, sarif or junit.")]})
        return found

"""Fields of requests that say or refuse more than those of the framework."""

from datetime import datetime
from typing import Any, ClassVar

from django.utils.timezone import is_naive
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


class Moment(serializers.DateTimeField):
    """A time with its zone (RFC 3339): without one it would be two times."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "naive": _("Give the time with its zone, such as 2026-12-24T18:00:00Z.")
    }

    def enforce_timezone(self, value: datetime) -> datetime:
        """Refuse what names no zone instead of guessing one."""
        if is_naive(value):
            self.fail("naive")
        return super().enforce_timezone(value)


@extend_schema_field(OpenApiTypes.BINARY)
class Upload(serializers.FileField):
    """A file that is sent: the library tells of the address that one answers."""

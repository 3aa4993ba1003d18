"""A field for a moment in UTC, for forms that say so."""

from datetime import UTC
from typing import Any

from django import forms
from django.utils import timezone


class UtcField(forms.DateTimeField):
    """A moment that is written and shown in UTC, whichever zone the reader prefers."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateTimeInput(
            attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"
        )
        super().__init__(widget=widget, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """As the page shows it."""
        with timezone.override(UTC):
            return super().prepare_value(value)

    def to_python(self, value: Any) -> Any:
        """As the act takes it: aware."""
        with timezone.override(UTC):
            return super().to_python(value)

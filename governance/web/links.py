"""Addresses of pages that many pages lead to."""

from datetime import date

from django.urls import reverse

from registry.models import ModelVersion


def version_url(version: ModelVersion, *, as_of: date | None = None) -> str:
    """The page of a version, perhaps with where it stood on a past day."""
    address = reverse("web:version", args=[version.model.slug, version.version])
    return f"{address}?as_of={as_of.isoformat()}" if as_of else address

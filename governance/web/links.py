"""Addresses of pages that many pages lead to."""

from django.urls import reverse

from registry.models import ModelVersion


def version_url(version: ModelVersion) -> str:
    """The page of a version."""
    return reverse("web:version", args=[version.model.slug, version.version])

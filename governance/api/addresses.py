"""Parts that the API's addresses share."""

from django.urls import register_converter


class VersionConverter:
    """A version number as in `registry.models.base.VERSION`."""

    regex = r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}"

    def to_python(self, value: str) -> str:
        """As it is."""
        return value

    def to_url(self, value: str) -> str:
        """As it is."""
        return value


register_converter(VersionConverter, "version")

VERSION = "models/<slug:slug>/versions/<version:version>"

"""The OpenAPI of the API."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.views import SpectacularAPIView
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request


class Schema(SpectacularAPIView):
    """`schema`"""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse a choice of version: it would be copied into a header."""
        super().initial(request, *args, **kwargs)
        if "version" in request.query_params:
            only = [_("There is one version; leave it out.")]
            raise ValidationError({"version": only})

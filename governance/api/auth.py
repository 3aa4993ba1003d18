"""Bearer tokens of the API (RFC 6750)."""

import hashlib

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from governance import access
from registry.models import User


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer ...`; anything else is nobody."""

    def authenticate(self, request: Request) -> tuple[User, str] | None:
        """The token's user with its scope, and the token's digest; None without."""
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != b"bearer":
            return None
        if len(words) != 2:
            raise AuthenticationFailed(_("Send: Authorization: Bearer TOKEN"))
        try:
            secret = words[1].decode("ascii")
            user = access.authenticate(secret, at=timezone.now())
        except UnicodeDecodeError as error:
            raise AuthenticationFailed(_("This token is unknown.")) from error
        except access.InvalidToken as error:
            raise AuthenticationFailed(str(error)) from error
        return user, hashlib.sha256(secret.encode()).hexdigest()

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return 'Bearer realm="freigabe"'


class _Scheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "governance.api.auth.TokenAuthentication"
    name = "bearer"

    def get_security_definition(self, _schema: object) -> dict[str, str]:
        """How OpenAPI describes the token."""
        return {"type": "http", "scheme": "bearer"}

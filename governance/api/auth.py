"""Bearer tokens of the API (RFC 6750): ours, and those of pipelines' own servers."""

import hashlib

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from governance import access, identities
from registry.acts import came_from
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
            user = _user(secret, str(request.META.get("REMOTE_ADDR", "")))
        except UnicodeDecodeError as error:
            raise AuthenticationFailed(_("This token is unknown.")) from error
        except access.InvalidToken as error:
            raise AuthenticationFailed(str(error)) from error
        return user, hashlib.sha256(secret.encode()).hexdigest()

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return 'Bearer realm="freigabe"'


def _user(secret: str, address: str) -> User:
    """Whom a bearer stands for; of a pipeline, acts tell from now on what ran where."""
    at = timezone.now()
    if not identities.looks_like_one(secret):
        return access.authenticate(secret, at=at)
    user = identities.authenticate(secret, at=at, address=address)
    if user.scope is not None:
        came_from({"token": str(user.scope.pipeline), **user.scope.run})
    return user


class _Scheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "governance.api.auth.TokenAuthentication"
    name = "bearer"

    def get_security_definition(self, _schema: object) -> dict[str, str]:
        """How OpenAPI describes the token."""
        return {"type": "http", "scheme": "bearer"}

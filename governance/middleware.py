"""What every answer carries, whichever door gave it."""

from collections.abc import Callable

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from governance import preferences
from registry.acts import acting, through

# The pages below the API's addresses.
_DOCS = "/api/v1/docs"


class ContentSecurityPolicy:
    """Allows a page our own files and nothing inline, unless its view said otherwise.

    Source: W3C Content Security Policy Level 3.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.policy = "; ".join(
            f"{directive} {sources}"
            for directive, sources in settings.CONTENT_SECURITY_POLICY.items()
        )

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", self.policy)
        return response


class Preferred:
    """Gives a person the pages in their time zone, and in their language.

    The language that they switch to in this browser goes before. The API answers in
    UTC, and in the language that the caller asks for.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        asks_api = request.path.startswith("/api/")
        asks_api &= not request.path.startswith(_DOCS)
        if asks_api or not request.user.is_authenticated:
            return self.get_response(request)
        wanted = preferences.of(request.user)
        if wanted.language and settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
            translation.activate(wanted.language)
        with timezone.override(preferences.zone(wanted.time_zone)):
            return self.get_response(request)


class Door:
    """Tells all acts inside that they came through a page; the API names itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with through("page", request=request.headers.get("X-Request-Id", "")[:64]):
            return self.get_response(request)


class AccountActs:
    """Names who changes an account: allauth's views write without our acts.

    A password or passkey that a person changes stands in the log under their name,
    not as a write from outside the application.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (
            request.method != "POST"
            or not request.path.startswith("/account/")
            or not request.user.is_authenticated
        ):
            return self.get_response(request)
        with acting(by=request.user, reason="account"):
            response = self.get_response(request)
            # An exception has become a 500 by now: nothing would roll back by itself.
            if response.status_code >= 500:
                transaction.set_rollback(True)
        return response

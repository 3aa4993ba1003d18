"""To the identity provider and back: for the log-in, and once more before signing."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from governance import signatures, single_sign_on, stepups
from governance.identities import IssuerUnreachable
from governance.models import StepUp
from governance.single_sign_on import NotProven
from governance.web.frame import PersonRequest, known, page, show
from governance.web.proof import intent_of, session_of
from registry.models import User

LIFE = timedelta(minutes=10)  # for a trip to the provider and back
_MOST_TRIPS = 5  # of one browser at a time
_TRIPS, _CAME = "single_sign_on_trips", "single_sign_on_came"
_BACKEND = "django.contrib.auth.backends.ModelBackend"
_LONGEST = 4000  # signs of what comes back in the address


@require_GET
@never_cache
def start(request: HttpRequest) -> HttpResponse:
    """Send a browser to the identity provider to log in."""
    if not stepups.configured():
        raise Http404
    try:
        trip = single_sign_on.begin(back=_back())
    except IssuerUnreachable as error:
        return _not_in(request, str(error), 503)
    _remember(request, trip, next=request.GET.get("next", ""))
    return redirect(trip.url)


@page
@require_POST
def ask(request: PersonRequest) -> HttpResponse:
    """A confirmation for the form that the script sends: its id, and where to go."""
    address = request.GET.get("address", "")
    try:
        row = stepups.ask(
            session_sha256=session_of(request),
            intent_sha256=intent_of(request, address),
            address=address,
            by=request.user,
            at=timezone.now(),
        )
    except stepups.NoSingleSignOn as refusal:
        return JsonResponse({"detail": str(refusal)}, status=409)
    url = reverse("web:step_up", args=[row.pk])
    return JsonResponse({"step_up": row.pk, "url": url}, status=201)


@page
@never_cache
def step_up(request: PersonRequest, row_id: UUID) -> HttpResponse:
    """Send the signer to the provider; what a call asked for is shown before."""
    row = get_object_or_404(StepUp, pk=row_id, user=request.user)
    at = timezone.now()
    try:
        signatures.require_unlocked(request.user, at)
        stepups.require_open(row, by=request.user, at=at)
        if request.method != "POST" and row.session_sha256 != session_of(request):
            return show(request, "account/step_up.html", {"asked": row})
        nonce = stepups.nonce_of(row)
        trip = single_sign_on.begin(back=_back(), nonce=nonce, step_up=True)
    except (signatures.LockedOut, stepups.NotConfirmed) as refusal:
        return _told(request, str(refusal), 403)
    except IssuerUnreachable as error:
        return _told(request, str(error), 503)
    _remember(request, trip, step_up=str(row.pk))
    if request.method == "POST":
        # A form may only lead to ourselves (form-action): the page holds the link.
        return show(request, "account/step_up.html", {"asked": row, "url": trip.url})
    return redirect(trip.url)


@require_GET
@never_cache
def back(request: HttpRequest) -> HttpResponse:
    """Where the provider sends a browser back to, for either purpose."""
    trips: dict[str, Any] = request.session.get(_TRIPS, {})
    trip = trips.pop(request.GET.get("state", ""), None)
    request.session[_TRIPS] = trips
    at = timezone.now()
    if trip is None or not _young(trip, at):
        return _not_in(request, _("This browser did not ask for that. Begin again."))
    if trip["step_up"]:
        return _confirmed(request, trip, at)
    try:
        token = _token(request, trip)
        key = single_sign_on.key_for(token, at=at)
        user, claims = single_sign_on.enter(
            token=token, key=key, nonce=trip["nonce"], at=at
        )
    except NotProven as refusal:
        return _not_in(request, str(refusal))
    except IssuerUnreachable as error:
        return _not_in(request, str(error), 503)
    login(request, user, backend=_BACKEND)
    shown = claims.authenticated_at
    moment = shown.isoformat() if shown else ""
    request.session[_CAME] = {"subject": claims.subject, "at": moment}
    return redirect(_onward(request, trip["next"]))


def _confirmed(
    request: HttpRequest, trip: Mapping[str, Any], at: datetime
) -> HttpResponse:
    """The end of a step-up: kept as proven, or as a failed attempt."""
    if not isinstance(request.user, User) or not request.user.is_authenticated:
        return _not_in(request, _("You logged out meanwhile. Begin again."))
    by = request.user
    row = get_object_or_404(StepUp, pk=trip["step_up"], user=by)
    came = request.session.get(_CAME, {})
    came_at = came.get("at")
    try:
        try:
            token = _token(request, trip)
            key = single_sign_on.key_for(token, at=at)
        except NotProven as refusal:
            single_sign_on.fail(because=str(refusal), by=by, at=at)
        single_sign_on.answer(
            step_up=row,
            token=token,
            key=key,
            came_as=came.get("subject", ""),
            came_at=datetime.fromisoformat(came_at) if came_at else None,
            by=by,
            at=at,
        )
    except signatures.NotSigned as refusal:
        return _told(request, str(refusal), 403)
    except IssuerUnreachable as error:
        return _told(request, str(error), 503)
    return show(known(request), "account/step_up.html", {"asked": row, "done": 1})


def _token(request: HttpRequest, trip: Mapping[str, Any]) -> str:
    """The identity token that the provider gives for what came back.

    Raises `NotProven`, `IssuerUnreachable`.
    """
    error, said = request.GET.get("error", ""), request.GET.get("iss")
    if said is not None and said != settings.FREIGABE_SSO_ISSUER:
        raise NotProven(_("The answer is of another issuer."))  # RFC 9207
    if error:
        raise NotProven(
            _("The identity provider did not confirm who you are (%(error)s).")
            % {"error": error[:60]}
        )
    code = request.GET.get("code", "")[: _LONGEST + 1]
    return single_sign_on.redeem(code=code, verifier=trip["verifier"], back=_back())


def _remember(
    request: HttpRequest,
    trip: single_sign_on.Trip,
    *,
    step_up: str = "",
    next: str = "",
) -> None:
    trips: dict[str, Any] = request.session.get(_TRIPS, {})
    trips[trip.state] = {
        "nonce": trip.nonce,
        "verifier": trip.verifier,
        "step_up": step_up,
        "next": next[:500],
        "begun_at": timezone.now().isoformat(),
    }
    newest = sorted(trips.items(), key=lambda item: str(item[1]["begun_at"]))
    request.session[_TRIPS] = dict(newest[-_MOST_TRIPS:])


def _young(trip: Mapping[str, Any], at: datetime) -> bool:
    begun = datetime.fromisoformat(trip["begun_at"])
    return begun <= at < begun + LIFE


def _onward(request: HttpRequest, wanted: str) -> str:
    ours = url_has_allowed_host_and_scheme(
        wanted, {request.get_host()}, require_https=settings.HTTPS
    )
    return wanted if ours else settings.LOGIN_REDIRECT_URL


def _back() -> str:
    """The one address that the provider knows us by."""
    found: str = settings.FREIGABE_INSTANCE_URL + reverse("single_sign_on_back")
    return found


def _told(request: HttpRequest, why: str, status: int) -> HttpResponse:
    context = {"why": why}
    return show(known(request), "account/step_up.html", context, status=status)


def _not_in(request: HttpRequest, why: str, status: int = 403) -> HttpResponse:
    return render(request, "account/not_in.html", {"why": why}, status=status)

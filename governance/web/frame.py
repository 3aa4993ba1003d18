"""What all pages share: who may see them, and the frame around them."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db.models import Exists, Subquery
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy
from django_htmx.middleware import HtmxDetails

from audits.models import Verification
from governance import notifications, roles
from governance.models import GateDecision
from governance.web import outside, sending
from governance.web.work import counting
from governance.web.work.me import Me
from registry.models import RegisteredModel, Role, User

P = ParamSpec("P")
# Who has one of these sees the pages on people's accounts.
MANAGING = ("manage access", "prove identities", "declare persons")
# And these the pages on pipelines.
TRUSTING = ("trust pipelines", "confirm trust in pipelines", "read log entries")
_SOURCES = roles.RIGHTS["configure deployment sources"]
_TRUSTED = frozenset().union(*(roles.RIGHTS[right] for right in TRUSTING))


class PersonRequest(HttpRequest):
    """A request by somebody who logged in.

    `held` are their roles as the request came in: for what pages offer. Acts read them
    anew before they let anybody do it.
    """

    user: User
    held: frozenset[Role]
    htmx: HtmxDetails


Page = Callable[Concatenate[PersonRequest, P], HttpResponseBase]
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def page_for_all(view: Page[P]) -> View[P]:
    """Let in everybody who logged in, also without a role."""
    return _let_in(view, ())


def page(view: Page[P]) -> View[P]:
    """Let in people who may read; show the sentence of any refused right."""
    return _let_in(view, ("read",))


def known(request: HttpRequest) -> PersonRequest:
    """The request of somebody who logged in, with their roles."""
    person = cast("PersonRequest", request)
    person.held = roles.roles_of(person.user)
    return person


def page_for(*rights: str) -> Callable[[Page[P]], View[P]]:
    """Let in people who have one of these rights, whether or not they may read."""
    return lambda view: _let_in(view, rights)


def _let_in(view: Page[P], rights: Sequence[str]) -> View[P]:
    @login_required
    def entered(
        anybody: HttpRequest, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponseBase:
        request = known(anybody)
        try:
            here = request.resolver_match
            name = here.url_name or "" if here else ""
            if name == "dashboard" and (first := _first_page(request)):
                return redirect(first)
            if rights and not any(may(request, right) for right in rights):
                roles.require(request.user, rights[0], held=request.held)
            if roles.is_outside(request.user, request.held):
                # Also bounds them to their models, before anything is read.
                roles.require(request.user, "read", held=request.held)
                outside.require_inside(request.user, name, kwargs)
                return _unlinked(view(request, *args, **kwargs), request.user)
            return view(request, *args, **kwargs)
        except roles.NotAllowed as refusal:
            return render(request, "403.html", {"because": str(refusal)}, status=403)

    @wraps(view)
    def wrapper(
        request: HttpRequest, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponseBase:
        if request.headers.get("HX-Request") and not request.user.is_authenticated:
            # A part of a page cannot hold the log-in: let the browser load it whole.
            return HttpResponse(headers={"HX-Refresh": "true"})
        if not request.user.is_authenticated and sending.written(request):
            return sending.unsent(request)
        # login_required lets nobody else through: the request is a person's.
        answer = sending.once(request, lambda: entered(request, *args, **kwargs))
        # Back must not show a part, which has the same address, as the whole page.
        patch_vary_headers(answer, ("HX-Request",))
        return answer

    return cast("View[P]", wrapper)


def _unlinked(answer: HttpResponseBase, user: User) -> HttpResponseBase:
    """A page for somebody from outside."""
    if isinstance(answer, HttpResponse) and "html" in answer.headers["Content-Type"]:
        answer.content = outside.unlinked(answer.content.decode(), user).encode()
    return answer


def _first_page(request: PersonRequest) -> str:
    """Where somebody begins who does not see the portfolio; empty for all others."""
    if roles.is_outside(request.user, request.held):
        return "web:auditors"
    if may(request, "read"):
        return ""
    return "web:work" if RegisteredModel.objects.exists() else "web:start"


def may(
    request: PersonRequest, right: str, model: RegisteredModel | None = None
) -> bool:
    """Whether to offer what needs this right."""
    return roles.may(request.user, right, model=model, held=request.held)


def show(
    request: PersonRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    section: str = "",
    status: int = 200,
) -> HttpResponse:
    """Render a page in its frame; `section` is the entry of the menu it belongs to."""
    frame = _frame(request, context.get("work"))
    shown = {"frame": frame, "section": section, **context}
    return render(request, template, shown, status=status)


def around(request: HttpRequest) -> dict[str, Any]:
    """The frame of pages that `show` does not show: of errors, and allauth's."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    return {"frame": SimpleLazyObject(lambda: _frame(known(request)))}


def _frame(
    request: PersonRequest, work: dict[str, int] | None = None
) -> dict[str, Any]:
    """What the menu tells this person; `work` is what waits, where it is counted."""
    me = Me.of(request.user, request.held, timezone.now())
    work = work or counting.counts(me)
    return {
        **_standing(request.user),
        "outside": roles.is_outside(request.user, request.held),
        "reads": me.may("read"),
        "work": work,
        "total": counting.total(work),
        "manages": [right for right in MANAGING if me.may(right)],
        "trusts": bool(me.held & _TRUSTED),
        "sources": bool(me.held & _SOURCES),
    }


def _standing(user: User) -> dict[str, Any]:
    """What the frame tells beside the work, in one query.

    `log_holds` is None while the log was never verified.
    """
    newest = Verification.objects.order_by("-ran_at").values("ok")
    unread = notifications.unread(user).order_by().values("pk")
    rows = User.objects.values(
        unread=counting.Counted(unread),
        # Until the gate has said yes for the first time, a page leads there.
        starting=~Exists(GateDecision.objects.filter(allowed=True)),
        log_holds=Subquery(newest[:1]),
    )
    return {**rows.get(pk=user.pk)}


class ReasonForm(forms.Form):
    """Why something is stopped, ended, sent back or taken back."""

    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=2000)


def put_errors(form: BaseForm, errors: Mapping[str, Any]) -> None:
    """Show the sentences of a refused act beside their fields, or above the form."""
    for field, sentences in errors.items():
        place = field if field in form.fields else None
        form.add_error(place, ValidationError(sentences))

"""What all pages share: who may see them, and the frame around them."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from audits.models import Verification
from governance import roles
from governance.web import worklist
from registry.models import User

P = ParamSpec("P")


class PersonRequest(HttpRequest):
    """A request by somebody who logged in."""

    user: User


Page = Callable[Concatenate[PersonRequest, P], HttpResponseBase]
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def page(view: Page[P]) -> View[P]:
    """Let in people who may read; show the sentence of any refused right."""

    @login_required
    def entered(
        request: PersonRequest, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponseBase:
        try:
            roles.require(request.user, "read")
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
        # login_required lets nobody else through: the request is a person's.
        return cast("View[P]", entered)(request, *args, **kwargs)

    return cast("View[P]", wrapper)


def show(
    request: PersonRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    section: str = "",
    status: int = 200,
) -> HttpResponse:
    """Render a page in its frame; `section` is the entry of the menu it belongs to."""
    frame = {
        "section": section,
        "waiting": len(worklist.waiting_for(request.user)),
        "verification": Verification.objects.order_by("-ran_at").first(),
    }
    return render(request, template, {**frame, **context}, status=status)


def put_errors(form: BaseForm, errors: Mapping[str, Any]) -> None:
    """Show the sentences of a refused act beside their fields, or above the form."""
    for field, sentences in errors.items():
        place = field if field in form.fields else None
        form.add_error(place, ValidationError(sentences))

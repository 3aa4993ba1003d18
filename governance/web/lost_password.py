"""What to do without a password: it takes two people, and no mail."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
def lost_password(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Say who helps (21 CFR 11.300(c)); `rest` is an address that mails once led to."""
    return render(request, "account/lost_password.html")

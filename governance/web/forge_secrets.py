"""Another secret for a server that asks, or another credential to answer it with."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from governance import forges
from governance.models import Forge
from governance.records import Refused
from governance.web.forges import CredentialForm
from governance.web.frame import PersonRequest, page_for, put_errors, show


@page_for("trust pipelines")
def secrets(request: PersonRequest, row_id: UUID) -> HttpResponse:
    """What was replaced and when; a new secret is shown only in the answer to POST."""
    rows = Forge.objects.filter(end__isnull=True)
    row = get_object_or_404(rows, pk=row_id)
    keyed = row.kind != Forge.Kind.AZURE
    form, secret = CredentialForm(), ""
    if request.method == "POST":
        by, at = request.user, timezone.now()
        try:
            if "credential" not in request.POST:
                _row, secret = forges.replace_secret(forge=row, by=by, at=at)
            else:
                form = CredentialForm(request.POST)
                if form.is_valid():
                    forges.replace_credential(
                        forge=row, **form.cleaned_data, by=by, at=at
                    )
                    messages.success(
                        request, _("It is answered with this from now on.")
                    )
                    return redirect("web:forge_secrets", row.pk)
        except Refused as refusal:
            put_errors(form, refusal.errors)
        except forges.WrongState as refusal:
            messages.error(request, str(refusal))
    return show(
        request,
        "forges/secrets.html",
        {
            "forge": row,
            "secret": secret,
            "form": form if keyed else None,
            "replacements": row.replacements.select_related("replaced_by")[:20],
        },
        section="pipelines",
    )

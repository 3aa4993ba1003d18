"""Evidence from others: attaching it to a version, reading it, downloading it."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audits import in_toto
from audits.models import EvidenceSigner, ForeignEvidence
from governance import artifacts, attached, attaching, evidence_types, roles, signatures
from governance.attaching import Claim, Document
from governance.records import Refused
from governance.web.frame import PersonRequest, page, put_errors, show
from governance.web.proof import ProofForm
from governance.web.versions import find_version
from registry.models import ModelVersion

_FACTS = ("kind", "title", "outcome", "produced_by", "produced_on", "tool")
_CHUNK = 1024 * 1024


def _kinds() -> list[tuple[str, str]]:
    """The types to choose from, in the reader's alphabet."""
    kinds = [k for k in evidence_types.EVIDENCE_TYPES.values() if k.attachable]
    return [("", ""), *sorted(((k.name, k.title) for k in kinds), key=lambda k: k[1])]


class AttachForm(ProofForm):
    """What the evidence is, and who vouches for it."""

    kind = forms.ChoiceField(label=gettext_lazy("Type"), choices=_kinds)
    title = forms.CharField(label=gettext_lazy("Title"), max_length=200)
    file = forms.FileField(
        label=gettext_lazy("Document"),
        required=False,
        help_text=gettext_lazy("PDF, JSON, CSV or plain text, up to 32 MiB."),
    )
    produced_by = forms.CharField(
        label=gettext_lazy("Made by"),
        max_length=200,
        help_text=gettext_lazy("The person or company whose work it is."),
    )
    produced_on = forms.DateField(
        label=gettext_lazy("Made on"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    tool = forms.CharField(
        label=gettext_lazy("Made with"),
        max_length=200,
        required=False,
        help_text=gettext_lazy("Name and version of the tool, if there was one."),
    )
    outcome = forms.ChoiceField(
        label=gettext_lazy("Outcome"),
        required=False,
        choices=[
            ("", gettext_lazy("As the signed statement says, else no verdict")),
            *ForeignEvidence.Outcome.choices,
        ],
    )
    envelope = forms.FileField(
        label=gettext_lazy("Signed envelope"),
        required=False,
        help_text=gettext_lazy(
            "DSSE with an in-toto Statement about this version, signed by a registered "
            "signer. It may stand alone, or name the document above by its digest."
        ),
    )

    may_lack_proof = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Without an envelope one signs for it oneself.
        if "password" in self.fields:
            self.fields["password"].label = _("Or your password")

    def clean_envelope(self) -> dict[str, Any] | None:
        """The envelope as JSON; its signature is the act's business."""
        upload = self.cleaned_data["envelope"]
        if upload is None:
            return None
        try:
            value = in_toto.read(upload.read(in_toto.MAX_BYTES + 1))
        except in_toto.StatementMalformed as error:
            raise forms.ValidationError(str(error)) from error
        if not isinstance(value, dict):
            raise forms.ValidationError(_("An envelope is a JSON object."))
        return value


@page
def attach(request: PersonRequest, slug: str, version: str) -> HttpResponse:
    """Attach evidence that somebody else made."""
    row = find_version(slug, version)
    roles.require(request.user, attaching.RIGHT, model=row.model)
    form = AttachForm(request.POST or None, request.FILES or None, request=request)
    if request.method == "POST" and form.is_valid():
        found = _attach(request, row, form)
        if found is not None:
            messages.success(
                request,
                _("Attached. The record has the digest %(digest)s.")
                % {"digest": found.record_sha256},
            )
            return redirect("web:attachment", found.pk)
    return show(
        request,
        "evidence/attach.html",
        {
            "form": form,
            "version": row,
            "model": row.model,
            "signers": EvidenceSigner.objects.filter(revoked_at=None),
        },
        section="models",
    )


def _attach(
    request: PersonRequest, version: ModelVersion, form: AttachForm
) -> ForeignEvidence | None:
    """Attach it, or put the reason why not beside the field that it concerns."""
    data = form.cleaned_data
    try:
        return attaching.attach(
            version=version,
            claim=Claim(**{name: data[name] for name in _FACTS}),
            document=_document(data["file"]),
            envelope=data["envelope"],
            proof=form.proof,
            by=request.user,
            at=timezone.now(),
        )
    except Refused as refusal:
        put_errors(form, refusal.errors)
    except attaching.OwnWork as refusal:
        put_errors(form, {refusal.field: [str(refusal)]})
    except artifacts.TooLarge as refusal:
        put_errors(form, {"file": [str(refusal)]})
    except signatures.NotSigned as refusal:
        form.refuse(refusal)
    return None


def _document(upload: "UploadedFile[Any] | None") -> Document | None:
    if upload is None:
        return None
    return Document(upload.chunks(_CHUNK), upload.name or "unnamed")


def _find(attachment_id: UUID) -> ForeignEvidence:
    rows = ForeignEvidence.objects.select_related(
        "version__model", "artifact", "attached_by", "signer__registered_by"
    )
    return get_object_or_404(rows, pk=attachment_id)


@page
def attachment(request: PersonRequest, attachment_id: UUID) -> HttpResponse:
    """One attachment: what it is, who vouches for it, what was signed."""
    return _shown(request, _find(attachment_id))


def _shown(
    request: PersonRequest, row: ForeignEvidence, lost: str = "", status: int = 200
) -> HttpResponse:
    return show(
        request,
        "evidence/attachment.html",
        {
            "row": row,
            "version": row.version,
            "lost": lost,
        },
        section="models",
        status=status,
    )


@page
def download(request: PersonRequest, attachment_id: UUID) -> HttpResponse:
    """The document, only ever as a download."""
    row = _find(attachment_id)
    try:
        content = attached.content(row)
    except attached.ContentLost as lost:
        return _shown(request, row, str(lost), 503)
    return HttpResponse(content, headers=attached.download_headers(row))

"""Rules on hands: who made, owned, asked for or judged a version before."""

from django.utils.translation import gettext as _

from audits.models import EvidenceRun, ForeignEvidence
from governance.duties.signing import Meaning, Signing, among, is_one, named
from governance.models import Signature
from governance.separation import askers


def _hand(signing: Signing) -> str | None:
    what = signing.hands.get(str(signing.by.pk))
    attests = (
        signing.owner_may_sign
        and signing.tier == 4
        and signing.by.pk == signing.request.version.model.owner_id
    )
    return None if what is None or attests else named(signing, what)


def developer_validates(signing: Signing) -> str | None:
    """Rule 1: who developed the version does not review it."""
    return _hand(signing) if signing.meaning == Meaning.REVIEW else None


def developer_or_owner_approves(signing: Signing) -> str | None:
    """Rule 2: who developed or owns it does not approve or reject it.

    A pack may let the owner of a tier 4 model attest it (startup-light).
    """
    return _hand(signing) if signing.meaning != Meaning.REVIEW else None


def validator_approves(signing: Signing) -> str | None:
    """Rule 3: who validated the version does not approve it, and the reverse."""
    if signing.meaning == Meaning.REVIEW:
        approved = _signed_before(signing, Meaning.APPROVAL)
        return named(signing, _("approved this version")) if approved else None
    if signing.meaning == Meaning.APPROVAL and (
        _signed_before(signing, Meaning.REVIEW)
        or is_one(signing.by, signing.request.version.model.validator)
    ):
        return named(signing, _("validated this version"))
    return None


def _signed_before(signing: Signing, meaning: str) -> bool:
    """Whether this person signed the version so on any request: themselves, by a
    delegate, or with another account."""
    rows = Signature.objects.filter(
        request__version=signing.request.version, meaning=meaning
    ).select_related("signed_by", "delegation__delegator")
    people = {row.signed_by for row in rows}
    people |= {row.delegation.delegator for row in rows if row.delegation}
    return any(is_one(signing.by, person) for person in people)


def uploader_reviews(signing: Signing) -> str | None:
    """Rule 16: who provided evidence does not judge it.

    The report of a validation is judged by whoever approves: see `wrote_the_report`.
    """
    version = signing.request.version
    if signing.meaning != Meaning.REVIEW:
        return None
    runs = EvidenceRun.objects.filter(version=version).values_list("requested_by")
    uploads = ForeignEvidence.objects.filter(version=version).values_list("attached_by")
    if among(signing.by, [pk for (pk,) in (*runs, *uploads)]):
        return _("%(name)s provided or requested evidence that this reviews.") % {
            "name": signing.by.printed_name
        }
    return None


def wrote_the_report(signing: Signing) -> str | None:
    """Rule 16, hard: who uploaded the validation report does not accept it."""
    version = signing.request.version
    uploads = ForeignEvidence.objects.filter(version=version, kind="validation_report")
    if signing.meaning == Meaning.APPROVAL and among(
        signing.by, uploads.values_list("attached_by", flat=True)
    ):
        return named(signing, _("uploaded its validation report"))
    return None


def asker_signs(signing: Signing) -> str | None:
    """Rule 17: who asks for an approval, or judged its risk, does not give it."""
    what = askers(signing.request).get(str(signing.by.pk))
    if what is None or (signing.owner_may_sign and _hand(signing) is None):
        return None
    return named(signing, what)

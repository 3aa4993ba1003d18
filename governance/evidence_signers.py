"""Whose signature on foreign evidence is accepted: registering and revoking signers."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from django.utils.translation import gettext as _

from audits import dsse, in_toto
from audits.models import EvidenceSigner
from audits.note import NoteMalformed, parse_public_key
from governance import roles
from governance.records import (
    AlreadyRegistered,
    Refused,
    insert,
    require_printable,
    valid,
)
from registry.acts import act
from registry.digests import canonical_json
from registry.models import User

RIGHT = "choose evidence signers"
MOST_SIGNATURES = 10
_MOST_DIGITS = in_toto.MAX_BYTES // 3 * 4 + 4  # of base64


@dataclass(frozen=True)
class Signed:
    """A payload, who signed it, and the envelope as it is kept.

    `envelope` is canonical JSON with the one signature that was verified, so that the
    same statement by the same signer has one digest, however it was written down.
    """

    payload: bytes
    signer: EvidenceSigner
    envelope: bytes


@act
def register_signer(
    *, slug: str, name: str, public_key: str, by: User, at: datetime
) -> EvidenceSigner:
    """Accept evidence signed with this Ed25519 key (32 bytes in base64, or PEM).

    Decided by people who judge models, never by those who build them. Raises
    `NotAllowed`, `Refused`, `AlreadyRegistered`.
    """
    _require_right(by)
    require_printable({"name": name})
    row = EvidenceSigner(
        slug=slug,
        name=name.strip(),
        public_key=base64.b64encode(read_public_key(public_key)).decode(),
        registered_by=by,
        registered_at=at,
    )
    taken = {"slug": [_("A signer with this name exists.")]}
    if EvidenceSigner.objects.filter(slug=slug).exists():
        raise AlreadyRegistered(taken)
    twin = EvidenceSigner.objects.filter(public_key=row.public_key).first()
    if twin is not None:
        told = _("This key belongs to %(name)s already.") % {"name": twin.name}
        raise AlreadyRegistered({"public_key": [told]})
    valid(row, unset=("revoked_by", "revoked_at"))
    insert(row, taken)
    return row


@act
def revoke_signer(
    *, signer: EvidenceSigner, reason: str, by: User, at: datetime
) -> EvidenceSigner:
    """Accept nothing new from this signer; what was attached stays, marked so.

    A revoked signer stays as it is. Raises `NotAllowed` and `Refused`.
    """
    _require_right(by)
    reason = " ".join(reason.splitlines()).strip()
    require_printable({"reason": reason})
    if not reason:
        raise Refused({"reason": [_("Say why the signer is revoked.")]})
    row = EvidenceSigner.objects.select_for_update().get(pk=signer.pk)
    if row.revoked_at is None:
        row.revoked_by, row.revoked_at = by, at
        row.revocation_reason = reason
        row.save(update_fields=["revoked_by", "revoked_at", "revocation_reason"])
    return row


def _require_right(by: User) -> None:
    roles.require(by, RIGHT)
    roles.require_person(by)
    if by.scope is not None and by.scope.models_pattern != "*":
        raise roles.NotAllowed(
            _("This token is for the models %(pattern)s; a signer counts for all.")
            % {"pattern": by.scope.models_pattern}
        )


def read_public_key(text: str) -> bytes:
    """The 32 bytes of a key in base64 or PEM. Raises `Refused` at `public_key`.

    Keys of low order are refused: anybody could sign with them.
    """
    text = text.strip()
    if "PRIVATE KEY" in text:
        raise _bad_key(
            _("This is a private key. Make a new one, and send its public half only.")
        )
    try:
        raw = _from_pem(text) if text.startswith("-----") else _from_base64(text)
        return parse_public_key(raw).public_bytes_raw()
    except NoteMalformed as error:
        raise _bad_key(str(error)) from error
    except (ValueError, UnsupportedAlgorithm, binascii.Error) as error:
        raise _bad_key(
            _("Send an Ed25519 public key: its 32 bytes in base64, or PEM.")
        ) from error


def _bad_key(sentence: str) -> Refused:
    return Refused({"public_key": [sentence]})


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _from_pem(text: str) -> bytes:
    key = load_pem_public_key(text.encode())
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("another kind of key")
    return key.public_bytes_raw()


def key_of(signer: EvidenceSigner) -> Ed25519PublicKey:
    """The key of a signer."""
    return parse_public_key(base64.b64decode(signer.public_key))


def key_id(signer: EvidenceSigner) -> str:
    """SHA-256 of the key in SubjectPublicKeyInfo form, as permits name theirs."""
    spki = key_of(signer).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki).hexdigest()


def verify(envelope: object) -> Signed:
    """Find the signer of a DSSE envelope with an in-toto payload, which nobody has
    parsed yet.

    The signer's row is locked until the act ends, so that it cannot be revoked in the
    meantime. Raises `Refused` at `envelope`.
    """
    _require_small(envelope)
    try:
        dsse.verify(envelope, {})
    except dsse.EnvelopeMalformed as error:
        raise _bad_envelope(str(error)) from error
    except dsse.EnvelopeUnverified:
        pass  # with no key to try, all that was asked is its form
    assert isinstance(envelope, Mapping)  # noqa: S101
    if len(envelope["signatures"]) > MOST_SIGNATURES:
        raise _bad_envelope(
            _("An envelope may hold %(most)s signatures.") % {"most": MOST_SIGNATURES}
        )
    known = list(EvidenceSigner.objects.order_by("slug"))
    found = _by_any(envelope, [s for s in known if s.revoked_at is None])
    if found is not None:
        signer = EvidenceSigner.objects.select_for_update().get(pk=found.signer.pk)
        if signer.revoked_at is None:
            return found
    revoked = found or _by_any(envelope, [s for s in known if s.revoked_at])
    if revoked is None:
        raise _bad_envelope(
            _("No registered signer signed this envelope, or it was changed since.")
        )
    raise _bad_envelope(
        _("%(name)s signed this envelope, but is revoked: nothing new is accepted.")
        % {"name": revoked.signer.name}
    )


def _require_small(envelope: object) -> None:
    """Refuse what would not be read anyway, before every key is tried on it."""
    payload = envelope.get("payload") if isinstance(envelope, Mapping) else None
    if isinstance(payload, str) and len(payload) > _MOST_DIGITS:
        raise _bad_envelope(
            _("The payload is larger than %(limit)s KiB.")
            % {"limit": in_toto.MAX_BYTES // 1024}
        )


def _bad_envelope(sentence: str) -> Refused:
    return Refused({"envelope": [sentence]})


def _by_any(
    envelope: Mapping[str, Any], signers: list[EvidenceSigner]
) -> Signed | None:
    """The first signature that one of the signers made."""
    for item in envelope["signatures"]:
        alone = {**envelope, "signatures": [item]}
        for signer in signers:
            try:
                payload = dsse.verify(alone, {signer.slug: key_of(signer)})
            except dsse.EnvelopeUnverified:
                continue
            return Signed(payload, signer, _kept(payload, signer, item["sig"]))
    return None


def _kept(payload: bytes, signer: EvidenceSigner, signature: str) -> bytes:
    raw = base64.b64decode(signature, validate=True)
    return canonical_json(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": dsse.IN_TOTO,
            "signatures": [
                {"keyid": key_id(signer), "sig": base64.b64encode(raw).decode()}
            ],
        }
    )

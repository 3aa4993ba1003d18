"""Which servers are listened to, and what their places mean here: by two hands."""

import re
import secrets
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from governance import outgoing, persons, roles, signatures
from governance.forges import sealed
from governance.models import (
    Forge,
    ForgeEnd,
    ForgePlace,
    ForgePlaceConfirmation,
    ForgePlaceEnd,
)
from governance.records import Refused, insert, require_printable, valid
from registry.acts import act
from registry.digests import sha256_of_json
from registry.models import Environment, Role, User

RIGHT = "trust pipelines"
RECORD = "forgeplace"
SMALLEST_RSA = 2048  # bits
Kind = Forge.Kind


class WrongState(Exception):
    """The server or the place is confirmed already, or ended."""


class SameHand(Exception):
    """Whoever proposed a place does not confirm it."""


@dataclass(frozen=True)
class Place:
    """The place that is asked for; `environment` is a slug of ours."""

    project_id: str
    target: str
    models_pattern: str
    environment: str
    reason: str
    owner_id: str = ""


@act
def register(
    *,
    name: str,
    kind: str,
    address: str,
    issuer: str,
    by: User,
    at: datetime,
    app_id: str = "",
    credential: str = "",
) -> tuple[Forge, str]:
    """Register a server that asks; and the secret that it proves itself with.

    The secret is told only now. Nothing is ever allowed to it before a place of it is
    agreed. Raises `NotAllowed`, `Refused`, `AlreadyRegistered`.
    """
    roles.require(by, RIGHT, model="*")
    roles.require_person(by)
    require_printable({"name": name, "address": address, "issuer": issuer})
    address = address.strip().rstrip("/")
    if errors := _faults(kind, address, issuer, app_id, credential):
        raise Refused(errors)
    secret = secrets.token_urlsafe(32)
    row = Forge(
        name=name,
        kind=kind,
        address=address,
        issuer=issuer,
        app_id=app_id,
        registered_by=by,
        registered_at=at,
    )
    sealed.put_secret(row, row, secret)
    if credential:
        sealed.put_credential(row, row, credential)
    valid(row, unset=["user"])
    taken = {"name": [_("There is a server of this name, or there was one.")]}
    row.user = User(username=f"forge:{name}", first_name=name, is_machine=True)
    row.user.set_unusable_password()
    insert(row.user, taken)
    roles.grant(user=row.user, role=Role.CI, by=by, at=at)
    insert(row, taken)
    return row, secret


def _faults(
    kind: str, address: str, issuer: str, app_id: str, credential: str
) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    if kind not in Kind.values:
        names = ", ".join(Kind.values)
        return {"kind": [_("Must be one of: %(names)s.") % {"names": names}]}
    if fault := _address_fault(address):
        found["address"] = [fault]
    if not issuer.startswith("https://"):
        found["issuer"] = [_("An address begins with https:// and names a host.")]
    if kind == Kind.GITHUB and not (app_id.isascii() and app_id.isdigit()):
        found["app_id"] = [_("Name the number of the GitHub App.")]
    if fault := credential_fault(kind, credential):
        found["credential"] = [fault]
    return found


def credential_fault(kind: str, credential: str) -> str:
    """Why this cannot be what we show a server of that kind; empty: it can."""
    if kind == Kind.GITHUB:
        return _key_fault(credential)
    if kind == Kind.GITLAB and not _is_token(credential):
        return _("Give an access token with the scope api.")
    if kind == Kind.AZURE and credential:
        return _("Azure DevOps brings its own token with each check.")
    return ""


def _is_token(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9._-]{8,500}", text) is not None


def _address_fault(address: str) -> str:
    if any(sign in address for sign in "@?#\\"):
        return _("An address begins with https:// and names a host.")
    try:
        urlsplit(address)
        outgoing.check(address, allowed=settings.FREIGABE_FORGE_ALLOW)
    except (outgoing.AddressRefused, ValueError) as refusal:
        return str(refusal)
    return ""


def _key_fault(pem: str) -> str:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return _("This is no private key of a GitHub App (PEM).")
    if not isinstance(key, RSAPrivateKey) or key.key_size < SMALLEST_RSA:
        return _("This is no private key of a GitHub App (PEM).")
    return ""


@act
def end(*, forge: Forge, reason: str, by: User, at: datetime) -> Forge:
    """Listen to a server no more, with all its places; it never comes back.

    What waits for an answer gets none, which never lets anything through.
    Raises `NotAllowed`, `WrongState`, `Refused`.
    """
    roles.require(by, "end trust in pipelines")
    roles.require_person(by)
    _require_reason(reason)
    row = Forge.objects.select_for_update(of=("self",)).get(pk=forge.pk)
    if ForgeEnd.objects.filter(forge=row).exists():
        raise WrongState(_("This server has ended already."))
    ForgeEnd.objects.create(forge=row, reason=reason.strip(), ended_by=by, ended_at=at)
    user = row.user
    user.is_active = False
    user.save(update_fields=["is_active"])
    user.role_assignments.filter(ended_at=None).update(ended_at=at)
    return Forge.objects.select_related("user", "end__ended_by").get(pk=row.pk)


@act
def propose(*, forge: Forge, place: Place, by: User, at: datetime) -> ForgePlace:
    """Propose what a repository's environment means here; it counts once confirmed.

    Raises `NotAllowed`, `WrongState`, `Refused`.
    """
    roles.require(by, RIGHT, model="*", environment=place.environment)
    roles.require_person(by)
    locked = Forge.objects.select_for_update(of=("self",)).get(pk=forge.pk)
    if ForgeEnd.objects.filter(forge=locked).exists():
        raise WrongState(_("This server has ended already."))
    require_printable(asdict(place))
    if forge.kind == Kind.AZURE:
        place = replace(place, project_id=place.project_id.lower())
    environment = Environment.objects.filter(slug=place.environment).first()
    errors: dict[str, list[str]] = {}
    if environment is None:
        errors["environment"] = [
            _("There is no environment %(names)s.") % {"names": place.environment}
        ]
    if not place.reason.strip():
        errors["reason"] = [_("Say why it is trusted.")]
    if forge.kind == Kind.GITHUB and not place.owner_id.strip():
        errors["owner_id"] = [
            _(
                "Name %(names)s: a name can be taken over by somebody else, this "
                "number cannot."
            )
            % {"names": "owner_id"}
        ]
    if forge.kind != Kind.GITHUB and place.owner_id:
        errors["owner_id"] = [_("Only GitHub names the owner. Leave it empty.")]
    if errors:
        raise Refused(errors)
    assert environment is not None  # noqa: S101
    row = ForgePlace(
        forge=locked,
        **{**asdict(place), "environment": environment},
        subject_sha256=sha256_of_json(
            {"forge": str(locked.pk), "address": locked.address, **asdict(place)}
        ),
        proposed_by=by,
        proposed_at=at,
    )
    valid(row)
    row.save(force_insert=True)
    return row


@signatures.signed_act
def confirm(
    *, place: ForgePlace, proof: signatures.Proof, by: User, at: datetime
) -> ForgePlace:
    """Confirm a place of somebody else, by signature: from now on it counts.

    Raises `NotAllowed`, `SameHand`, `WrongState`, `NotSigned`.
    """
    right = "confirm trust in pipelines"
    roles.require(by, right, model="*", environment=place.environment)
    roles.require_person(by)
    row = _locked(place)
    if row.state != "proposed":
        raise WrongState(_("This place is confirmed already, or ended."))
    if _rivals(row).exists():
        raise WrongState(_("Another place with these numbers counts. End it first."))
    if persons.twin_among(by, [row.proposed_by], unknown_is_one=False):
        raise SameHand(_("Another person confirms a place than the one who made it."))
    role = min(roles.roles_of(by) & roles.RIGHTS[right])
    ForgePlaceConfirmation.objects.create(place=row, confirmed_by=by, confirmed_at=at)
    signatures.sign_record(
        record_type=RECORD,
        record_id=row.pk,
        subject_sha256=row.subject_sha256,
        statement=statement(row, by, role),
        role=role,
        meaning="approval",
        proof=proof,
        by=by,
        at=at,
    )
    return read().get(pk=row.pk)


def _rivals(row: ForgePlace) -> QuerySet[ForgePlace]:
    """Other places in force of the same numbers: what they mean must be one thing."""
    return in_force(row.forge).filter(project_id=row.project_id, target=row.target)


def in_force(forge: Forge) -> QuerySet[ForgePlace]:
    """The places of a server that count now."""
    return ForgePlace.objects.filter(
        forge=forge,
        forge__end__isnull=True,
        confirmation__isnull=False,
        end__isnull=True,
    )


def statement(row: ForgePlace, by: User, role: Role) -> str:
    """The sentence that is signed with the confirmation."""
    return _(
        "I, %(name)s, acting as %(role)s, confirm that %(target)s of the project "
        "%(project)s at %(address)s (SHA-256 %(digest)s) means %(environment)s here, "
        "for the models %(pattern)s."
    ) % {
        "name": by.printed_name,
        "role": role.label,
        "target": row.target,
        "project": row.project_id,
        "address": row.forge.address,
        "digest": row.subject_sha256,
        "environment": row.environment.slug,
        "pattern": row.models_pattern,
    }


@act
def end_place(*, place: ForgePlace, reason: str, by: User, at: datetime) -> ForgePlace:
    """End a place at once, confirmed or not; what asks for it is refused.

    Raises `NotAllowed`, `WrongState`, `Refused`.
    """
    roles.require(by, "end trust in pipelines")
    roles.require_person(by)
    _require_reason(reason)
    row = _locked(place)
    if row.state == "ended":
        raise WrongState(_("This place has ended already."))
    ForgePlaceEnd.objects.create(
        place=row, reason=reason.strip(), ended_by=by, ended_at=at
    )
    return read().get(pk=row.pk)


def read() -> QuerySet[ForgePlace]:
    """Places with all that is shown of them."""
    return ForgePlace.objects.select_related(
        "forge__end",
        "environment",
        "proposed_by",
        "confirmation__confirmed_by",
        "end__ended_by",
    )


def _locked(place: ForgePlace) -> ForgePlace:
    """The place as it stands; its server is locked, so that rivals wait."""
    Forge.objects.select_for_update(of=("self",)).get(pk=place.forge_id)
    return read().get(pk=place.pk)


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise Refused({"reason": [_("Say why it ends.")]})

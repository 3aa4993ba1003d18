"""Trust in a pipeline: proposed by an administrator, confirmed by the second line."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from governance import persons, roles, signatures
from governance.identities import keys, terms
from governance.identities.fetching import place
from governance.models import TrustConfirmation, TrustEnd, TrustRule
from governance.records import Refused, insert, require_printable, valid
from registry.acts import act
from registry.digests import sha256_of_json
from registry.models import Environment, Role, User

RECORD = "trustrule"
# Azure DevOps lets nobody choose the audience of its tokens.
AZURE_AUDIENCE = "api://AzureADTokenExchange"
MOST_ENVIRONMENTS = 50


class WrongState(Exception):
    """The rule is confirmed already, or ended."""


class SameHand(Exception):
    """Whoever proposed a rule does not confirm it."""


@dataclass(frozen=True)
class Wish:
    """The rule that is asked for. `claims` are exact values, several are "one of".

    Without `audience` it is the address of this installation. `jwks` is a key set as
    text, for issuers that cannot be reached; `jwks_uri` the address of one.
    """

    name: str
    kind: str
    issuer: str
    claims: Mapping[str, Sequence[str]]
    models_pattern: str
    environments: Sequence[str]
    reason: str
    audience: str = ""
    algorithms: Sequence[str] = ("RS256",)
    jwks_uri: str = ""
    jwks: str = ""


@act
def propose(*, wish: Wish, by: User, at: datetime) -> TrustRule:
    """Propose to trust the tokens of a pipeline; nobody comes in before `confirm`.

    The identity is a machine user of its own with the role of CI services, which
    neither signs nor administers. Raises `NotAllowed`, `Refused`, `AlreadyRegistered`.
    """
    roles.require(by, "trust pipelines", model="*")
    roles.require_person(by)
    audience = wish.audience or default_audience(wish.kind)
    if errors := _faults(wish, audience):
        raise Refused(errors)
    for slug in wish.environments:
        roles.require(by, "trust pipelines", environment=slug)
    content = {
        **asdict(wish),
        "claims": {name: list(values) for name, values in wish.claims.items()},
        "audience": audience,
        "algorithms": list(wish.algorithms),
        "environments": sorted(set(wish.environments)),
    }
    row = TrustRule(
        **content,
        subject_sha256=sha256_of_json(content),
        proposed_by=by,
        proposed_at=at,
    )
    valid(row, unset=["user", "claims"])
    row.user = _identity(wish.name, by=by, at=at)
    insert(row, {"name": [_("There is a rule of this name, or there was one.")]})
    return row


def default_audience(kind: str) -> str:
    """What tokens must be made for: this installation, and nobody else."""
    if kind == TrustRule.Kind.AZURE:
        return AZURE_AUDIENCE
    return str(settings.FREIGABE_INSTANCE_URL)


def _identity(name: str, *, by: User, at: datetime) -> User:
    """The machine user of a rule, never an account that is there already."""
    user = User(username=f"pipeline:{name}", first_name=name, is_machine=True)
    user.set_unusable_password()
    insert(user, {"name": [_("There is a rule of this name, or there was one.")]})
    roles.grant(user=user, role=Role.CI, by=by, at=at)
    return user


def _faults(wish: Wish, audience: str) -> dict[str, list[str]]:
    require_printable(
        {
            "issuer": wish.issuer,
            "jwks_uri": wish.jwks_uri,
            "models_pattern": wish.models_pattern,
        }
    )
    found: dict[str, list[str]] = {}
    if wish.kind not in terms.TERMS:
        names = ", ".join(terms.TERMS)
        return {"kind": [_("Must be one of: %(names)s.") % {"names": names}]}
    if faults := terms.faults(wish.kind, wish.claims):
        found["claims"] = faults
    if fault := _address_fault(wish.issuer):
        found["issuer"] = [fault]
    if wish.jwks_uri and (fault := _address_fault(wish.jwks_uri)):
        found["jwks_uri"] = [fault]
    if audience != default_audience(wish.kind):
        found["audience"] = [
            _("Tokens have to be made for %(audience)s: others could pass theirs on.")
            % {"audience": default_audience(wish.kind)}
        ]
    if not wish.algorithms or set(wish.algorithms) - set(keys.ALGORITHMS):
        found["algorithms"] = [_("Choose of RS256, PS256 and ES256.")]
    if wish.jwks:
        try:
            keys.parse(wish.jwks)
        except keys.UnusableKeys as error:
            found["jwks"] = [str(error)]
    return found | _scope_faults(wish)


def _scope_faults(wish: Wish) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    if not wish.models_pattern.strip():
        found["models_pattern"] = [_("Say for which models, such as credit-*.")]
    if not 1 <= len(wish.environments) <= MOST_ENVIRONMENTS:
        found["environments"] = [_("Name 1 to 50 environments.")]
    elif unknown := _unknown(wish.environments):
        found["environments"] = [
            _("There is no environment %(names)s.") % {"names": ", ".join(unknown)}
        ]
    if not wish.reason.strip():
        found["reason"] = [_("Say why it is trusted.")]
    return found


def _unknown(slugs: Sequence[str]) -> list[str]:
    known = Environment.objects.filter(slug__in=slugs).values_list("slug", flat=True)
    return sorted(set(slugs) - set(known))


def _address_fault(url: str) -> str:
    where = place(url)
    schemes = ("https", "http") if settings.FREIGABE_OIDC_HTTP else ("https",)
    plain = where is not None and where[0] in schemes and bool(where[1])
    if not plain or any(sign in url for sign in "@?# \\"):
        return _("An address begins with https:// and names a host.")
    return ""


@signatures.signed_act
def confirm(
    *, rule: TrustRule, proof: signatures.Proof, by: User, at: datetime
) -> TrustRule:
    """Confirm a rule of somebody else, by signature: from now on its tokens count.

    Raises `NotAllowed`, `SameHand`, `WrongState`, `NotSigned`.
    """
    roles.require(by, "confirm trust in pipelines", model="*")
    for slug in rule.environments:
        roles.require(by, "confirm trust in pipelines", environment=slug)
    roles.require_person(by)
    locked = _locked(rule)
    if hasattr(locked, "confirmation") or hasattr(locked, "end"):
        raise WrongState(_("This rule is confirmed already, or ended."))
    if persons.twin_among(by, [locked.proposed_by], unknown_is_one=False):
        raise SameHand(_("Another person confirms a rule than the one who made it."))
    role = min(roles.roles_of(by) & roles.RIGHTS["confirm trust in pipelines"])
    TrustConfirmation.objects.create(rule=locked, confirmed_by=by, confirmed_at=at)
    signatures.sign_record(
        record_type=RECORD,
        record_id=locked.pk,
        subject_sha256=locked.subject_sha256,
        statement=statement(locked, by, role),
        role=role,
        meaning="approval",
        proof=proof,
        by=by,
        at=at,
    )
    return _read().get(pk=locked.pk)


def statement(rule: TrustRule, by: User, role: Role) -> str:
    """The sentence that is signed with the confirmation."""
    return _(
        "I, %(name)s, acting as %(role)s, confirm that tokens of %(issuer)s under the "
        "rule %(rule)s (SHA-256 %(digest)s) act here as CI service for the models "
        "%(pattern)s in %(places)s."
    ) % {
        "name": by.printed_name,
        "role": role.label,
        "issuer": rule.issuer,
        "rule": rule.name,
        "digest": rule.subject_sha256,
        "pattern": rule.models_pattern,
        "places": ", ".join(rule.environments),
    }


@act
def end(*, rule: TrustRule, reason: str, by: User, at: datetime) -> TrustRule:
    """End a rule at once, confirmed or not; it never comes back.

    Tokens that were used before open nothing any more. Raises `NotAllowed`,
    `WrongState`, `Refused`.
    """
    roles.require(by, "end trust in pipelines")
    roles.require_person(by)
    if not reason.strip():
        raise Refused({"reason": [_("Say why it ends.")]})
    locked = _locked(rule)
    if hasattr(locked, "end"):
        raise WrongState(_("This rule has ended already."))
    TrustEnd.objects.create(
        rule=locked, reason=reason.strip(), ended_by=by, ended_at=at
    )
    user = locked.user
    user.is_active = False
    user.save(update_fields=["is_active"])
    user.role_assignments.filter(ended_at=None).update(ended_at=at)
    return _read().get(pk=locked.pk)


def _read() -> QuerySet[TrustRule]:
    return TrustRule.objects.select_related(
        "user",
        "proposed_by",
        "confirmation__confirmed_by",
        "end__ended_by",
    )


def _locked(rule: TrustRule) -> TrustRule:
    """The rule as it stands now; append-only rows are locked all the same."""
    TrustRule.objects.select_for_update(of=("self",)).get(pk=rule.pk)
    return _read().get(pk=rule.pk)

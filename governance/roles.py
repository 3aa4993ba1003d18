"""Who may do what: the rights of the roles, checked inside every act."""

from datetime import datetime
from fnmatch import fnmatchcase

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from governance import audit_scope
from registry.acts import act
from registry.models import Environment, RegisteredModel, Role, RoleAssignment, User

R = Role
_FIRST = {R.OWNER, R.DEVELOPER, R.OPERATOR, R.MODEL_USER}
_SECOND = {R.VALIDATOR, R.RISK_MANAGER, R.APPROVER, R.COMPLIANCE, R.DPO, R.QA}
_THIRD = {R.AUDITOR, R.EXTERNAL_AUDITOR}
_PEOPLE = _FIRST | _SECOND | _THIRD | {R.EXECUTIVE, R.POLICY_AUTHOR, R.POLICY_APPROVER}

RIGHTS: dict[str, frozenset[Role]] = {
    right: frozenset(roles)
    for right, roles in {
        gettext_noop("read"): _PEOPLE | {R.CI},
        gettext_noop("read log entries"): {R.AUDITOR},
        gettext_noop("give auditors access"): {R.RISK_MANAGER, R.COMPLIANCE},
        gettext_noop("end access of auditors"): {
            R.RISK_MANAGER,
            R.COMPLIANCE,
            R.PLATFORM_ADMIN,
        },
        gettext_noop("ask as an auditor"): _THIRD,
        gettext_noop("answer auditors"): _FIRST | _SECOND | {R.EXECUTIVE},
        gettext_noop("see the room of the auditors"): _PEOPLE,
        gettext_noop("register models"): {R.OWNER, R.DEVELOPER, R.RISK_MANAGER},
        gettext_noop("change inventory records"): {R.OWNER, R.RISK_MANAGER},
        gettext_noop("register versions"): {R.OWNER, R.DEVELOPER, R.CI},
        gettext_noop("upload artifacts"): {R.OWNER, R.DEVELOPER, R.VALIDATOR, R.CI},
        gettext_noop("register data sets"): {R.OWNER, R.DEVELOPER, R.VALIDATOR, R.CI},
        gettext_noop("report lineage"): {R.OWNER, R.DEVELOPER, R.OPERATOR, R.CI},
        gettext_noop("register environments"): {R.OPERATOR, R.RISK_MANAGER},
        gettext_noop("request evidence"): {
            R.OWNER,
            R.DEVELOPER,
            R.VALIDATOR,
            R.RISK_MANAGER,
            R.CI,
        },
        gettext_noop("request urgent evidence"): {R.VALIDATOR, R.RISK_MANAGER},
        gettext_noop("cancel evidence that others requested"): {
            R.VALIDATOR,
            R.RISK_MANAGER,
        },
        gettext_noop("attach evidence"): {
            R.OWNER,
            R.DEVELOPER,
            R.VALIDATOR,
            R.RISK_MANAGER,
            R.COMPLIANCE,
            R.DPO,
            R.QA,
            R.CI,
        },
        gettext_noop("declare"): _FIRST | _SECOND | {R.EXECUTIVE, R.AUDITOR},
        gettext_noop("choose evidence signers"): {R.RISK_MANAGER, R.COMPLIANCE},
        gettext_noop("assess risk"): {R.RISK_MANAGER, R.COMPLIANCE},
        gettext_noop("demand a reassessment"): _SECOND | {R.OWNER, R.OPERATOR},
        gettext_noop("decide on tiers"): {R.RISK_MANAGER, R.COMPLIANCE},
        gettext_noop("draft risk matrices"): {
            R.RISK_MANAGER,
            R.COMPLIANCE,
            R.POLICY_AUTHOR,
        },
        gettext_noop("publish risk matrices"): {
            R.RISK_MANAGER,
            R.COMPLIANCE,
            R.POLICY_APPROVER,
        },
        gettext_noop("submit versions"): {R.OWNER},
        gettext_noop("file change plans"): {R.OWNER},
        gettext_noop("end change plans"): {
            R.OWNER,
            R.VALIDATOR,
            R.RISK_MANAGER,
            R.APPROVER,
            R.COMPLIANCE,
        },
        gettext_noop("record changes"): {R.OWNER, R.DEVELOPER},
        gettext_noop("sign"): _SECOND | {R.EXECUTIVE},
        gettext_noop("delegate signing"): _SECOND | {R.EXECUTIVE},
        gettext_noop("see all delegations"): _SECOND | {R.AUDITOR, R.PLATFORM_ADMIN},
        gettext_noop("answer challenges"): {R.OWNER, R.DEVELOPER},
        gettext_noop("ask the gate"): (_PEOPLE - {R.EXTERNAL_AUDITOR}) | {R.CI},
        gettext_noop("report deployments"): {R.OPERATOR, R.CI},
        gettext_noop("configure deployment sources"): {R.OPERATOR, R.PLATFORM_ADMIN},
        gettext_noop("reconcile deployments"): {
            R.OPERATOR,
            R.PLATFORM_ADMIN,
            R.RISK_MANAGER,
            R.COMPLIANCE,
            R.AUDITOR,
        },
        gettext_noop("suspend"): {
            R.RISK_MANAGER,
            R.OPERATOR,
            R.OWNER,
            R.APPROVER,
            R.COMPLIANCE,
        },
        gettext_noop("reinstate"): {R.RISK_MANAGER},
        gettext_noop("agree to reinstatements"): {R.APPROVER},
        gettext_noop("revoke"): {R.RISK_MANAGER, R.APPROVER, R.COMPLIANCE},
        gettext_noop("revoke permits"): {R.RISK_MANAGER, R.APPROVER, R.COMPLIANCE},
        gettext_noop("raise findings"): _SECOND | {R.AUDITOR},
        gettext_noop("plan and resolve findings"): _FIRST | _SECOND | {R.EXECUTIVE},
        gettext_noop("accept risk"): {R.RISK_MANAGER, R.EXECUTIVE},
        gettext_noop("request waivers"): {R.OWNER},
        gettext_noop("decide waivers"): {
            R.RISK_MANAGER,
            R.APPROVER,
            R.COMPLIANCE,
            R.EXECUTIVE,
        },
        gettext_noop("break the glass"): {R.OPERATOR},
        gettext_noop("confirm an emergency"): {
            R.OPERATOR,
            R.RISK_MANAGER,
            R.APPROVER,
            R.COMPLIANCE,
            R.EXECUTIVE,
        },
        gettext_noop("extend an emergency"): {R.RISK_MANAGER},
        gettext_noop("end an emergency"): {
            R.OPERATOR,
            R.RISK_MANAGER,
            R.COMPLIANCE,
            R.EXECUTIVE,
        },
        gettext_noop("review an emergency"): {
            R.VALIDATOR,
            R.RISK_MANAGER,
            R.APPROVER,
            R.COMPLIANCE,
            R.QA,
        },
        gettext_noop("seal emergency tokens"): {R.RISK_MANAGER},
        gettext_noop("retire versions"): {R.OWNER},
        gettext_noop("confirm retirements"): {R.RISK_MANAGER},
        gettext_noop("record incidents"): _FIRST | _SECOND | {R.EXECUTIVE},
        gettext_noop("close incidents"): {R.RISK_MANAGER, R.COMPLIANCE},
        gettext_noop("record vendor notices"): _FIRST | _SECOND,
        gettext_noop("report compromised keys"): {R.PLATFORM_ADMIN, R.RISK_MANAGER},
        gettext_noop("review models"): {R.RISK_MANAGER, R.VALIDATOR},
        gettext_noop("revalidate models"): {R.VALIDATOR},
        gettext_noop("attest"): {R.EXECUTIVE},
        gettext_noop("request dossiers"): _PEOPLE,
        gettext_noop("write policy"): {R.POLICY_AUTHOR},
        gettext_noop("publish policy"): {R.POLICY_APPROVER},
        gettext_noop("confirm policy"): {
            R.POLICY_APPROVER,
            R.RISK_MANAGER,
            R.COMPLIANCE,
        },
        gettext_noop("simulate policy"): {
            R.POLICY_AUTHOR,
            R.POLICY_APPROVER,
            R.RISK_MANAGER,
            R.COMPLIANCE,
        },
        gettext_noop("erase people"): {R.DPO},
        gettext_noop("hold records"): {R.COMPLIANCE, R.DPO},
        gettext_noop("set retention rules"): {R.RISK_MANAGER, R.COMPLIANCE},
        gettext_noop("manage access"): {R.PLATFORM_ADMIN},
        gettext_noop("manage webhooks"): {R.PLATFORM_ADMIN},
        gettext_noop("trust pipelines"): {R.PLATFORM_ADMIN},
        gettext_noop("confirm trust in pipelines"): {R.RISK_MANAGER, R.COMPLIANCE},
        gettext_noop("end trust in pipelines"): {
            R.PLATFORM_ADMIN,
            R.RISK_MANAGER,
            R.COMPLIANCE,
        },
        gettext_noop("record identities"): {R.PLATFORM_ADMIN},
        gettext_noop("prove identities"): {R.PLATFORM_ADMIN, R.COMPLIANCE},
        gettext_noop("declare persons"): {R.RISK_MANAGER, R.COMPLIANCE},
    }.items()
}


class NotAllowed(Exception):
    """The person may not do this; the text says which roles may."""


class RoleConflict(Exception):
    """Two roles that one person must not hold together (decisions.md 3.4, 6 and 7)."""


def roles_of(user: User) -> frozenset[Role]:
    """The roles that the user holds now."""
    held = user.role_assignments.filter(ended_at=None).values_list("role", flat=True)
    return frozenset(Role(value) for value in held)


def may(
    user: User,
    right: str,
    *,
    model: RegisteredModel | str | None = None,
    environment: Environment | str | None = None,
    held: frozenset[Role] | None = None,
) -> bool:
    """Whether `require` would let the user pass."""
    try:
        require(user, right, model=model, environment=environment, held=held)
    except NotAllowed:
        return False
    return True


def require(
    user: User,
    right: str,
    *,
    model: RegisteredModel | str | None = None,
    environment: Environment | str | None = None,
    held: frozenset[Role] | None = None,
) -> None:
    """Refuse unless the user is active, holds a role with the right, and is in scope.

    `model` and `environment` may be slugs. `held` are the roles of the user, where the
    caller has read them already. Raises `NotAllowed`.
    """
    if not user.is_active:
        raise NotAllowed(_("This account is deactivated."))
    allowed = RIGHTS[right]
    has = roles_of(user) if held is None else held
    if not has & allowed:
        names = ", ".join(sorted(str(role.label) for role in allowed))
        raise NotAllowed(
            _("%(name)s may not %(right)s. These roles may: %(roles)s.")
            % {"name": user.printed_name, "right": _(right), "roles": names}
        )
    if Role.EXTERNAL_AUDITOR in has:
        try:
            audit_scope.narrow(user)
        except audit_scope.NoAccess as refusal:
            raise NotAllowed(str(refusal)) from refusal
    _require_scope(user, model=model, environment=environment)


def is_outside(user: User, held: frozenset[Role] | None = None) -> bool:
    """Whether the user is an external auditor, who sees nothing but a scope."""
    return Role.EXTERNAL_AUDITOR in (roles_of(user) if held is None else held)


def _require_scope(
    user: User,
    *,
    model: RegisteredModel | str | None,
    environment: Environment | str | None,
) -> None:
    if user.scope is None:
        return
    slug = model.slug if isinstance(model, RegisteredModel) else model
    if slug is not None and not fnmatchcase(slug, user.scope.models_pattern):
        raise NotAllowed(
            _("This token is for the models %(pattern)s, not for %(slug)s.")
            % {"pattern": user.scope.models_pattern, "slug": slug}
        )
    if slug is not None and not (
        user.scope.models is None or slug in user.scope.models
    ):
        raise NotAllowed(
            _("Your access is not for the model %(slug)s.") % {"slug": slug}
        )
    place = environment.slug if isinstance(environment, Environment) else environment
    places = user.scope.environments
    if place is not None and places and place not in places:
        raise NotAllowed(
            _("This token is for the environments %(names)s, not for %(slug)s.")
            % {"names": ", ".join(places), "slug": place}
        )


def require_person(user: User) -> None:
    """Refuse machines: some decisions only people take (decisions.md 3.4, rule 8)."""
    if user.is_machine and user.username != "system":
        raise NotAllowed(_("This is decided by a person, never by a machine."))


@act
def grant(*, user: User, role: Role, by: User, at: datetime) -> RoleAssignment:
    """Give a role, never to oneself. Raises `NotAllowed` and `RoleConflict`.

    An administrator holds no role that signs, and an auditor none that writes. A
    machine may hold any role, for its tokens; signing asks for a person.
    """
    if by.username != "system":
        require(by, "manage access")
    if by == user:
        raise RoleConflict(_("Nobody grants a role to themselves."))
    _refuse_conflicts(user, role)
    assignment, _created = RoleAssignment.objects.get_or_create(
        user=user,
        role=role,
        ended_at=None,
        defaults={"granted_by": by, "granted_at": at},
    )
    return assignment


@act
def end(*, user: User, role: Role, by: User, at: datetime) -> None:
    """Take a role away: signatures given in it no longer fill a quorum that is open.

    Raises `NotAllowed`; a role that is not held stays so.
    """
    if by.username != "system":
        require(by, "manage access")
    user.role_assignments.filter(role=role, ended_at=None).update(ended_at=at)


def _refuse_conflicts(user: User, role: Role) -> None:
    together = roles_of(user) | {role}
    others = together - {Role.PLATFORM_ADMIN}
    if Role.PLATFORM_ADMIN in together and others & RIGHTS["sign"]:
        raise RoleConflict(_("An administrator may not hold a role that signs."))
    if together & _THIRD and together - _THIRD:
        raise RoleConflict(_("An auditor may not hold any other role."))

"""From an empty installation to the first permit: what is done, and what is next."""

from dataclasses import dataclass

from django.db.models import Exists, Q
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from audits.models import EvidenceReport, ForeignEvidence
from governance import policy, roles
from governance.models import (
    ApprovalRequest,
    Authorisation,
    GateDecision,
    RiskAssessment,
    Signature,
)
from governance.web.frame import MANAGING, PersonRequest, may, page_for_all, show
from registry.models import (
    Environment,
    ModelVersion,
    RegisteredModel,
    Role,
    RoleAssignment,
    User,
)

# Nobody of these may be the same person as another (decisions.md 3.4).
NEEDED = (Role.OWNER, Role.DEVELOPER, Role.VALIDATOR, Role.RISK_MANAGER, Role.APPROVER)
# Who may open the page of a step, where reading is not enough.
READERS = ("read",)
SEEN_BY = {"people": MANAGING, "model": ("register models",)}
# What does a step that no page does: a command, or a call of the API.
CALLS = {
    "people": "manage.py access --add-person USER FIRST LAST E-MAIL\n"
    "manage.py access --grant-role USER ROLE",
    "environment": "POST /api/v1/environments"
    ' {"slug": "production", "name": "Production"}',
    "version": "POST /api/v1/artifacts\nPOST /api/v1/models/MODEL/versions",
    "permit": "GET /api/v1/gate?model=MODEL&version=VERSION&environment=production",
}


@dataclass(frozen=True)
class Step:
    """One step: what it is, who can do it, where or by which call, whether done."""

    key: str
    title: str
    text: str
    who: str
    href: str
    done: bool
    call: str = ""
    now: bool = False
    may: bool = False


@page_for_all
def start(request: PersonRequest) -> HttpResponse:
    """Show the steps to the first permit, as the records say they are done."""
    steps = _steps(request)
    return show(
        request,
        "help/start.html",
        {
            "steps": steps,
            "done": sum(step.done for step in steps),
            "missing": _missing(),
        },
        section="start",
    )


def _missing() -> list[str]:
    """The roles that nobody holds and the first permit needs."""
    held = set(
        RoleAssignment.objects.filter(
            ended_at=None, user__is_active=True, user__is_machine=False
        )
        .values_list("role", flat=True)
        .distinct()
    )
    return [str(role.label) for role in NEEDED if role not in held]


def _steps(request: PersonRequest) -> list[Step]:
    done = _done()
    done |= {
        "policy": bool(policy.shelf(at=timezone.now()).in_force(at=timezone.now())),
        "people": not _missing(),
    }
    first = next((key for key, *_rest in _told() if not done[key]), "")
    return [
        Step(
            key,
            title,
            text,
            _who(right),
            href if any(may(request, one) for one in SEEN_BY.get(key, READERS)) else "",
            done[key],
            call=CALLS.get(key, ""),
            now=key == first,
            may=may(request, right),
        )
        for key, title, text, right, href in _told()
    ]


def _done() -> dict[str, bool]:
    """What the records say, in one query."""
    facts = {
        "environment": Environment.objects.all(),
        "model": RegisteredModel.objects.all(),
        "version": ModelVersion.objects.all(),
        "report": EvidenceReport.objects.all(),
        "attached": ForeignEvidence.objects.all(),
        "risk": RiskAssessment.objects.all(),
        "submit": ApprovalRequest.objects.all(),
        "sign": Signature.objects.filter(~Q(meaning=Signature.Meaning.REJECTION)),
        "authorise": Authorisation.objects.all(),
        "permit": GateDecision.objects.filter(allowed=True),
    }
    asked = {key: Exists(rows) for key, rows in facts.items()}
    row = User.objects.values_list(*asked.values())[:1].get()
    found = dict(zip(asked, row, strict=True))
    found["evidence"] = found.pop("report") or found.pop("attached")
    return found


def _who(right: str) -> str:
    return ", ".join(sorted(str(role.label) for role in roles.RIGHTS[right]))


def _told() -> list[tuple[str, str, str, str, str]]:
    """The steps in order: key, title, text, the right that it takes, and where."""
    model, version, asked = _newest()
    return [
        (
            "policy",
            _("A policy is in force"),
            _("Rules in a pack say what each tier needs. One is shipped in force."),
            "publish policy",
            reverse("web:policy"),
        ),
        (
            "people",
            _("People hold the roles"),
            _("Five people at least: who makes a version never approves it."),
            "manage access",
            reverse("web:people"),
        ),
        (
            "environment",
            _("An environment is known"),
            _("Where versions run, such as production; pipelines register it."),
            "register environments",
            reverse("web:running"),
        ),
        (
            "model",
            _("A model is registered"),
            _("Its name, what it is for, where it must not be used, who answers."),
            "register models",
            reverse("web:register_model"),
        ),
        (
            "version",
            _("A version is registered"),
            _("Its files with their digests, and the data that it learned from."),
            "register versions",
            model,
        ),
        (
            "evidence",
            _("Evidence is there"),
            _("Performance, fairness and explanation, measured on test data."),
            "request evidence",
            version,
        ),
        (
            "risk",
            _("The risk is assessed"),
            _("Likelihood and impact give the tier, and the tier gives the rules."),
            "assess risk",
            model,
        ),
        (
            "submit",
            _("The version is submitted"),
            _("Its owner asks for approval; the digest of all evidence is fixed."),
            "submit versions",
            version,
        ),
        (
            "sign",
            _("Somebody has signed"),
            _("A validator reviews, an approver approves, each over an exact text."),
            "sign",
            asked,
        ),
        (
            "authorise",
            _("The version is authorised"),
            _("The last signature authorises it for the environment, for a time."),
            "sign",
            asked,
        ),
        (
            "permit",
            _("The gate has given a permit"),
            _("A pipeline asks with the digest and is told yes, signed."),
            "report deployments",
            reverse("web:gate"),
        ),
    ]


def _newest() -> tuple[str, str, str]:
    """The pages of the newest model, version and request, or those that list them."""
    inventory = reverse("web:inventory")
    model = RegisteredModel.objects.order_by("-registered_at").first()
    if model is None:
        return inventory, inventory, reverse("web:approvals")
    about = reverse("web:model", args=[model.slug])
    version = model.versions.order_by("-registered_at").first()
    if version is None:
        return about, about, reverse("web:approvals")
    asked = version.approval_requests.order_by("-sequence").first()
    return (
        about,
        reverse("web:version", args=[model.slug, version.version]),
        reverse("web:approval", args=[asked.pk]) if asked else reverse("web:approvals"),
    )

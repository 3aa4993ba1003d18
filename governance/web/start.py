"""From an empty installation to the first permit: what is done, and what is next."""

from dataclasses import dataclass

from django.db.models import Exists
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from audits.models import EvidenceReport, ForeignEvidence
from governance import policy, roles
from governance.models import (
    Authorisation,
    GateDecision,
    RiskAssessment,
    Signature,
)
from governance.web.frame import MANAGING, PersonRequest, may, page_for_all, show
from governance.web.start_calls import calls
from governance.web.start_subject import (
    NEEDED,
    Subject,
    apart,
    holders,
    leading_on,
    nearest,
)
from registry.models import (
    DatasetVersion,
    Environment,
    ModelVersion,
    RegisteredModel,
    Role,
    User,
)

# Who may open the page of a step, where reading is not enough.
READERS = ("read",)
SEEN_BY = {"people": MANAGING, "model": ("register models",)}
# Whom a step waits for, where fewer do it than have the right.
_SIGNERS = frozenset({Role.VALIDATOR, Role.APPROVER})
DOERS = {
    "sign": _SIGNERS,
    "authorise": _SIGNERS,
    "permit": frozenset({Role.CI, Role.OPERATOR, Role.OWNER, Role.DEVELOPER}),
}
# Key, title, text, the right that it takes, and where.
Told = tuple[str, str, str, str, str]


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
    held, about = holders(), nearest()
    missing = [role for role in NEEDED if not held[role]]
    enough = not missing and apart(held)
    steps = _steps(request, about, missing, enough=enough)
    return show(
        request,
        "help/start.html",
        {
            "steps": steps,
            "done": sum(step.done for step in steps),
            "missing": [str(role.label) for role in missing],
            "together": not missing and not enough,
            "about": about.version or about.model,
        },
        section="start",
    )


def _steps(
    request: PersonRequest, about: Subject, missing: list[Role], *, enough: bool
) -> list[Step]:
    done, told = _done(about), _told(*about.pages)
    told_calls = calls(about.names, missing)
    done |= {
        "policy": bool(policy.shelf(at=timezone.now()).in_force(at=timezone.now())),
        "people": enough,
    }
    first = next((key for key, *_rest in told if not done[key]), "")
    return [
        Step(
            key,
            title,
            text,
            _who(key, right),
            href if any(may(request, one) for one in SEEN_BY.get(key, READERS)) else "",
            done[key],
            call=told_calls.get(key, ""),
            now=key == first,
            may=bool(request.held & _doers(key, right)),
        )
        for key, title, text, right, href in told
    ]


def _done(about: Subject) -> dict[str, bool]:
    """What the records say, in one query."""
    version = about.version
    requests = leading_on().filter(version=version)
    facts = {
        "environment": Environment.objects.all(),
        "model": RegisteredModel.objects.all(),
        "data": DatasetVersion.objects.filter(artifact__isnull=False),
        "version": ModelVersion.objects.all(),
        "report": EvidenceReport.objects.filter(run__version=version),
        "attached": ForeignEvidence.objects.filter(version=version),
        "risk": RiskAssessment.objects.filter(model=about.model),
        "submit": requests,
        "sign": Signature.objects.filter(request__in=requests),
        "authorise": Authorisation.objects.filter(version=version),
        "permit": GateDecision.objects.filter(allowed=True),
    }
    asked = {key: Exists(rows) for key, rows in facts.items()}
    row = User.objects.values_list(*asked.values())[:1].get()
    found = dict(zip(asked, row, strict=True))
    attached = found.pop("attached")
    found["evidence"] = found.pop("report") or attached
    found["data"] |= attached  # made elsewhere, on data that is not here
    return found


def _doers(key: str, right: str) -> frozenset[Role]:
    return DOERS.get(key, roles.RIGHTS[right])


def _who(key: str, right: str) -> str:
    return ", ".join(sorted(str(role.label) for role in _doers(key, right)))


def _told(model: str, version: str, asked: str) -> list[Told]:
    """The steps in order, which lead to these pages."""
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
            _(
                "Three people at least: one reviews a version and another approves it, "
                "and neither of them made it, asks for it or assessed its risk."
            ),
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
            _(
                "Its name, purpose, expected use, inputs, outputs and limitations, and "
                "who answers. What is added later may ask to assess the risk anew."
            ),
            "register models",
            reverse("web:register_model"),
        ),
        (
            "data",
            _("Test data is there"),
            _(
                "CSV or Parquet that the model has not learned from; its columns have "
                "roles: feature, target, prediction, sensitive."
            ),
            "register data sets",
            reverse("web:datasets"),
        ),
        (
            "version",
            _("A version is registered"),
            _(
                "Its file by the digest that the upload answers, its data, and what a "
                "score stands for, fixed from then on: the target's positive class, "
                "and whether it is good for the person (1) or bad (0)."
            ),
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
            _(
                "Its owner asks for approval; the digest of all evidence is fixed. The "
                "version's page says what is still missing."
            ),
            "submit versions",
            version,
        ),
        (
            "sign",
            _("Somebody has signed"),
            _(
                "A validator reviews, an approver approves, each over an exact text. "
                "The request's page says whose signature is missing."
            ),
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
            _("A pipeline asks and is told yes, signed. To try, ask yourselves."),
            "ask the gate",
            reverse("web:gate"),
        ),
    ]

"""The way of a version, from registration to production, in five steps."""

from dataclasses import dataclass, replace

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from governance.case import Case
from governance.lifecycle import WAITS, State, state_of
from governance.models import Status
from governance.requirements.quorum import progress
from governance.templatetags.freigabe import short


@dataclass(frozen=True)
class Step:
    """One step; `state` is done, now, stop or empty for later."""

    name: str
    detail: str
    state: str = ""


def steps_of(case: Case) -> list[Step]:
    """How far the version came on its way into the case's environment."""
    measured = _measured(case)
    steps = [
        Step(_("Registered"), short(case.version.registered_at), "done"),
        measured,
        _validation(case, measured),
        _approval(case),
        _production(case),
    ]
    first = next((step for step in steps if step.state == "now"), None)
    return [
        replace(step, state="") if step.state == "now" and step is not first else step
        for step in steps
    ]


def _measured(case: Case) -> Step:
    wanted = case.evidence_kinds
    missing = [kind for kind in wanted if kind not in case.reports]
    name = _("Measured")
    if missing:
        have = len(wanted) - len(missing)
        detail = _("%(have)s of %(wanted)s reports") % {
            "have": have,
            "wanted": len(wanted),
        }
        return Step(name, detail, "now")
    n = len(case.reports)
    detail = ngettext("%(n)s report", "%(n)s reports", n) % {"n": n}
    return Step(name, detail, "done")


def _validation(case: Case, measured: Step) -> Step:
    name = _("In validation")
    if case.status in (Status.REJECTED, Status.CHANGES_REQUESTED):
        return Step(name, str(case.status.label), "stop")
    if case.status == Status.DEVELOPMENT or case.request is None:
        now = "now" if measured.state == "done" else ""
        return Step(name, _("not submitted"), now)
    if case.status in WAITS and not case.subject_holds:
        return Step(name, _("changed since, submit again"), "now")
    if case.status == Status.CONDITIONALLY_VALIDATED:
        return Step(name, str(case.status.label), "done")
    detail = _("submitted %(day)s") % {"day": short(case.request.requested_at)}
    return Step(name, detail, "done")


def _approval(case: Case) -> Step:
    name = _("Approval")
    found = progress(case)
    detail = _("%(have)s of %(wanted)s signatures") % {
        "have": found.have,
        "wanted": found.wanted,
    }
    if case.status in WAITS and case.subject_holds:
        return Step(name, detail, "now")
    if case.status in (Status.SUSPENDED, Status.RETIRED):
        return Step(name, str(case.status.label), "stop")
    return Step(name, detail, "done" if case.status == Status.APPROVED else "")


def _production(case: Case) -> Step:
    name = case.environment.name
    found = case.authorisation
    if found is None:
        return Step(name, _("not authorised"))
    if state_of(found) != State.ACTIVE:
        return Step(name, str(state_of(found).label), "stop")
    if not case.at < found.valid_until:
        return Step(name, _("expired %(day)s") % {"day": short(found.valid_until)})
    day = short(found.valid_until)
    return Step(name, _("authorised until %(day)s") % {"day": day}, "done")

"""Rules that facts of this installation answer: findings, waivers, digests, the log."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from governance import waived
from governance.case import Case
from governance.lifecycle import MOVES
from governance.models import PeriodicReview, Status
from governance.policy import Check, Rule
from governance.requirements.answers import answer, most_days, unusable
from governance.requirements.use import in_use_since


def finding_list(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    """`finding_list`: none open of some severities, others with a plan and in time."""
    if (wrong := unusable(rule, item)) is not None:
        return wrong
    found = case.around.findings
    barred = [row for row in found if row.severity in item["none_open"]]
    loose = [
        row
        for row in found
        if row.severity in item.get("with_plan", ())
        and (row.overdue or not row.has_plan)
    ]
    problems = [
        _("Open: %(title)s (%(severity)s).")
        % {"title": row.finding.title, "severity": row.severity.label}
        for row in barred
    ] + [
        _("Without a plan in time: %(title)s.") % {"title": row.finding.title}
        for row in loose
    ]
    return answer(
        rule,
        observed=_("%(count)s open findings.") % {"count": len(found)},
        problems=problems,
        next_step=_("The owner of the finding resolves it; somebody else verifies."),
    )


def waiver(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    """`waiver`: one of a kind is active, or all that are active keep their limits."""
    if (wrong := unusable(rule, item)) is not None:
        return wrong
    rows = [
        row.waiver
        for row in waived.concerning(
            case.around.waivers, case.version, case.environment
        )
    ]
    observed = _("%(count)s active waivers.") % {"count": len(rows)}
    step = _("The owner asks for a waiver; the second line decides.")
    if "kind" not in item:
        late = [row for row in rows if not row.compensating_controls.strip()]
        problems = [_("Without compensating controls: %s.") % row for row in late]
        return answer(rule, observed=observed, problems=problems, next_step=step)
    longest = timedelta(days=item.get("max_days", 90))
    good = [
        row
        for row in rows
        if row.kind == item["kind"] and row.valid_until - row.valid_from <= longest
    ]
    problems = [] if good else [_("None allows use before validation.")]
    return answer(rule, observed=observed, problems=problems, next_step=step)


def artifact_digest(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    """`artifact_digest`: what runs is what was approved, or what was audited."""
    if (wrong := unusable(rule, item)) is not None:
        return wrong
    if item["equals"] == "bias_audit":
        return _audited(rule, case)
    own = case.artifact.sha256 if case.artifact else None
    granted = case.authorisation
    observed = _("SHA-256 %(digest)s.") % {"digest": own or "–"}
    problems = []
    if granted is None:
        problems.append(_("Nothing is authorised."))
    elif own is None or granted.artifact_sha256 != own:
        problems.append(
            _("Authorised is SHA-256 %(digest)s.") % {"digest": granted.artifact_sha256}
        )
    return answer(
        rule,
        observed=observed,
        problems=problems,
        next_step=_("The owner submits this version for approval."),
    )


def _audited(rule: Rule, case: Case) -> Check:
    """The bias audit is about this version, or says why another one is relevant."""
    audit = case.held.latest("bias_audit")
    attached = case.held.attachments.get("bias_audit", ())
    problems = []
    if audit is not None:
        named = audit.fields.get("subject_sha256")
        own = {case.version.sha256, case.artifact.sha256 if case.artifact else ""}
        if named not in own and not audit.fields.get("relevance"):
            problems.append(_("The audit names another version, or none."))
    elif not attached:
        problems.append(_("There is no bias audit."))
    return answer(
        rule,
        observed=_("Version SHA-256 %(digest)s.") % {"digest": case.version.sha256},
        problems=problems,
        next_step=_("The auditor states the digest, or why the audit is relevant."),
    )


def lineage(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    """`lineage_record`: so many recorded edges: data sets and the training run."""
    if (wrong := unusable(rule, item)) is not None:
        return wrong
    edges = len(case.held.datasets) + (case.version.run_id is not None)
    least = item["min_edges"]
    return answer(
        rule,
        observed=_("%(count)s recorded edges.") % {"count": edges},
        problems=[_("At least %(least)s are asked for.") % {"least": least}]
        if edges < least
        else [],
        next_step=_("The developer registers a version with its data sets and run."),
    )


def challenges(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    """`challenge_record`: so many challenges were answered and disposed of."""
    if (wrong := unusable(rule, item)) is not None:
        return wrong
    rows = case.around.challenges
    count, least = sum(rows), item.get("min_count", 1)
    return answer(
        rule,
        observed=_("%(done)s of %(all)s challenges answered and disposed of.")
        % {"done": count, "all": len(rows)},
        problems=[_("At least %(least)s asked for.") % {"least": least}]
        if count < least
        else [],
        next_step=_("Somebody independent challenges the request; the owner answers."),
    )


def incidents(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    """`incident_list`: every serious incident has a root cause and a correction."""
    if (wrong := unusable(rule, item)) is not None:
        return wrong
    rows = case.around.incidents
    open_ones = [row for row in rows if not hasattr(row, "closure")]
    return answer(
        rule,
        observed=_("%(count)s serious incidents.") % {"count": len(rows)},
        problems=[_("Without root cause: %s.") % row.title for row in open_ones],
        next_step=_("Who is responsible closes the incident with cause and action."),
    )


def periodic_review(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    """`periodic_review`: the newest one is in time and did not say unfit."""
    if (wrong := unusable(rule, item)) is not None:
        return wrong
    newest = case.around.review
    days = most_days(item, case.tier)
    if newest is None:
        since = in_use_since(case)
        early = since is None or (days is not None and (case.at - since).days <= days)
        if item.get("once_in_use") and early:
            return answer(rule, observed=_("no review is due yet"))
        problems = [_("None was made.")]
    else:
        problems = _review_problems(newest, days, case)
    return answer(
        rule,
        observed=_("Reviewed on %(day)s.")
        % {"day": newest.reviewed_at.date().isoformat() if newest else "–"},
        problems=problems,
        next_step=_("The second line reviews the model."),
    )


def _review_problems(newest: PeriodicReview, days: int | None, case: Case) -> list[str]:
    today = case.at.date()
    problems = []
    if newest.outcome == PeriodicReview.Outcome.UNFIT:
        problems.append(_("It says: not fit for its use."))
    if newest.next_due_on < today:
        problems.append(
            _("The next was due on %(day)s.") % {"day": newest.next_due_on.isoformat()}
        )
    if days is not None and (case.at - newest.reviewed_at).days > days:
        problems.append(_("It is older than %(days)s days.") % {"days": days})
    return problems


def log_verified(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    """`audit_trail_verification`: the newest check of the whole log held, lately."""
    if (wrong := unusable(rule, item)) is not None:
        return wrong
    newest = case.around.verification
    longest = timedelta(days=item.get("max_age_days", 1))
    problems = []
    if newest is None:
        problems.append(_("The log was never verified."))
    elif not newest.ok:
        problems.append(_("The log does not hold."))
    elif newest.ran_at + longest < case.at:
        problems.append(_("That is too long ago."))
    return answer(
        rule,
        observed=_("Verified at %(time)s.")
        % {"time": f"{newest.ran_at:%Y-%m-%d %H:%M} UTC" if newest else "–"},
        problems=problems,
        next_step=_("The operator runs “manage.py verify_log”."),
    )


def conformance(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    """`workflow_conformance`: every move of the version is one of the life cycle."""
    if (wrong := unusable(rule, item)) is not None:
        return wrong
    moves = case.around.moves
    stood: Status | None = None
    wrong_moves = []
    for to in moves:
        if to not in MOVES[stood]:
            wrong_moves.append(_("%(move)s was no permitted move.") % {"move": to})
        stood = to
    return answer(
        rule,
        observed=_("%(count)s moves.") % {"count": len(moves)},
        problems=wrong_moves,
        next_step=_("Internal audit looks into the log."),
    )

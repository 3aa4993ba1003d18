"""The gate's own checks, above every pack: each says what was seen and what next."""

from datetime import datetime, timedelta

from django.conf import settings
from django.utils.translation import gettext as _

from audits.models import Checkpoint, Verification
from governance.case import Case
from governance.gate.asking import bare
from governance.lifecycle import State, latest_change, state_of
from governance.models import Status
from governance.policy import Check, NoPolicy
from governance.requirements import DEPLOY, evaluate

# Two machines with NTP differ by less; nothing that a permit bounds is so short.
CLOCK_TOLERANCE = timedelta(seconds=10)


def unknown_environment(slug: str) -> Check:
    """An environment that nobody registered denies."""
    return Check(
        "gate-environment",
        _("The environment is known"),
        passed=False,
        observed=_("%(slug)s is not registered") % {"slug": slug},
        because=_("Permits are given for registered environments only."),
        next_step=_("An operator registers the environment, or the name is corrected."),
    )


def digest(case: Case, digest: str) -> Check:
    """The file that was asked for, is registered and was approved is one."""
    approved = case.authorisation.artifact_sha256 if case.authorisation else None
    stored = case.artifact.sha256 if case.artifact else None
    asked = bare(digest) or stored
    passed = stored is not None and asked == stored and approved in (None, stored)
    observed = _("no model file") if stored is None else _short(stored)
    if stored is not None and asked != stored:
        observed = _("asked for %(asked)s, registered is %(stored)s") % {
            "asked": _short(asked or ""),
            "stored": _short(stored),
        }
    return Check(
        "gate-digest",
        _("The file is the one that was approved"),
        passed=passed,
        observed=observed,
        because=_("A permit is bound to the SHA-256 digest of the model file."),
        next_step=""
        if passed
        else _("Deploy the approved file, or register this one as a new version."),
    )


def _short(digest: str) -> str:
    """As much of a SHA-256 as people compare; the whole one is in the permit."""
    return f"sha256:{digest[:12]}…"


def life_cycle(case: Case) -> Check:
    """Only approved versions run."""
    passed = case.status == Status.APPROVED
    return Check(
        "gate-status",
        _("The version is approved"),
        passed=passed,
        observed=str(case.status.label),
        because=_("Only approved versions may run."),
        next_step="" if passed else _("The version completes its approval."),
    )


def authorised(case: Case) -> Check:
    """The newest authorisation is active and within its time."""
    title = _("An authorisation is in force")
    found = case.authorisation
    if found is None:
        return Check(
            "gate-authorisation",
            title,
            passed=False,
            observed=_("none for %(name)s") % {"name": case.environment.name},
            because=_("Without an authorisation nothing runs."),
            next_step=_("The owner submits the version for this environment."),
        )
    state = state_of(found)
    expired = not found.valid_from <= case.at < found.valid_until
    until = found.valid_until.strftime("%Y-%m-%d %H:%M UTC")
    observed = str(state.label)
    if state == State.ACTIVE:
        observed = (
            _("expired on %(until)s") if expired else _("valid until %(until)s")
        ) % {"until": until}
    passed = state == State.ACTIVE and not expired
    next_step = _("The owner submits again, or a risk manager reinstates it.")
    latest = latest_change(found)
    if state == State.SUPERSEDED and latest is not None and latest.superseded_by:
        newer = latest.superseded_by.version
        observed = _("superseded by %(newer)s, which runs here") % {"newer": newer}
        next_step = _("Deploy the newer version, or the owner submits this one again.")
    return Check(
        "gate-authorisation",
        title,
        passed=passed,
        observed=observed,
        because=_("It ends by itself, and can be suspended or revoked."),
        next_step="" if passed else next_step,
    )


def unchanged(case: Case) -> Check:
    """The record that was signed is the one that stands here."""
    request = case.granted.request if case.granted else None
    same = request is not None and case.subject_holds
    return Check(
        "gate-unchanged",
        _("What was signed is what stands here now"),
        passed=same,
        observed=_("record %(digest)s") % {"digest": _short(request.subject_sha256)}
        if same and request
        else _("the signed record differs, or there is none"),
        because=_("What a signature covers has grown with this version of Freigabe.")
        if request is not None and request.of_an_earlier_form
        else _(
            "Signatures cover the digests of version, file, risk, inventory and policy."
        ),
        next_step="" if same else _("The owner submits the version again."),
    )


def policy(case: Case) -> list[Check]:
    """Every rule of every pack that applies; a pack that cannot be read denies."""
    try:
        return evaluate(case, DEPLOY)
    except NoPolicy as error:
        return [
            Check(
                "gate-policy",
                _("The policy can be evaluated"),
                passed=False,
                observed=str(error),
                because=_("A policy that cannot be evaluated denies."),
                next_step=_("A policy approver publishes a pack."),
            )
        ]


def log_check(*, at: datetime) -> Check:
    """The log was verified lately and holds; if not, the gate stays shut."""
    # By time, and none from the future: a row put in by hand counts until the next run.
    past = Verification.objects.filter(ran_at__lte=at)
    return log_holds(past.order_by("-ran_at", "-id").first(), at=at)


def log_holds(latest: Verification | None, *, at: datetime) -> Check:
    """The same of the newest verification by `at`, which the caller has read."""
    oldest = at - timedelta(hours=settings.FREIGABE_LOG_MAX_AGE_HOURS)
    fresh = latest is not None and latest.ran_at >= oldest
    passed = fresh and latest is not None and latest.ok
    if latest is None:
        observed = _("never verified")
    else:
        word = _("holds") if latest.ok else _("does not hold")
        observed = _("%(word)s, %(at)s") % {
            "word": word,
            "at": latest.ran_at.strftime("%Y-%m-%d %H:%M UTC"),
        }
    return Check(
        "gate-log",
        _("The log holds"),
        passed=passed,
        observed=observed,
        because=_("A decision is worth no more than the record that it rests on."),
        next_step=""
        if passed
        else _("An administrator runs verify_log and acts on it."),
    )


def clock(last: Checkpoint | None, *, at: datetime) -> Check:
    """The clock has not gone back behind what the log has signed: its last checkpoint.

    A clock that was set back would bring expired permits, waivers and approvals back.
    """
    passed = last is None or at >= last.created_at - CLOCK_TOLERANCE
    observed = _("%(at)s, nothing is signed yet") % {"at": _moment(at)}
    if last is not None:
        observed = _("%(at)s, the last checkpoint is of %(signed)s") % {
            "at": _moment(at),
            "signed": _moment(last.created_at),
        }
    return Check(
        "gate-clock",
        _("The clock is right"),
        passed=passed,
        observed=observed,
        because=_("Everything that expires is judged by the clock."),
        next_step=""
        if passed
        else _("An operator sets the clock of the server right (NTP), then ask again."),
    )


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


def no_key(reason: str) -> Check:
    """Why no permit can be signed."""
    return Check(
        "gate-key",
        _("The permit can be signed"),
        passed=False,
        observed=reason,
        because=_("Without the gate's key nothing can be permitted."),
        next_step=_(
            "An administrator puts the key back, or makes a new one: manage.py "
            "rotate_gate_key."
        ),
    )

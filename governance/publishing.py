"""A policy pack on its way: written, reviewed, published by somebody else."""

from datetime import UTC, datetime, time, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import policy, records, roles, signatures
from governance.models import (
    PackDraft,
    PackRevision,
    PackStep,
    PolicyPack,
)
from governance.notifications import tell
from governance.persons import Same, same_person
from governance.policy import InvalidPack, Pack
from governance.policy.parsing import SHIPPED
from governance.signatures import Proof
from registry.acts import act
from registry.digests import sha256_hex
from registry.models import Role, User

State = PackStep.State
_TOLD = (Role.OWNER, Role.RISK_MANAGER, Role.APPROVER, Role.COMPLIANCE)


class SameAuthor(Exception):
    """Who wrote a pack does not publish it (decisions.md 3.4, rule 5)."""


class WrongState(Exception):
    """The draft, or the pack, is not where this act begins."""


def shipped() -> dict[str, str]:
    """The packs that come with Freigabe: their slugs and texts."""
    texts = [path.read_text("utf-8") for path in sorted(SHIPPED.glob("*.yaml"))]
    found = [text for text in texts if text.startswith("pack:")]
    return {policy.parse(text).slug: text for text in found}


def state_of(draft: PackDraft) -> State:
    """Where a draft stands."""
    latest = draft.steps.order_by("-sequence").first()
    return State(latest.state) if latest else State.DRAFT


def text_of(draft: PackDraft) -> PackRevision:
    """The latest revision of a draft."""
    return draft.revisions.order_by("-sequence")[0]


@act
def write(*, text: str, comment: str = "", by: User, at: datetime) -> PackRevision:
    """Write a revision of the draft of the version that the text names.

    The first one opens the draft. Raises `NotAllowed`, `InvalidPack`, `WrongState`.
    """
    roles.require(by, "write policy")
    roles.require_person(by)
    pack = policy.parse(text)
    _refuse_published(pack)
    draft, opened = PackDraft.objects.select_for_update().get_or_create(
        slug=pack.slug,
        version=pack.version,
        defaults={"opened_by": by, "opened_at": at},
    )
    state = State.DRAFT if opened else state_of(draft)
    if state not in (State.DRAFT, State.DISCARDED):
        raise WrongState(_("This draft is in review: its text is fixed until then."))
    if opened or state == State.DISCARDED:
        _move(draft, State.DRAFT, comment, by, at)
    return PackRevision.objects.create(
        draft=draft,
        document=text,
        sha256=sha256_hex(text.encode()),
        comment=comment,
        written_by=by,
        written_at=at,
        sequence=draft.revisions.count() + 1,
    )


@act
def adopt(*, slug: str, by: User, at: datetime) -> PackRevision:
    """Open a draft with the text of a pack that comes with Freigabe.

    Raises as `write`, and `records.Refused` for an unknown name.
    """
    text = shipped().get(slug)
    if text is None:
        raise records.Refused({"shipped": [_("No pack of this name is shipped.")]})
    return write(text=text, comment=_("As shipped."), by=by, at=at)


@act
def ask_for_review(*, draft: PackDraft, by: User, at: datetime) -> PackStep:
    """Fix the text and hand it to those who publish. Raises `NotAllowed`."""
    roles.require(by, "write policy")
    locked = _locked(draft)
    _require_state(locked, State.DRAFT)
    step = _move(locked, State.REVIEW, "", by, at)
    tell(
        to=[Role.POLICY_APPROVER],
        subject=gettext_lazy("A policy pack waits for review"),
        text=gettext_lazy("%(pack)s was handed in."),
        values={"pack": f"{locked.slug} {locked.version}"},
        about=locked,
        kind="policy-review",
        at=at,
    )
    return step


@act
def send_back(*, draft: PackDraft, reason: str, by: User, at: datetime) -> PackStep:
    """Return a draft to its authors, with a reason. Raises `NotAllowed`."""
    if not roles.may(by, "write policy"):
        roles.require(by, "publish policy")
    locked = _locked(draft)
    _require_state(locked, State.REVIEW)
    return _move(locked, State.DRAFT, required(reason), by, at)


@act
def discard(*, draft: PackDraft, reason: str, by: User, at: datetime) -> PackStep:
    """Give a draft up; it stays in the record. Raises `NotAllowed`, `WrongState`."""
    roles.require(by, "write policy")
    locked = _locked(draft)
    if state_of(locked) == State.PUBLISHED:
        raise WrongState(_("It is published; it ends by a date of its end."))
    return _move(locked, State.DISCARDED, required(reason), by, at)


@signatures.signed_act
def publish(
    *,
    draft: PackDraft,
    sha256: str,
    proof: Proof,
    by: User,
    at: datetime,
    effective_from: datetime | None = None,
    grandfathered_until: datetime | None = None,
    comment: str = "",
) -> PolicyPack:
    """Publish a reviewed draft, signed by somebody who wrote no revision of it.

    `sha256` is the digest of the text that the signer read. It is in force from
    `effective_from`, else from the pack's own date, else at once; earlier approvals
    are judged by the earlier version until `grandfathered_until`, else for the pack's
    `grace_days`. Raises `NotAllowed`, `SameAuthor`, `WrongState`, `records.Refused`,
    `signatures.NotSigned`.
    """
    roles.require(by, "publish policy")
    roles.require_person(by)
    locked = _locked(draft)
    _require_state(locked, State.REVIEW)
    _refuse_authors(locked, by)
    revision = text_of(locked)
    if sha256 != revision.sha256:
        raise WrongState(_("The text is no longer the one that you read."))
    pack = policy.parse(revision.document)
    _refuse_published(pack)
    begins = _begins(pack, effective_from, at)
    until = grandfathered_until or begins + timedelta(days=pack.grace_days)
    if until < begins:
        raise records.Refused(
            {"grandfathered_until": [_("It must not end before the pack begins.")]}
        )
    _sign(locked, pack, revision, begins, until, proof, by, at, comment)
    _move(locked, State.PUBLISHED, comment, by, at)
    row = PolicyPack.objects.create(
        slug=pack.slug,
        version=pack.version,
        document=revision.document,
        sha256=revision.sha256,
        draft=locked,
        effective_from=begins,
        grandfathered_until=until if until > begins else None,
        published_by=by,
        published_at=at,
    )
    tell(
        to=_TOLD,
        subject=gettext_lazy("A policy pack was published"),
        text=gettext_lazy("%(pack)s is in force from %(day)s."),
        values={"pack": str(row), "day": begins.date().isoformat()},
        link="/policy/",
        about=row,
        kind="policy-published",
        at=at,
    )
    return row


def statement(
    pack: Pack, sha256: str, begins: datetime, until: datetime, by: User
) -> str:
    """The sentence that the person who publishes signs (21 CFR 11.50)."""
    return _(
        "I, %(name)s, publish the policy pack %(pack)s (SHA-256 %(digest)s), in force "
        "from %(begins)s. Approvals given before are judged by the version before it "
        "until %(until)s. I have written no part of it."
    ) % {
        "name": by.printed_name,
        "pack": pack.name,
        "digest": sha256,
        "begins": begins.strftime("%Y-%m-%d %H:%M UTC"),
        "until": until.strftime("%Y-%m-%d %H:%M UTC"),
    }


def _sign(
    draft: PackDraft,
    pack: Pack,
    revision: PackRevision,
    begins: datetime,
    until: datetime,
    proof: Proof,
    by: User,
    at: datetime,
    comment: str,
) -> None:
    text = statement(pack, revision.sha256, begins, until, by)
    signatures.sign_record(
        record_type="packdraft",
        record_id=draft.pk,
        subject_sha256=revision.sha256,
        statement=text,
        role=Role.POLICY_APPROVER,
        meaning="approval",
        proof=proof,
        by=by,
        at=at,
        comment=comment,
    )


def _refuse_authors(draft: PackDraft, by: User) -> None:
    """Over all revisions and steps, and whatever account somebody used."""
    authors = {row.written_by for row in draft.revisions.select_related("written_by")}
    handed_in = draft.steps.filter(state=State.REVIEW).select_related("moved_by")
    authors |= {step.moved_by for step in handed_in}
    for author in authors:
        if author == by or same_person(author, by) == Same.YES:
            raise SameAuthor(
                _("%(name)s wrote this pack and cannot publish it.")
                % {"name": author.printed_name}
            )


def _begins(pack: Pack, wished: datetime | None, at: datetime) -> datetime:
    own = pack.effective_from
    begins = wished or (datetime.combine(own, time(), UTC) if own else at)
    begins = max(begins, at) if wished is None else begins
    last = PolicyPack.objects.filter(slug=pack.slug).order_by("-effective_from").first()
    if begins < at or (last is not None and begins <= last.effective_from):
        raise records.Refused(
            {
                "effective_from": [
                    _("It must lie ahead, and after the version before it.")
                ]
            }
        )
    return begins


def _refuse_published(pack: Pack) -> None:
    newest = max(
        (
            _number(version)
            for version in PolicyPack.objects.filter(slug=pack.slug).values_list(
                "version", flat=True
            )
        ),
        default=(),
    )
    if _number(pack.version) <= newest:
        raise InvalidPack(
            [
                _("%(pack)s or a later version is published; raise the version.")
                % {"pack": pack.name}
            ]
        )


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def required(reason: str) -> str:
    """The reason, stripped. Raises `records.Refused` when there is none."""
    if not reason.strip():
        raise records.Refused({"reason": [_("Say why.")]})
    return reason.strip()


def _require_state(draft: PackDraft, wanted: State) -> None:
    found = state_of(draft)
    if found != wanted:
        raise WrongState(
            _("This draft is not there: it is %(state)s.") % {"state": found.label}
        )


def _locked(draft: PackDraft) -> PackDraft:
    return PackDraft.objects.select_for_update().get(pk=draft.pk)


def _move(
    draft: PackDraft, state: State, reason: str, by: User, at: datetime
) -> PackStep:
    return PackStep.objects.create(
        draft=draft,
        state=state,
        reason=reason,
        moved_by=by,
        moved_at=at,
        sequence=draft.steps.count() + 1,
    )

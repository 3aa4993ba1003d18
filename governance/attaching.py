"""Attaching evidence that somebody else made, signed by them or by who attaches it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from audits import in_toto
from audits.artifacts import Detected, UnsupportedArtifact
from audits.models import ForeignEvidence
from governance import artifacts, duties, evidence_signers, roles, signatures
from governance.attached import envelope_text, record_digest, statement
from governance.evidence_signers import Signed
from governance.evidence_types import EVIDENCE_TYPES, EvidenceType
from governance.records import AlreadyRegistered, Refused, require_printable, valid
from governance.separation import hands_in
from registry.digests import sha256_hex, sha256_of_chunks
from registry.models import Artifact, ModelVersion, User

RIGHT = "attach evidence"
FORMATS = frozenset({"pdf", "json", "csv", "text"})
MAX_DOCUMENT_BYTES = 32 * 1024**2
# An envelope beside a document stands in the row, and so whole in the log's entry.
MAX_ENVELOPE_BESIDE = 32 * 1024
PREDICATE = "urn:freigabe:attestation:evidence:v1"
Outcome = ForeignEvidence.Outcome
_SAID = {
    "PASSED": Outcome.PASSED,
    "WARNED": Outcome.WARNED,
    "FAILED": Outcome.FAILED,
    None: Outcome.NONE,
}
_CHUNK = 1024 * 1024


class OwnWork(roles.NotAllowed):
    """Whoever builds or owns a model cannot be the one who vouches for it."""

    field = "kind"


@dataclass(frozen=True)
class Claim:
    """What whoever attaches a document says about it.

    `outcome` is one of `ForeignEvidence.Outcome`; empty leaves it to the signed
    statement, or says that there is none.
    """

    kind: str
    title: str
    produced_by: str
    produced_on: date
    tool: str = ""
    outcome: str = ""


@dataclass(frozen=True)
class Document:
    """A file as it comes in; its name is only a name."""

    chunks: Iterable[bytes]
    file_name: str


@dataclass(frozen=True)
class _Wish:
    """What somebody wants to attach, now, to a version that is locked."""

    version: ModelVersion
    kind: EvidenceType
    claim: Claim
    document: Document | None
    by: User
    at: datetime


@signatures.signed_act
def attach(
    *,
    version: ModelVersion,
    claim: Claim,
    by: User,
    at: datetime,
    document: Document | None = None,
    envelope: Mapping[str, Any] | None = None,
    proof: signatures.Proof | None = None,
) -> ForeignEvidence:
    """Attach foreign evidence to a version: with a signed envelope, or signed oneself.

    An `envelope` (DSSE, in-toto Statement) must be signed by a registered signer and
    name the version's digest or that of its model file; a document beside it must be
    named, too. Without one the person signs with a `proof`, which machines cannot.
    What was attached already is answered with the first row. Raises `NotAllowed`,
    `OwnWork`, `Refused`, `AlreadyRegistered`, `artifacts.TooLarge`,
    `signatures.NotSigned`.
    """
    roles.require(by, RIGHT, model=version.model)
    kind = _check(claim, at)
    wish = _Wish(_lock(version), kind, claim, document, by, at)
    _refuse_own_auditor(wish, "produced_by", claim.produced_by)
    row = _sign(wish, proof) if envelope is None else _adopt(wish, envelope)
    return _first(row) or _insert(row)


def _check(claim: Claim, at: datetime) -> EvidenceType:
    """Refuse what no signature can mend, and return the type."""
    kind = EVIDENCE_TYPES.get(claim.kind)
    if kind is None:
        raise Refused({"kind": [_("There is no such type of evidence.")]})
    if not kind.attachable:
        raise Refused(
            {
                "kind": [
                    _("Freigabe makes this evidence itself; it takes none from you.")
                ]
            }
        )
    texts = ("title", "produced_by", "tool")
    require_printable({name: getattr(claim, name) for name in texts})
    # Somewhere it is tomorrow already: UTC+14.
    if claim.produced_on > (at + timedelta(hours=14)).date():
        raise Refused({"produced_on": [_("This day is yet to come.")]})
    if claim.outcome and claim.outcome not in Outcome.values:
        names = ", ".join(Outcome.values)
        raise Refused({"outcome": [_("Must be one of: %(names)s.") % {"names": names}]})
    return kind


def _lock(version: ModelVersion) -> ModelVersion:
    """The version, locked: the same evidence twice at once is still one row."""
    rows = ModelVersion.objects.select_for_update(of=("self",))
    return rows.select_related("model", "run").get(pk=version.pk)


def _refuse_own_auditor(wish: _Wish, field: str, name: str) -> None:
    """Rule 13: an audit under Local Law 144 is by nobody of ours, nor of the vendor."""
    if wish.kind.name not in duties.LL144_EVIDENCE:
        return
    model = wish.version.model
    because = duties.ll144_auditor(name=name, email="", model=model)
    if because is not None:
        raise Refused({field: [because]})


def _sign(wish: _Wish, proof: signatures.Proof | None) -> ForeignEvidence:
    """The row as the person who attaches it signs it."""
    by = wish.by
    if by.is_machine:
        raise roles.NotAllowed(
            _("A machine cannot sign. Send an envelope signed by a registered signer.")
        )
    if wish.kind.independent:
        _refuse_own_work(wish.version, by)
    if wish.document is None:
        raise Refused({"file": [_("Send a document, or an envelope.")]})
    if proof is None or not proof.ways:
        raise Refused({"password": [signatures.one_way()]})
    method = signatures.authenticate(by=by, proof=proof, at=wish.at)
    row = _row(wish, _store(wish, wish.document))
    row.outcome = wish.claim.outcome or Outcome.NONE
    row.statement = statement(row, method)
    return row


def _refuse_own_work(version: ModelVersion, by: User) -> None:
    """Separation of duties: the first line does not vouch for itself."""
    what = hands_in(version).get(str(by.pk))
    if what is not None:
        raise OwnWork(
            _("%(name)s %(what)s and cannot vouch for it.")
            % {"name": by.printed_name, "what": what}
        )
    if not any(role.line == 2 for role in roles.roles_of(by)):
        raise OwnWork(
            _("Only the second line signs evidence of this type, or who made it.")
        )


def _adopt(wish: _Wish, envelope: Mapping[str, Any]) -> ForeignEvidence:
    """The row of what a registered signer has signed."""
    signed = evidence_signers.verify(envelope)
    try:
        said = in_toto.parse(signed.payload)
    except in_toto.StatementMalformed as error:
        raise Refused({"envelope": [str(error)]}) from error
    _require_about(wish.version, said)
    _refuse_own_signer(wish.version, signed)
    _refuse_own_auditor(wish, "envelope", signed.signer.name)
    outcome = _outcome(wish.kind, said)
    if wish.claim.outcome not in ("", outcome):
        told = _("The signed statement says: %(outcome)s.") % {"outcome": outcome.label}
        raise Refused({"outcome": [told]})
    if wish.document is None:
        kept = Document([signed.envelope], "envelope.json")
        row = _row(wish, _store(wish, kept))
    else:
        _require_small(signed.envelope)
        row = _row(wish, _store(wish, wish.document, said.sha256))
        row.statement = signed.envelope.decode()
    row.outcome = outcome
    row.predicate_type = said.predicate_type
    row.signer = signed.signer
    return row


def _require_about(version: ModelVersion, said: in_toto.Statement) -> None:
    files = version.version_artifacts.filter(role="model")
    digests = {version.sha256, *files.values_list("artifact__sha256", flat=True)}
    if not digests & said.sha256:
        raise Refused(
            {
                "envelope": [
                    _(
                        "The signed statement is not about this version: it names "
                        "neither %(digest)s nor its model file."
                    )
                    % {"digest": version.sha256}
                ]
            }
        )


def _refuse_own_signer(version: ModelVersion, signed: Signed) -> None:
    """Whoever has a hand in the version must not choose who vouches for it."""
    chosen_by = signed.signer.registered_by
    what = hands_in(version).get(str(chosen_by.pk))
    if what is not None:
        raise OwnWork(
            _("%(name)s %(what)s and registered this signer.")
            % {"name": chosen_by.printed_name, "what": what}
        )


def _outcome(kind: EvidenceType, said: in_toto.Statement) -> Outcome:
    """The verdict that is signed; what the signer did not say, nobody says for them.

    Our own predicate names the type of evidence. An independent party must name it:
    else a signed test result could be handed in as a validation report.
    """
    if said.predicate_type != PREDICATE:
        if kind.independent:
            raise Refused(
                {
                    "kind": [
                        _("For this type the signed statement must be a %(predicate)s.")
                        % {"predicate": PREDICATE}
                    ]
                }
            )
        return _SAID[said.verdict]
    if said.predicate.get("kind") != kind.name:
        told = _("The signed statement is about another type of evidence.")
        raise Refused({"kind": [told]})
    if said.predicate.get("outcome") not in Outcome.values:
        names = ", ".join(Outcome.values)
        told = _("The predicate's outcome is none of: %(names)s.") % {"names": names}
        raise Refused({"envelope": [told]})
    return Outcome(said.predicate["outcome"])


def _require_small(envelope: bytes) -> None:
    if len(envelope) > MAX_ENVELOPE_BESIDE:
        raise Refused(
            {
                "envelope": [
                    _("Beside a document an envelope may have %(limit)s KiB.")
                    % {"limit": MAX_ENVELOPE_BESIDE // 1024}
                ]
            }
        )


def _store(
    wish: _Wish, document: Document, named: frozenset[str] | None = None
) -> Artifact:
    """Keep the bytes; when `named` is given, only if it holds their digest."""

    def accept(path: Path, found: Detected) -> None:
        if found.format not in FORMATS:
            raise _bad_file(_("Documents are PDF, JSON, CSV or plain text files."))
        if named is not None and _digest_of(path) not in named:
            raise _bad_file(_("The signed statement does not name this document."))

    try:
        return artifacts.store(
            chunks=_limited(document.chunks),
            file_name=document.file_name,
            as_model=False,
            accept=accept,
            right=RIGHT,
            by=wish.by,
            at=wish.at,
        )
    except UnsupportedArtifact as error:
        raise _bad_file(
            _("Documents are PDF, JSON, CSV or plain text files.")
        ) from error


def _bad_file(sentence: str) -> Refused:
    return Refused({"file": [sentence]})


def _limited(chunks: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > MAX_DOCUMENT_BYTES:
            raise artifacts.TooLarge(
                _("The file is larger than %(limit)s MiB.")
                % {"limit": MAX_DOCUMENT_BYTES // 2**20}
            )
        yield chunk


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return sha256_of_chunks(iter(lambda: file.read(_CHUNK), b""))[0]


def _row(wish: _Wish, artifact: Artifact) -> ForeignEvidence:
    claim = wish.claim
    return ForeignEvidence(
        version=wish.version,
        kind=claim.kind,
        title=claim.title.strip(),
        artifact=artifact,
        produced_by=claim.produced_by.strip(),
        produced_on=claim.produced_on,
        tool=claim.tool.strip(),
        attached_by=wish.by,
        attached_at=wish.at,
    )


def _first(row: ForeignEvidence) -> ForeignEvidence | None:
    """The row that says the same already.

    One envelope is attached to a version once: with other words about it, or beside
    another document, it is refused. Raises `AlreadyRegistered`.
    """
    same = {
        name: getattr(row, name)
        for name in ("kind", "title", "produced_by", "produced_on", "tool", "artifact")
    }
    twins = ForeignEvidence.objects.filter(version=row.version, signer=row.signer)
    if row.signer is None:
        return twins.filter(
            **same, outcome=row.outcome, attached_by=row.attached_by
        ).first()
    twin = _of_envelope(twins, row).first()
    if twin is None or all(getattr(twin, n) == value for n, value in same.items()):
        return twin
    told = _("This envelope is attached already, as %(title)s.") % {"title": twin.title}
    raise AlreadyRegistered({"envelope": [told]})


def _of_envelope(
    rows: QuerySet[ForeignEvidence], row: ForeignEvidence
) -> QuerySet[ForeignEvidence]:
    if not row.statement:
        envelope, digest = envelope_text(row), row.artifact.sha256
    else:
        envelope, digest = row.statement, sha256_hex(row.statement.encode())
    return rows.filter(Q(statement=envelope) | Q(artifact__sha256=digest, statement=""))


def _insert(row: ForeignEvidence) -> ForeignEvidence:
    row.record_sha256 = record_digest(row)
    valid(row, unset=("signer",) if row.signer is None else ())
    row.save(force_insert=True)
    return row

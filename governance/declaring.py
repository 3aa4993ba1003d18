"""Declaring: a person states something in the form of its kind, and signs it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast

from django.db.models import F
from django.utils.translation import gettext as _
from jsonschema import ValidationError

from audits.models import ForeignEvidence
from governance import duties, roles, signatures
from governance.declarable import KINDS, Kind
from governance.evidence_types import EVIDENCE_TYPES
from governance.models import Declaration
from governance.records import Refused, insert, require_printable, valid
from governance.separation import hands_in
from registry.digests import sha256_of_json
from registry.models import Dataset, ModelVersion, RegisteredModel, Role, User

RIGHT = "declare"


class OwnWork(roles.NotAllowed):
    """Whoever builds or owns a model cannot vouch for it."""

    field = "kind"


@dataclass(frozen=True)
class Subject:
    """What a declaration is about: one of three things, or the whole installation."""

    model: RegisteredModel | None = None
    version: ModelVersion | None = None
    dataset: Dataset | None = None

    @property
    def kind(self) -> str:
        """The word for it, as kinds of declarations list it."""
        for name in ("version", "model", "dataset"):
            if getattr(self, name) is not None:
                return name
        return "installation"

    @property
    def about_model(self) -> RegisteredModel | None:
        """The model whose scope applies."""
        return self.version.model if self.version is not None else self.model

    @property
    def name(self) -> str:
        """The thing in the words of the statement."""
        if self.version is not None:
            return _("%(model)s, version %(version)s (SHA-256 %(digest)s)") % {
                "model": self.version.model.name,
                "version": self.version.version,
                "digest": self.version.sha256,
            }
        if self.model is not None:
            return self.model.name
        if self.dataset is not None:
            return _("the data set %(name)s") % {"name": self.dataset.name}
        return _("this installation")

    def digest(self) -> dict[str, str | None]:
        """What ties the declaration to its subject."""
        return {
            "model": str(self.model.pk) if self.model else None,
            "version": str(self.version.pk) if self.version else None,
            "version_sha256": self.version.sha256 if self.version else None,
            "dataset": str(self.dataset.pk) if self.dataset else None,
        }


@signatures.signed_act
def declare(
    *,
    kind: str,
    fields: Mapping[str, Any],
    proof: signatures.Proof,
    by: User,
    at: datetime,
    model: RegisteredModel | None = None,
    version: ModelVersion | None = None,
    dataset: Dataset | None = None,
    attachment: ForeignEvidence | None = None,
    valid_until: date | None = None,
) -> Declaration:
    """State something about one thing, and sign it; the newest of its kind counts.

    Only people in the roles of its kind may; nobody with a hand in a version declares
    what an independent party must (decisions.md 3.4). `fields` must fit the schema of
    the kind. Raises `NotAllowed`, `OwnWork`, `Refused`, `AlreadyRegistered`,
    `signatures.WrongPassword` and `LockedOut`.
    """
    found = _kind(kind)
    subject = Subject(model, version, dataset)
    roles.require_person(by)
    roles.require(by, RIGHT, model=subject.about_model)
    role = _role(found, by)
    _check_subject(found, subject, [model, version, dataset])
    if EVIDENCE_TYPES[kind].independent and version is not None:
        _refuse_own_work(version, by)
    _check_fields(found, fields, at)
    _check_auditor(found, fields, subject)
    _check_links(subject, attachment, valid_until, at)
    row = Declaration(
        kind=kind,
        model=model,
        version=version,
        dataset=dataset,
        person=_person(found, fields, by),
        fields=dict(fields),
        attachment=attachment,
        valid_until=valid_until,
        role=role,
        made_by=by,
        made_at=at,
    )
    return _sign(row, found, subject, proof)


def _kind(name: str) -> Kind:
    found = KINDS.get(name)
    if found is None:
        raise Refused({"kind": [_("Nobody declares evidence of this type.")]})
    return found


def _role(kind: Kind, by: User) -> Role:
    """The role in which this person declares. Raises `NotAllowed`."""
    held = roles.roles_of(by)
    role = next((role for role in kind.signed_by if role in held), None)
    if role is None:
        names = ", ".join(str(role.label) for role in kind.signed_by)
        raise roles.NotAllowed(
            _("“%(kind)s” is declared by one of these roles: %(roles)s.")
            % {"kind": kind.title, "roles": names}
        )
    return role


def may_declare(kind: Kind, by: User) -> bool:
    """Whether the person holds a role that may declare this kind."""
    return not by.is_machine and bool(roles.roles_of(by) & set(kind.signed_by))


def _check_subject(kind: Kind, subject: Subject, given: list[object | None]) -> None:
    if sum(thing is not None for thing in given) > 1:
        raise Refused({"kind": [_("A declaration is about one thing.")]})
    if subject.kind not in kind.about:
        raise Refused({"kind": [_("This kind is not declared about such a thing.")]})
    # Locked: two declarations at once get two numbers, one after the other.
    for row in (subject.model, subject.version, subject.dataset):
        if row is not None:
            type(row)._default_manager.select_for_update().get(pk=row.pk)


def _refuse_own_work(version: ModelVersion, by: User) -> None:
    what = hands_in(version).get(str(by.pk))
    if what is not None:
        raise OwnWork(
            _("%(name)s %(what)s and cannot vouch for it.")
            % {"name": by.printed_name, "what": what}
        )


def _check_fields(kind: Kind, fields: Mapping[str, Any], at: datetime) -> None:
    errors = list(_missing(kind, fields))
    if not errors:
        found = kind.validator.iter_errors(dict(fields))
        errors = [_sentence(error) for error in found]
    if not errors:
        _require_printable(kind, fields)
        errors = list(_unusable(kind, fields, at))
    if errors:
        told: dict[str, list[str]] = {}
        for name, text in errors:
            told.setdefault(f"fields/{name}" if name else "fields", []).append(text)
        raise Refused(told)


def _check_auditor(kind: Kind, fields: Mapping[str, Any], subject: Subject) -> None:
    """Rule 13: an audit under Local Law 144 is by nobody of ours, nor of the vendor."""
    model = subject.about_model
    if kind.name not in duties.LL144_EVIDENCE or model is None:
        return
    email = fields.get("auditor_email", "")
    because = duties.ll144_auditor(name=fields["auditor"], email=email, model=model)
    if because is not None:
        raise Refused({"fields/auditor": [because]})


def _require_printable(kind: Kind, fields: Mapping[str, Any]) -> None:
    require_printable(
        {
            f"fields/{field.name}": _flat(str(fields[field.name]), field.type)
            for field in kind.fields
            if isinstance(fields.get(field.name), str)
        }
    )


def _flat(text: str, kind: str) -> str:
    """Only long texts have lines and tabs."""
    return " ".join(text.split()) if kind == "text" else text


def _missing(kind: Kind, fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Fields that lack, and fields that are none of the kind's."""
    for field in kind.fields:
        if not field.optional and field.name not in fields:
            yield field.name, _("This field is required.")
    for name in fields:
        if kind.field(name) is None:
            # A stranger's name is shown as far as any reader can show it.
            shown = name.encode("ascii", "replace").decode()[:80]
            yield shown, _("There is no such field.")


def _sentence(error: ValidationError) -> tuple[str, str]:
    """The field that an error is about, and a sentence for people."""
    name = str(error.absolute_path[0]) if error.absolute_path else ""
    sentences = {
        "minLength": _("This field is required."),
        "enum": _("This is not one of the choices."),
        "format": _("Use a day such as 2026-11-21."),
        "pattern": _("The form is wrong."),
        "minimum": _("The number is too small."),
        "maximum": _("The number is too large."),
    }
    known_sentence = sentences.get(str(error.validator))
    return name, known_sentence or _("This value is of the wrong kind.")


def _unusable(
    kind: Kind, fields: Mapping[str, Any], at: datetime
) -> Iterator[tuple[str, str]]:
    """What the schema allows and nobody could mean."""
    if kind.dated and _day(fields, kind.dated) > (at + timedelta(hours=14)).date():
        yield kind.dated, _("This day is yet to come.")
    for name, value in fields.items():
        blank = isinstance(value, str) and not value.strip()
        if blank:
            yield name, _("This field is required.")
    first, last = fields.get("period_from"), fields.get("period_until")
    if first and last and first > last:
        yield "period_until", _("The period ends before it begins.")
    if kind.per == "person" and _named(fields) is None:
        yield "person", _("There is no such person.")


def _day(fields: Mapping[str, Any], name: str) -> date:
    return date.fromisoformat(fields[name])


def _named(fields: Mapping[str, Any]) -> User | None:
    return User.objects.filter(username=fields["person"], is_machine=False).first()


def _person(kind: Kind, fields: Mapping[str, Any], by: User) -> User | None:
    if kind.per == "signer":
        return by
    return _named(fields) if kind.per == "person" else None


def _check_links(
    subject: Subject,
    attachment: ForeignEvidence | None,
    valid_until: date | None,
    at: datetime,
) -> None:
    if valid_until is not None and valid_until < at.date():
        raise Refused({"valid_until": [_("This day is past.")]})
    if attachment is None:
        return
    model, of = subject.about_model, attachment.version
    if model is None or of.model_id != model.pk:
        raise Refused({"attachment": [_("The attachment is about another model.")]})
    if subject.version is not None and of.pk != subject.version.pk:
        raise Refused({"attachment": [_("The attachment is about another version.")]})


def _sign(
    row: Declaration, kind: Kind, subject: Subject, proof: signatures.Proof
) -> Declaration:
    """Number the row, bind it by its digest, store it, and sign it."""
    same = Declaration.objects.filter(
        kind=row.kind,
        model=row.model,
        version=row.version,
        dataset=row.dataset,
        person=row.person,
    )
    last = same.order_by(F("sequence").desc()).values_list("sequence", flat=True)
    row.sequence = (last.first() or 0) + 1
    row.record_sha256 = record_digest(row, subject)
    row.statement = statement(row, kind, subject)
    unset = [
        name
        for name in ("model", "version", "dataset", "person", "attachment")
        if getattr(row, name) is None
    ]
    valid(row, unset=unset)
    taken = {"kind": [_("The same was declared at the same moment; look again.")]}
    insert(row, taken)
    signatures.sign_record(
        record_type="declaration",
        record_id=row.pk,
        subject_sha256=row.record_sha256,
        statement=row.statement,
        role=cast(Role, row.role),
        meaning=kind.meaning,
        proof=proof,
        by=row.made_by,
        at=row.made_at,
    )
    return row


def record_digest(row: Declaration, subject: Subject) -> str:
    """SHA-256 that ties kind, subject, fields, author and time to each other."""
    return sha256_of_json(
        {
            **subject.digest(),
            "kind": row.kind,
            "person": str(row.person_id) if row.person_id else None,
            "fields": row.fields,
            "attachment_sha256": row.attachment.record_sha256
            if row.attachment
            else None,
            "valid_until": row.valid_until.isoformat() if row.valid_until else None,
            "role": str(row.role),
            "made_by": str(row.made_by_id),
            "made_at": row.made_at.isoformat(),
            "sequence": row.sequence,
        }
    )


def statement(row: Declaration, kind: Kind, subject: Subject) -> str:
    """The exact sentence that the person signs (21 CFR 11.50)."""
    return _(
        "I, %(name)s, acting as %(role)s, declare about %(subject)s what stands in the "
        "record “%(kind)s” (SHA-256 %(digest)s), and vouch for its being true."
    ) % {
        "name": row.made_by.printed_name,
        "role": Role(row.role).label,
        "subject": subject.name,
        "kind": kind.title,
        "digest": row.record_sha256,
    }

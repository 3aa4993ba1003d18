"""The EU declaration of conformity: the eight points of Annex V, and what is missing.

Article 47 wants it machine readable and signed; it is the declaration that a person
signed in Freigabe. Without it, or without a passed conformity assessment, the paper
says that it is no declaration.
"""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from governance.declarable import KINDS
from governance.dossier.annex_iv import Missing, counting, signers_of
from governance.dossier.content import Content
from governance.dossier.reading import answers, in_words, is_high_risk
from governance.dossier.verdicts import Declared, Signed

KIND = "declaration_of_conformity"
ASSESSMENT = "conformity_assessment"
REGISTRATION = "eu_db_registration"


@dataclass(frozen=True)
class Item:
    """A point of Annex V: its number and title as declared, and what was declared."""

    name: str
    title: str
    text: str


@dataclass(frozen=True)
class Conformity:
    """The declaration; it is complete when nothing is missing."""

    system: str
    version: str
    version_sha256: str
    items: tuple[Item, ...]
    procedure: str
    assessed_on: str
    certificate: str
    registration: str
    signatures: tuple[Signed, ...]
    signers: str
    missing: tuple[Missing, ...]

    @property
    def complete(self) -> bool:
        """Whether it may be used as a declaration."""
        return not self.missing


def conformity_of(said: Content) -> Conformity | None:
    """The declaration; None unless the record says that the system is high-risk."""
    if not is_high_risk(said):
        return None
    row, assessed = counting(said, KIND), counting(said, ASSESSMENT)
    stated, shown = answers(row), in_words(row)
    return Conformity(
        system=said.inventory.name,
        version=said.version.version,
        version_sha256=said.version.sha256,
        items=tuple(
            Item(field.name, field.title, shown.get(field.name, ""))
            for field in KINDS[KIND].fields
        ),
        procedure=in_words(assessed).get("route", ""),
        assessed_on=answers(assessed).get("completed_on", ""),
        certificate=answers(assessed).get("certificate", ""),
        registration=answers(counting(said, REGISTRATION)).get("number", ""),
        signatures=row.signatures if row else (),
        signers=signers_of(KIND),
        missing=_missing(said, row, stated, assessed),
    )


def _missing(
    said: Content,
    row: Declared | None,
    stated: dict[str, str],
    assessed: Declared | None,
) -> tuple[Missing, ...]:
    who = signers_of(KIND)
    found = [
        Missing(field.title, who)
        for field in KINDS[KIND].fields
        if not stated.get(field.name)
    ]
    if row is not None and not any(s.holds for s in row.signatures):
        found.append(Missing(_("a signature that holds"), who))
    if stated.get("sole_responsibility") == "false":
        found.append(Missing(_("the statement of sole responsibility"), who))
    found += _not_assessed(answers(assessed))
    if not answers(counting(said, REGISTRATION)).get("number"):
        found.append(Missing(KINDS[REGISTRATION].title, signers_of(REGISTRATION)))
    return tuple(found)


def _not_assessed(assessed: dict[str, str]) -> list[Missing]:
    """Articles 43 and 44: passed; with a certificate of the notified body."""
    who = signers_of(ASSESSMENT)
    if assessed.get("outcome") != "passed":
        return [Missing(_("a conformity assessment that was passed"), who)]
    if assessed.get("route") == "annex-vii" and not assessed.get("certificate"):
        return [Missing(_("the certificate of the notified body"), who)]
    return []

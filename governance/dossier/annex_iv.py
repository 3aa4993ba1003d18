"""The coverage of Annex IV: each point with our answers, or what is missing and who
can supply it."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from governance.declarable import KINDS
from governance.dossier.annex_facts import FACTS, Answer
from governance.dossier.annex_points import HEADINGS, POINTS, Part, Point
from governance.dossier.content import Content
from governance.dossier.reading import answers, in_words
from governance.dossier.topics import DECLARED, TOLD
from governance.dossier.verdicts import Declared
from registry.models import Role

DOCUMENT = "annex_iv_document"


@dataclass(frozen=True)
class Missing:
    """What is missing on a point, and who can supply it."""

    what: str
    who: str


@dataclass(frozen=True)
class Covered:
    """A point with its coverage: answered, partly, stated or missing.

    "stated": only the declared technical documentation speaks about it.
    """

    number: str
    asks: str
    coverage: str
    answers: tuple[Answer, ...]
    missing: tuple[Missing, ...]

    @property
    def told_in(self) -> tuple[str, ...]:
        """The sections with the answers, each once."""
        return tuple(dict.fromkeys(answer.section for answer in self.answers))

    @property
    def word(self) -> str:
        """The coverage in words."""
        return {
            "answered": _("answered"),
            "partly": _("answered in part"),
            "stated": _("stated in the declared documentation only"),
            "missing": _("missing"),
        }[self.coverage]


@dataclass(frozen=True)
class Heading:
    """One of the nine points with its sub-points and the declared text about it."""

    number: str
    title: str
    stated: str
    points: tuple[Covered, ...]


def coverage_of(said: Content) -> tuple[Heading, ...]:
    """All nine points, in the order of the annex."""
    document = counting(said, DOCUMENT)
    stated = answers(document)
    return tuple(
        Heading(
            number,
            _(title),
            stated.get(field, ""),
            tuple(
                _covered(said, point, document, stated.get(field, ""))
                for point in POINTS
                if point.number.partition("(")[0] == number
            ),
        )
        for number, title, field in HEADINGS
    )


def counting(said: Content, kind: str) -> Declared | None:
    """The declaration of a kind that is not over at the moment of the dossier."""
    day = said.control.as_of.date()
    return next(
        (
            row
            for row in said.declarations
            if row.kind == kind and (row.valid_until is None or row.valid_until >= day)
        ),
        None,
    )


def _covered(
    said: Content, point: Point, document: Declared | None, stated: str
) -> Covered:
    found = [(part, _answer(said, part)) for part in point.parts]
    given = [answer for _part, answer in found if answer is not None]
    missing = [_missing(said, part) for part, answer in found if answer is None]
    coverage = "answered"
    if missing or not point.parts:
        coverage = "partly" if given else "stated" if stated else "missing"
    if document is not None and stated:
        given.append(_stated(said, document, stated))
    elif not point.parts:
        missing.append(_missing(said, Part("declared", DOCUMENT)))
    return Covered(point.number, _(point.asks), coverage, tuple(given), tuple(missing))


def _answer(said: Content, part: Part) -> Answer | None:
    if part.kind == "fact":
        return FACTS[part.name].find(said)
    return _recorded(said, part) if part.kind == "field" else _declared(said, part)


def _recorded(said: Content, part: Part) -> Answer | None:
    for place, field in enumerate(said.inventory.fields):
        if field.name == part.name and field.value:
            where = f"/inventory/fields/{place}/value"
            return Answer(field.label, field.value, _telling(TOLD, part.name), where)
    return None


def _declared(said: Content, part: Part) -> Answer | None:
    row = counting(said, part.name)
    if row is None or (part.field and part.field not in answers(row)):
        return None
    text = in_words(row)[part.field] if part.field else _("declared and signed")
    section = _telling(DECLARED, part.name, "annexes")
    return Answer(_titled(part), text, section, _pointer(said, row))


def _stated(said: Content, document: Declared, text: str) -> Answer:
    section = _telling(DECLARED, DOCUMENT, "annexes")
    return Answer(document.title, text, section, _pointer(said, document))


def _telling(
    places: Mapping[str, tuple[str, ...]], name: str, other: str = "inventory"
) -> str:
    """The section that prints a field or a declaration."""
    return next((place for place, names in places.items() if name in names), other)


def _pointer(said: Content, row: Declared) -> str:
    return f"/declarations/{said.declarations.index(row)}"


def _titled(part: Part) -> str:
    kind = KINDS[part.name]
    titles = {field.name: field.title for field in kind.fields}
    return f"{kind.title}: {titles[part.field]}" if part.field else kind.title


def _missing(said: Content, part: Part) -> Missing:
    if part.kind == "fact":
        return Missing(str(FACTS[part.name].title), str(FACTS[part.name].who))
    if part.kind == "field":
        label = next(f.label for f in said.inventory.fields if f.name == part.name)
        return Missing(label, _("the owner, in the inventory record"))
    return Missing(_titled(part), signers_of(part.name))


def signers_of(kind: str) -> str:
    """Who may declare a kind, in words."""
    roles = ", ".join(str(Role(role).label) for role in KINDS[kind].signed_by)
    return _("to be declared and signed by: %(roles)s") % {"roles": roles}

"""Editions for outside readers: values withheld, each with a commitment to it.

Fail closed: a name that is withheld in one place is withheld wherever it stands, with
the whole text around it, and originals that may say it are not attached.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audits import commitments
from audits.charts import Chart
from audits.offline.disclosure import FORMAT
from governance.dossier.content import Field, Trail, document_of
from registry.digests import sha256_hex

PEOPLE, ADDRESSES, TEXTS = "people", "addresses", "texts"
CATEGORIES = {
    PEOPLE: gettext_lazy("Names of people"),
    ADDRESSES: gettext_lazy("Addresses"),
    TEXTS: gettext_lazy("Texts that people wrote"),
}
_PERSON = re.compile(r"(\w+_(by|for)|owner|developer|validator|printed_name|actor)")
_NO_PERSON = frozenset({"used_by", "replaced_by"})
_ADDRESS_FIELDS = frozenset({"uri", "code_repository", "source"})
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.\w|\w://")
_TEXT_FIELDS = frozenset(
    {
        "adjustments",
        "changed",
        "changes",
        "comment",
        "compensating_controls",
        "corrective_action",
        "description",
        "ended",
        "expertise",
        "impact",
        "incident",
        "independence",
        "mitigations",
        "note",
        "notes",
        "outcome_reason",
        "override_reason",
        "plan_to_close",
        "protocol",
        "question",
        "rationale",
        "reason",
        "reported",
        "review",
        "risk_statement",
        "root_cause",
        "statement",
        "text",
    }
)
# Places in plain tuples that hold what a field of that name would.
_PLACES = {
    "fields": {0: "title", 1: "text"},
    "values": {0: "title", 1: "text", 2: "text"},
    "changes": {0: "state", 1: "reason", 2: "changed_by"},
}
_SHORTEST_NAME = 3  # characters: shorter ones stand inside of words
# Sentences of ours that may quote what people wrote elsewhere.
_QUOTING = frozenset({"because", "observed", "outcome", "reasons"})
# Where a Vega-Lite specification holds words of ours or of strangers.
_TOLD_BY_CHARTS = frozenset({"data", "datasets", "domain", "sort", "title", "values"})


class Withheld(str):
    """A text on paper in the place of a value; dossier.json has the commitment."""

    __slots__ = ("commitment",)
    commitment: str

    @classmethod
    def of(cls, commitment: str) -> "Withheld":
        """The words for it: the commitment's beginning tells two apart."""
        words = cls(_("withheld ‹%(digest)s›") % {"digest": commitment[:12]})
        words.commitment = commitment
        return words

    def __deepcopy__(self, _memo: Any) -> "Withheld":
        """A value; `asdict` copies."""
        return self


@dataclass(frozen=True)
class Edition:
    """The content with values withheld, and what stands behind the commitments."""

    content: Any
    disclosed: tuple[dict[str, str], ...]

    def disclosure(self) -> bytes:
        """All values and salts, for insiders: `python -m audits.offline` reads it."""
        document = document_of(self.content)
        return json.dumps(
            {
                "format": FORMAT,
                "document_sha256": sha256_hex(document),
                "document": document.decode(),
                "disclosed": list(self.disclosed),
            },
            ensure_ascii=False,
        ).encode()


def edition_of(content: Any, categories: set[str], *, seed: bytes) -> Edition:
    """Withhold these categories. The same content and seed give the same edition."""
    walker = _walker(content, categories, seed)
    redacted = walker.walk(content, "", "")
    return Edition(redacted, tuple(walker.disclosed))


def may_go_out(content: Any, categories: set[str], document: str) -> bool:
    """Whether a JSON document has no name and no address that is withheld.

    For documents that engines wrote: texts that people wrote are not in them.
    """
    walker = _walker(content, categories - {TEXTS}, b"")
    return not walker.hides_in(json.loads(document))


def _walker(content: Any, categories: set[str], seed: bytes) -> "_Walker":
    names = frozenset(_names(content)) if PEOPLE in categories else frozenset()
    texts = _texts(content) if TEXTS in categories else frozenset()
    return _Walker(frozenset(categories), names, seed, texts)


def _names(node: Any) -> Iterator[str]:
    """Every name of a person, wherever a field is for one."""
    if isinstance(node, Field) and _is_person(node.name):
        yield from _whole(node.value)
    elif is_dataclass(node) and not isinstance(node, Chart):
        for field in fields(node):
            value = getattr(node, field.name)
            if isinstance(value, str) and _is_person(field.name):
                if field.name != "actor":  # also a worker, whose name is a word
                    yield from _whole(value)
            else:
                yield from _names(value)
    elif isinstance(node, tuple):
        for item in node:
            yield from _names(item)


def _whole(name: str) -> Iterator[str]:
    """A name and its parts, so that the family name alone is found too."""
    for part in (name, *name.split()):
        if len(part) >= _SHORTEST_NAME:
            yield part


def _texts(content: Any) -> frozenset[str]:
    """What people wrote, of more than a word: that is known again in a quotation."""
    walker = _Walker(frozenset({TEXTS}), frozenset(), b"")
    walker.walk(content, "", "")
    return frozenset(item["value"] for item in walker.disclosed if " " in item["value"])


def _plain(node: tuple[Any, ...]) -> bool:
    return bool(node) and isinstance(node[0], str)


def _is_person(name: str) -> bool:
    return bool(_PERSON.fullmatch(name)) and name not in _NO_PERSON


class _Walker:
    def __init__(
        self,
        categories: frozenset[str],
        names: frozenset[str],
        seed: bytes,
        texts: frozenset[str] = frozenset(),
    ) -> None:
        self._categories = categories
        self._seed = seed
        self._texts = texts
        alternatives = "|".join(re.escape(name) for name in sorted(names))
        self._named = re.compile(rf"\b({alternatives})\b") if names else None
        self.disclosed: list[dict[str, str]] = []

    def walk(self, node: Any, pointer: str, name: str) -> Any:
        """The same tree with values withheld; checkpoints stay whole."""
        if isinstance(node, Field):
            value = self.walk(node.value, f"{pointer}/value", node.name)
            return replace(node, value=value)
        if isinstance(node, Chart):
            return self._chart(node, pointer)
        if is_dataclass(node) and not isinstance(node, type):
            changed = {
                field.name: self.walk(
                    getattr(node, field.name), f"{pointer}/{field.name}", field.name
                )
                for field in fields(node)
                if not self._public(node, field.name)
            }
            return replace(node, **changed)
        if isinstance(node, tuple):
            named = _PLACES.get(name, {}) if _plain(node) else {}
            return tuple(
                self.walk(item, f"{pointer}/{place}", named.get(place, name))
                for place, item in enumerate(node)
            )
        if isinstance(node, str) and node and self._hides(node, name):
            return self._withheld(node, pointer)
        return node

    def hides_in(self, node: Any) -> bool:
        """Whether plain JSON has a text that is withheld; schemas are public."""
        if isinstance(node, dict):
            return any(
                self.hides_in(key) or self.hides_in(value)
                for key, value in node.items()
                if key != "$schema"
            )
        if isinstance(node, list):
            return any(self.hides_in(item) for item in node)
        return isinstance(node, str) and self._hides(node, "")

    def _chart(self, chart: Chart, pointer: str) -> Chart:
        """The chart with the same marks, and other words where they are withheld."""
        told = {
            name: self._drawn(getattr(chart, name), f"{pointer}/{name}", told=True)
            for name in ("title", "alt", "head", "rows")
        }
        spec = self._drawn(chart.spec, f"{pointer}/spec", told=False)
        return replace(chart, spec=spec, **told)

    def _drawn(self, node: Any, pointer: str, *, told: bool) -> Any:
        """A part of a chart; what is not `told` to its readers is its grammar."""
        if isinstance(node, dict):
            return {
                key: self._drawn(
                    value,
                    f"{pointer}/{commitments.token(key)}",
                    told=told or key in _TOLD_BY_CHARTS,
                )
                for key, value in node.items()
            }
        if isinstance(node, (list, tuple)):
            return type(node)(
                self._drawn(item, f"{pointer}/{place}", told=told)
                for place, item in enumerate(node)
            )
        return self.walk(node, pointer, "") if told else node

    @staticmethod
    def _public(node: Any, name: str) -> bool:
        """What every reader needs to check the rest."""
        checked = ("origin", "vkey", "note", "root_hash", "attachment")
        return name in ("instance", "log_origin", "attachments") or (
            isinstance(node, Trail) and name in checked
        )

    def _hides(self, text: str, name: str) -> bool:
        if PEOPLE in self._categories and (
            _is_person(name)
            or (name == "about" and ", " in text)
            or (self._named and self._named.search(text))
        ):
            return True
        if ADDRESSES in self._categories and (
            name in _ADDRESS_FIELDS or _ADDRESS.search(text)
        ):
            return True
        if TEXTS not in self._categories:
            return False
        quotes = name in _QUOTING and any(said in text for said in self._texts)
        return quotes or name in _TEXT_FIELDS

    def _withheld(self, text: str, pointer: str) -> Withheld:
        salt = commitments.salt_of(self._seed, pointer)
        self.disclosed.append({"pointer": pointer, "salt": salt.hex(), "value": text})
        return Withheld.of(commitments.commit(salt, text))

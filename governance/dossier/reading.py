"""How exports read the content: fields by name, ids, instants, numbers, one line."""

from datetime import UTC, datetime
from uuid import UUID, uuid5

from governance.dossier.content import Content, Field
from governance.dossier.verdicts import Declared
from registry.digests import canonical_json

HIGH_RISK = ("high-annex-i", "high-annex-iii")


def record(said: Content) -> dict[str, Field]:
    """The fields of the inventory record by their names."""
    return {field.name: field for field in said.inventory.fields}


def words(said: Content, *names: str) -> list[str]:
    """What the inventory record says in these fields, without the empty ones."""
    known = record(said)
    return [known[name].value for name in names if known[name].value]


def is_high_risk(said: Content) -> bool:
    """Whether the record puts the system into a high-risk class of the AI Act."""
    return record(said)["ai_act_class"].code in HIGH_RISK


def declared(said: Content, kind: str) -> Declared | None:
    """The declaration of a kind; of several subjects the first."""
    return next((row for row in said.declarations if row.kind == kind), None)


def answers(row: Declared | None) -> dict[str, str]:
    """What is stored of a declaration, by the names of its fields."""
    return {name: stored for name, stored, _words in row.values} if row else {}


def in_words(row: Declared | None) -> dict[str, str]:
    """The same as people read it."""
    return {name: shown for name, _stored, shown in row.values} if row else {}


def uuid_in(said: Content, *parts: str) -> str:
    """An id of something in this dossier: the same in every build of it (UUID 5)."""
    return str(uuid5(UUID(said.control.dossier_id), "\x1f".join(parts)))


def second(at: datetime) -> str:
    """An instant in UTC to the second, which every format takes."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def number(value: float | int) -> str:
    """A number written as in dossier.json."""
    return canonical_json(value).decode()


def line(text: str, longest: int = 0) -> str:
    """A text on one line, cut to `longest` characters; a dash where it is empty."""
    flat = " ".join(text.split())
    if longest and len(flat) > longest:
        flat = flat[: longest - 1] + "…"
    return flat or "–"


def address(said: Content) -> str:
    """The page of the version in the installation."""
    version = f"{said.inventory.slug}/versions/{said.version.version}"
    return f"{said.control.instance.rstrip('/')}/models/{version}/"


def config_of(pairs: tuple[tuple[str, str], ...], name: str) -> str:
    """One setting of an evidence run, empty where it has none."""
    return dict(pairs).get(name, "")


def task_of(said: Content) -> str:
    """What the version was measured as: binary, multiclass, regression or nothing."""
    asked = (config_of(item.config, "task") for item in said.evidence)
    return next((task for task in asked if task), "")

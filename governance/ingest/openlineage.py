"""An OpenLineage event, read strictly: spec 2-0-2 (openlineage.io).

The root schema's `oneOf` takes a run event without its run for a job event. So the
event's own `schemaURL` says what it is, and where that says nothing what it holds.
"""

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from governance.models import LineageEvent, LineageName
from registry.digests import sha256_hex

LARGEST = 1024 * 1024  # bytes of an event
LONGEST = 1000  # signs of a name
MOST_NAMES = 1000  # data sets of an event
TYPES = ("START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER")
FACET = "freigabe_artifact"
# Prefixes of namespaces, and what their names mean here.
OURS = {
    "models://": LineageName.Kind.MODEL,
    "datasets://": LineageName.Kind.DATASET,
}
_TIME = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,12})?(Z|[+-]\d\d:\d\d)", re.ASCII
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+")
_SHA256 = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_SIDES = {"inputs": LineageName.Side.INPUT, "outputs": LineageName.Side.OUTPUT}
_KINDS = {
    "RunEvent": LineageEvent.Kind.RUN,
    "JobEvent": LineageEvent.Kind.JOB,
    "DatasetEvent": LineageEvent.Kind.DATASET,
}
Kind = LineageEvent.Kind
Json = Mapping[str, Any]


class NotUnderstood(Exception):
    """This is no OpenLineage event; `field` says where, as a path without its root."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class TooLarge(Exception):
    """More than a client sends at once; it is not read to its end."""


@dataclass(frozen=True)
class Thing:
    """A model or data that a run read or wrote; see the fields of `LineageName`."""

    side: str
    kind: str
    namespace: str
    name: str
    key: str
    version: str
    sha256: str
    uri: str


@dataclass(frozen=True)
class Told:
    """An event, its JSON in one form, and the digest of that."""

    kind: str
    run_id: uuid.UUID | None
    event_type: str
    event_time: datetime
    job: str
    things: tuple[Thing, ...]
    document: str
    sha256: str


def read(event: object) -> Told:
    """Read an event; facets that nobody here knows are kept. Raises `NotUnderstood`."""
    said = _object(event, "")
    moment = _time(said)
    for name in ("producer", "schemaURL"):
        _uri(said, name, name)
    kind = _kind(said)
    ran, static = kind == Kind.RUN, kind == Kind.DATASET
    if static:
        _named(_object(said.get("dataset"), "dataset"), "dataset")
    if kind == Kind.JOB and "run" in said:
        raise NotUnderstood("run", _("A job event has no run."))
    things = () if static else tuple(dict.fromkeys(_things(said)))
    document = _written(said)
    return Told(
        kind=kind,
        run_id=_run(said) if ran else None,
        event_type=_type(said) if ran else "",
        event_time=moment,
        job="" if static else "/".join(_job(said))[:LONGEST],
        things=things if ran else (),
        document=document,
        sha256=sha256_hex(document.encode()),
    )


def _written(said: Json) -> str:
    """The event in the one form that is kept, however its sender wrote it."""
    text = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    if len(text.encode()) > LARGEST:
        raise NotUnderstood("", _("An event has at most 1 MiB."))
    return text


def _kind(said: Json) -> str:
    """By the fragment of the schema's address, else by what is there."""
    fragment = str(said["schemaURL"]).rpartition("#/$defs/")[2]
    if fragment in _KINDS:
        return _KINDS[fragment]
    if "run" in said or "eventType" in said:
        return Kind.RUN
    return Kind.DATASET if "dataset" in said else Kind.JOB


def _time(said: Json) -> datetime:
    found = said.get("eventTime")
    if isinstance(found, str) and _TIME.fullmatch(found.upper()):
        try:
            moment = datetime.fromisoformat(found.upper())
        except ValueError:
            moment = datetime.min
        # At the ends of the calendar it is in no year at all elsewhere.
        if 1970 < moment.year < 3000:
            return moment
    raise NotUnderstood(
        "eventTime", _("Give a time with its zone, such as 2026-11-21T10:00:00Z.")
    )


def _run(said: Json) -> uuid.UUID:
    run = _object(said.get("run"), "run")
    _facets(run, "facets", "run/facets")
    found = run.get("runId")
    if not isinstance(found, str) or not _UUID.fullmatch(found):
        raise NotUnderstood("run/runId", _("Must be a UUID."))
    return uuid.UUID(found)


def _type(said: Json) -> str:
    found = said.get("eventType")
    if "eventType" in said and found not in TYPES:
        names = ", ".join(TYPES)
        raise NotUnderstood(
            "eventType", _("Must be one of: %(names)s.") % {"names": names}
        )
    return str(found or "")


def _job(said: Json) -> tuple[str, str]:
    job = _object(said.get("job"), "job")
    _facets(job, "facets", "job/facets")
    return _text(job, "namespace", "job"), _text(job, "name", "job")


def _things(said: Json) -> Iterator[Thing]:
    seen = 0
    for place, side in _SIDES.items():
        rows = said.get(place, [])
        if not isinstance(rows, list):
            raise NotUnderstood(place, _("Must be a list."))
        seen += len(rows)
        if seen > MOST_NAMES:
            raise NotUnderstood(place, _("An event names at most 1000 data sets."))
        for index, row in enumerate(rows):
            where = f"{place}/{index}"
            held = _object(row, where)
            _facets(held, f"{place[:-1]}Facets", f"{where}/{place[:-1]}Facets")
            yield _thing(held, where, side)


def _thing(held: Json, where: str, side: str) -> Thing:
    namespace, name, facets = _named(held, where)
    kind, key = LineageName.Kind.ADDRESS, f"{namespace.rstrip('/')}/{name.lstrip('/')}"
    for prefix, ours in OURS.items():
        if namespace.startswith(prefix):
            kind, key = ours, name
    version = facets.get("version", {}).get("datasetVersion", "")
    artifact = facets.get(FACET, {})
    sha256 = artifact.get("sha256", "")
    match = _SHA256.fullmatch(sha256) if isinstance(sha256, str) else None
    if sha256 and not match:
        raise NotUnderstood(
            f"{where}/facets/{FACET}/sha256", _("This is no SHA-256 digest.")
        )
    uri = artifact.get("uri", "")
    return Thing(
        side=side,
        kind=kind,
        namespace=namespace,
        name=name,
        key=key,
        version=version if isinstance(version, str) and len(version) <= 200 else "",
        sha256=match[1] if match else "",
        uri=uri if isinstance(uri, str) and len(uri) <= LONGEST else "",
    )


def _named(held: Json, where: str) -> tuple[str, str, dict[str, Json]]:
    facets = _facets(held, "facets", f"{where}/facets")
    return _text(held, "namespace", where), _text(held, "name", where), facets


def _facets(holder: Json, name: str, where: str) -> dict[str, Json]:
    """Facets as the specification has them: each says who made it, and by what."""
    found = {}
    for key, facet in _object(holder.get(name, {}), where).items():
        path = f"{where}/{key.replace('~', '~0').replace('/', '~1')}"
        found[key] = _object(facet, path)
        for part in ("_producer", "_schemaURL"):
            _uri(found[key], part, f"{path}/{part}")
    return found


def _object(value: object, where: str) -> Json:
    if not isinstance(value, Mapping):
        raise NotUnderstood(where, _("Must be a JSON object."))
    return value


def _text(holder: Json, name: str, where: str) -> str:
    found = holder.get(name)
    if not isinstance(found, str) or len(found) > LONGEST:
        raise NotUnderstood(
            f"{where}/{name}",
            _("Must be text of at most %(most)s characters.") % {"most": LONGEST},
        )
    return found


def _uri(holder: Json, name: str, where: str) -> None:
    found = holder.get(name)
    if not isinstance(found, str) or not _URI.fullmatch(found):
        raise NotUnderstood(where, _("Must be an address (URI)."))


def source_of(document: str) -> tuple[str, str]:
    """Repository and commit that an event names; empty where it does not."""
    facets = json.loads(document)["job"].get("facets", {})
    place = facets.get("sourceCodeLocation", {})
    repository = place.get("repoUrl") or place.get("url") or ""
    commit = place.get("version") or ""
    return (
        repository if isinstance(repository, str) and len(repository) <= 500 else "",
        commit if isinstance(commit, str) and len(commit) <= 64 else "",
    )

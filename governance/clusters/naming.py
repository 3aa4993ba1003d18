"""Which files an object of Kubernetes runs, read from all of its specification.

Our annotations name the model file; addresses and images may carry a digest of their
own. Everything below `spec` is walked, so that no place is forgotten (standards.md
2.9): predictor, transformer, explainer, adapters, init containers, image volumes.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

DIGEST = "freigabe/artifact-sha256"
MODEL = "freigabe/model"
VERSION = "freigabe/version"
ENVIRONMENT = "freigabe/environment"
OURS = (DIGEST, MODEL, VERSION, ENVIRONMENT)
LONGEST = 200  # of what is kept
_SHA256 = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_PINNED = re.compile(r"[^@\s]+@sha256:([0-9a-f]{64})")
# Only a registry of images looks at a digest: in a bucket it is a part of the name.
_REGISTRY = "oci://"
# Of images, a volume has an object with a reference.
_KEYS = {"image": "image", "storageUri": "address", "uri": "address"}
# KServe loads from here into a pod of which nobody asked it to serve anything.
_LOADED = "internal.serving.kserve.io/storage-initializer-sourceuri"


@dataclass(frozen=True)
class Reference:
    """An address or an image; `sha256` is empty where what it holds may change."""

    text: str
    sha256: str


@dataclass(frozen=True)
class Named:
    """What an object says of the model that it runs. `faults` are sentences."""

    digests: tuple[str, ...] = ()
    model: str = ""
    version: str = ""
    environment: str = ""
    addresses: tuple[Reference, ...] = ()
    images: tuple[Reference, ...] = ()
    faults: tuple[str, ...] = ()


def named_in(content: Mapping[str, Any]) -> Named:
    """Read an object as the API server shows it; what cannot be read is a fault."""
    notes: dict[str, set[str]] = {name: set() for name in OURS}
    faults: list[str] = []
    spec, metadata = content.get("spec"), content.get("metadata")
    if not isinstance(spec, Mapping) or not isinstance(metadata, Mapping):
        return Named(faults=(_("The object has no spec or no metadata."),))
    found: list[tuple[str, str]] = []
    parts = {"metadata": metadata, "spec": spec}
    for kind, value in _walked(parts, notes, faults):
        if isinstance(value, str) and 1 <= len(value) <= 2000 and value.isprintable():
            found.append((kind, value))
        else:
            faults.append(_("An address or image in it cannot be read."))
    digests = _digests(notes[DIGEST], faults)
    one = {name: _one(name, notes[name], faults) for name in (MODEL, VERSION)}
    return Named(
        digests=digests,
        model=one[MODEL],
        version=one[VERSION],
        environment=_one(ENVIRONMENT, notes[ENVIRONMENT], faults),
        addresses=_references(found, "address"),
        images=_references(found, "image"),
        faults=tuple(dict.fromkeys(faults)),
    )


def _walked(
    parts: object, notes: dict[str, set[str]], faults: list[str]
) -> list[tuple[str, object]]:
    try:
        return list(_walk(parts, notes, faults))
    except RecursionError:
        faults.append(_("The object is nested too deep."))
        return []


def _walk(
    value: object, notes: dict[str, set[str]], faults: list[str]
) -> Iterator[tuple[str, object]]:
    """Every address and image below a value, and our annotations on the way."""
    if isinstance(value, list):
        for part in value:
            yield from _walk(part, notes, faults)
    if not isinstance(value, Mapping):
        return
    if value.get("name") == "STORAGE_URI":
        # Taken from elsewhere (`valueFrom`), it may be anything.
        yield "address", value.get("value", "STORAGE_URI")
    for name, part in value.items():
        if name == "metadata" and isinstance(part, Mapping):
            _note(part, notes, faults)
            annotations = part.get("annotations")
            if isinstance(annotations, Mapping) and _LOADED in annotations:
                yield "address", annotations[_LOADED]
        elif (kind := _KEYS.get(name)) is not None:
            yield kind, part.get("reference") if isinstance(part, Mapping) else part
        else:
            if name == "storage" and isinstance(part, Mapping):
                # A bucket by name (KServe's storage spec), each part may be left out.
                yield "address", f"storage:{part.get('key', '')}/{part.get('path', '')}"
            yield from _walk(part, notes, faults)


def _note(
    metadata: Mapping[str, Any], notes: dict[str, set[str]], faults: list[str]
) -> None:
    annotations = metadata.get("annotations") or {}
    if not isinstance(annotations, Mapping):
        faults.append(_("The annotations cannot be read."))
        return
    for name in OURS:
        value = annotations.get(name)
        if value is None:
            continue
        if isinstance(value, str) and value.strip() and value.isprintable():
            notes[name].add(value.strip())
        else:
            faults.append(_("The annotation %(name)s is empty.") % {"name": name})


def _digests(values: set[str], faults: list[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for value in sorted(values):
        for part in value.split(","):
            match = _SHA256.fullmatch(part.strip())
            if match:
                found[match[1]] = None
            else:
                faults.append(
                    _("%(value)s in %(name)s is no SHA-256 digest.")
                    % {"value": part.strip()[:80] or "–", "name": DIGEST}
                )
    return tuple(found)


def _one(name: str, values: set[str], faults: list[str]) -> str:
    if len(values) > 1 or any(len(value) > LONGEST for value in values):
        faults.append(
            _("The annotation %(name)s says different things.") % {"name": name}
        )
    return min(values)[:LONGEST] if values else ""


def _references(found: list[tuple[str, str]], kind: str) -> tuple[Reference, ...]:
    texts = dict.fromkeys(text for one, text in found if one == kind)
    return tuple(Reference(text, _digest_in(text, kind)) for text in texts)


def _digest_in(text: str, kind: str) -> str:
    match = _PINNED.fullmatch(text)
    looked_at = kind == "image" or text.startswith(_REGISTRY)
    return match[1] if match and looked_at else ""

"""OSCAL 1.2.1: what all of our documents share, and the catalogue of the rules."""

import re
from typing import Any

from governance.dossier.content import Content
from governance.dossier.exports.cyclonedx_claims import ABOVE, rulings_by_pack
from governance.dossier.reading import line, second, uuid_in
from governance.dossier.verdicts import Ruling
from registry.digests import canonical_json

VERSION = "1.2.1"
CATALOG = "oscal-catalog.json"
_NOT_TOKEN = re.compile(r"[^A-Za-z0-9._-]")


def token(text: str) -> str:
    """A text as OSCAL's token: a letter or underscore, then letters, digits, ._-"""
    found = _NOT_TOKEN.sub("-", text)
    return found if found[:1].isalpha() else f"_{found}"


def control_id(ruling: Ruling) -> str:
    """The id of a rule: with its pack, since two packs may name a rule alike."""
    return token(f"{ruling.check.pack or ABOVE}_{ruling.check.requirement}")


def metadata(said: Content, title: str) -> dict[str, Any]:
    """The head of a document; the moment of the dossier, never the clock."""
    return {
        "title": line(title),
        "last-modified": second(said.control.as_of),
        "version": second(said.control.as_of),
        "oscal-version": VERSION,
        "document-ids": [{"identifier": said.control.dossier_id}],
        "roles": [{"id": "assessor", "title": "Assessor"}],
        "parties": [
            {
                "uuid": uuid_in(said, "oscal", "party"),
                "type": "organization",
                "name": line(said.control.instance),
            }
        ],
        "responsible-parties": [
            {"role-id": "assessor", "party-uuids": [uuid_in(said, "oscal", "party")]}
        ],
    }


def about(said: Content) -> str:
    """The version that a document speaks about."""
    return f"{said.inventory.name}, version {said.version.version}"


def catalog(said: Content) -> bytes:
    """The rules that were applied, one group for each pack."""
    groups = [
        {
            "id": token(pack),
            "title": line(pack),
            "controls": [_control(rule) for rule in rules.values()],
        }
        for pack, rules in rulings_by_pack(said).items()
    ]
    document: dict[str, Any] = {
        "uuid": uuid_in(said, "oscal", "catalog"),
        "metadata": metadata(said, f"Rules applied to {about(said)}"),
    }
    if groups:
        document["groups"] = groups
    return canonical_json({"catalog": document})


def _control(ruling: Ruling) -> dict[str, Any]:
    check, where = ruling.check, control_id(ruling)
    found: dict[str, Any] = {
        "id": where,
        "title": line(check.title),
        "props": [
            {"name": "label", "value": line(check.requirement)},
            {"name": "severity", "value": line(check.severity), "ns": "urn:freigabe"},
        ],
        "parts": [
            {
                "id": f"{where}_smt",
                "name": "statement",
                "prose": ruling.text or check.title,
            }
        ],
    }
    found["props"] += [
        {
            "name": "source",
            "value": line(item.ref),
            "class": token(item.status),
            "ns": "urn:freigabe",
        }
        for item in ruling.citations
    ]
    return found

"""Check a dossier's bundle: list, files, log, permits, seal, and that all agree."""

import hashlib
import importlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from audits.bundles import DOCUMENT, EXTRACT, MANIFEST, PDF, PREDICATE, SIGNED
from audits.offline.extract import check_extract
from audits.offline.permit import (
    STATEMENT,
    check_permit,
    open_envelope,
    read_statement,
    require_window,
)
from audits.offline.report import DoesNotHold, Report
from audits.trusted import TrustedKeys

Files = Mapping[str, bytes]
Json = dict[str, Any]


def check_dossier(files: Files, keys: TrustedKeys, report: Report) -> None:
    """Check a bundle; what does not hold is in `report.found`.

    Begins with the signed list of the files: nothing else is believed before. Raises
    DoesNotHold where the list does not hold, and CannotCheck without keys.
    """
    said = _manifest(files, keys, report)
    _check_files(files, said, report)
    report.level = "dossier"
    if report.found.kept:
        report.not_checked.append(
            "what is inside the files: they are not those of the signed list, and "
            "nothing in them is believed."
        )
        return
    document = _object(files.get(DOCUMENT, b""), DOCUMENT)
    _check_document(files, said, document, report)
    # A paper for readers outside tells nothing of the log; any other has its extract.
    if EXTRACT in files or "trail" in document:
        _check_log(files, document, keys, report)
    else:
        report.not_checked.append("the log: this paper has no extract of it.")
    _check_permits(files, document, keys, report)
    _check_seal(files, said, keys, report)
    report.level = "dossier"
    report.counts = {"files": len(files)}
    report.not_checked += [
        "whether what people recorded is true: the bundle proves what was recorded, "
        "by whom and when.",
        "whether the PDF prints every number as dossier.json has it: look at them "
        "side by side where one matters to you.",
    ]


def _manifest(files: Files, keys: TrustedKeys, report: Report) -> Json:
    """The statement that a trusted key signed. Raises DoesNotHold, CannotCheck."""
    for name in (SIGNED, MANIFEST, PDF, DOCUMENT):
        if name not in files:
            raise DoesNotHold(f"The bundle has no {name}.")
    payload, names = open_envelope(_object(files[SIGNED], SIGNED), keys)
    statement = read_statement(payload)
    kind = statement.get("predicateType")
    said = statement.get("predicate")
    if statement.get("_type") != STATEMENT or kind != PREDICATE:
        raise DoesNotHold(f"The signed list is a {kind!r}, not that of a dossier.")
    if not isinstance(said, dict):
        raise DoesNotHold("The signed list has no predicate.")
    if payload != files[MANIFEST]:
        raise DoesNotHold(f"{MANIFEST} is not what was signed.")
    issued = _moment(said.get("issued_at"), "issued_at")
    require_window(names, keys, said, issued)
    report.checked.append(
        f"the list of the files, signed at {said['issued_at']} with a key that you "
        f"trust: dossier {said.get('dossier_id')} of {said.get('issuer')}, as of "
        f"{said.get('as_of')}."
    )
    return {**said, "subject": statement.get("subject")}


def _check_files(files: Files, said: Json, report: Report) -> None:
    """Exactly the files of the list, byte for byte."""
    try:
        listed = {
            str(one["name"]): str(one["digest"]["sha256"]) for one in said["subject"]
        }
    except (KeyError, TypeError) as error:
        raise DoesNotHold(f"The signed list is malformed: {error}.") from error
    here = {name: _sha256(body) for name, body in files.items()}
    for name in (SIGNED, MANIFEST):
        here.pop(name)
    for name in sorted(listed.keys() | here.keys()):
        if name not in here:
            _add(report, f"{name} is missing")
        elif name not in listed:
            _add(report, f"{name} is not in the list")
        elif listed[name] != here[name]:
            _add(report, f"{name} has SHA-256 {here[name]}, listed is {listed[name]}")
    report.checked.append(f"{len(here)} files against their digests in the list.")


def _check_document(files: Files, said: Json, document: Json, report: Report) -> None:
    """dossier.json names the files of the bundle, and the list names dossier.json."""
    if said.get("content_sha256") != _sha256(files[DOCUMENT]):
        _add(report, f"the content hash is not that of {DOCUMENT}")
    try:
        named = {str(one["name"]): one["sha256"] for one in document["attachments"]}
    except (KeyError, TypeError) as error:
        raise DoesNotHold(f"{DOCUMENT} names no attachments: {error}.") from error
    for name, digest in sorted(named.items()):
        if name not in files:
            _add(report, f"{DOCUMENT} names {name}, which is missing")
        elif _sha256(files[name]) != digest:
            _add(report, f"{DOCUMENT} names another digest for {name}")
    for name in sorted(files.keys() - named.keys() - {PDF, DOCUMENT, MANIFEST, SIGNED}):
        _add(report, f"{DOCUMENT} does not name {name}")
    report.checked.append(
        f"{DOCUMENT} and the files agree: it names {len(named)}, with their digests."
    )


def _check_log(files: Files, document: Json, keys: TrustedKeys, report: Report) -> None:
    """Every entry of the extract is under the checkpoint that the dossier prints."""
    if EXTRACT not in files:
        raise DoesNotHold(f"The bundle has no {EXTRACT}.")
    extract = _object(files[EXTRACT], EXTRACT)
    if "checkpoint" not in extract or "entries" not in extract:
        raise DoesNotHold(f"{EXTRACT} is no extract of a log.")
    check_extract(extract, keys, report)
    trail = document.get("trail")
    if not isinstance(trail, dict) or trail.get("note") != extract["checkpoint"]:
        _add(report, f"{DOCUMENT} prints another checkpoint than {EXTRACT} has")
    if files.get("checkpoint.txt") != str(extract["checkpoint"]).encode():
        _add(report, f"checkpoint.txt is not the checkpoint of {EXTRACT}")


def _check_permits(
    files: Files, document: Json, keys: TrustedKeys, report: Report
) -> None:
    """Each permit as of the moment it was given, and that it is for this version."""
    names = [name for name in sorted(files) if name.startswith("permit-")]
    version = document.get("version")
    facts = version if isinstance(version, dict) else {}
    known = {facts.get("sha256"), *_digests(facts.get("files"))}
    for name in names:
        envelope = _object(files[name], name)
        payload, _signers = open_envelope(envelope, keys)
        predicate = read_statement(payload).get("predicate")
        start = predicate.get("valid_from") if isinstance(predicate, dict) else None
        found = check_permit(envelope, keys, _moment(start, name), report)
        if not found.sha256 & known:
            _add(report, f"{name} is for another file than those of the version")
    if names:
        report.not_checked.append(
            f"whether {len(names)} permits of the bundle are valid today: they were "
            "checked as of the moment from which they count."
        )
    else:
        report.not_checked.append("permits: the bundle has none.")


def _digests(files: object) -> set[object]:
    rows = files if isinstance(files, list) else []
    return {row.get("sha256") for row in rows if isinstance(row, dict)}


def _check_seal(files: Files, said: Json, keys: TrustedKeys, report: Report) -> None:
    """The PDF's own signature and what is attached to it, where pyHanko is there."""
    try:
        seal = importlib.import_module("audits.offline.seal")
    except ImportError:
        report.not_checked.append(
            "THE SEAL OF THE PDF and the files inside it: pyHanko is not installed "
            "(pip install pyhanko). The PDF is the one of the signed list, byte for "
            "byte."
        )
        return
    if not keys.seals:
        report.not_checked.append(
            "THE SEAL OF THE PDF: no certificate for dossiers was given. It is in "
            "keys.json of the issuer."
        )
        return
    attached = {
        name: body
        for name, body in files.items()
        if name not in (PDF, MANIFEST, SIGNED)
    }
    seal.check_seal(
        files[PDF], keys.seals, attached, str(said.get("content_sha256")), report
    )


def _object(raw: bytes, name: str) -> Json:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise DoesNotHold(f"{name} is not readable JSON: {error}.") from error
    if not isinstance(found, dict):
        raise DoesNotHold(f"{name} is not a JSON object.")
    return found


def _moment(value: object, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError as error:
        raise DoesNotHold(f"{name} carries no time.") from error
    if moment.tzinfo is None:
        raise DoesNotHold(f"The time of {name} names no time zone.")
    return moment


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _add(report: Report, what: str) -> None:
    report.found.add("dossier", what, "all parts of a dossier are those of its list")

"""Building: the PDF, its profile, its attachments, and that it proves itself."""

import io
import json
import re
import socket
from datetime import datetime

import pypdf
import pytest
from django.core.files.storage import default_storage
from django.utils import timezone
from django.utils.translation import override

from audits import log, offline
from audits.capture import relation
from governance import registration
from governance.dossier import build
from governance.dossier.render import render
from governance.dossier.typeset import FetchRefused, Package
from governance.models import Dossier
from registry.digests import sha256_hex
from registry.models import ModelVersion
from tests import world
from tests.governance.dossier_stage import Stage

# WeasyPrint leaves its colour profile to the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*sRGB2014.icc:pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture
def stage(fresh_database, monkeypatch) -> Stage:
    monkeypatch.setattr(world, "NOW", timezone.now())
    return Stage()


def built(dossier: Dossier) -> tuple[Dossier, pypdf.PdfReader]:
    assert build.build_next()
    dossier.refresh_from_db()
    assert dossier.failure == ""
    with default_storage.open(dossier.pdf_name) as file:
        content = file.read()
    assert sha256_hex(content) == dossier.pdf_sha256
    return dossier, pypdf.PdfReader(io.BytesIO(content))


def words_of(reader: pypdf.PdfReader) -> str:
    return " ".join(page.extract_text() for page in reader.pages)


def test_dossier_of_an_approved_version(stage, tmp_path, monkeypatch):
    version = stage.approved()
    waiting = stage.asked(version)

    def refuse(*_args: object) -> None:
        raise AssertionError("rendering went to the network")

    real = socket.socket.connect
    with monkeypatch.context() as patch:
        patch.setattr(
            socket.socket,
            "connect",
            lambda s, a: real(s, a) if s.family == socket.AF_UNIX else refuse(),
        )
        dossier, reader = built(waiting)
    assert (dossier.state, dossier.attempts) == (Dossier.State.FINISHED, 1)
    assert dossier.progress == 1.0
    check_profile(reader)
    check_words(reader, version, dossier)
    check_attachments(reader, version, dossier)
    check_proofs(reader, tmp_path)


def check_profile(reader: pypdf.PdfReader) -> None:
    root = reader.trailer["/Root"]
    assert not reader.is_encrypted
    assert root["/MarkInfo"]["/Marked"] == pypdf.generic.BooleanObject(True)
    assert root["/Lang"] == "en"
    assert "/ID" in reader.trailer
    assert root["/OutputIntents"][0].get_object()["/S"] == "/GTS_PDFA1"
    xmp = root["/Metadata"].get_object().get_data().decode()
    assert re.search(r'pdfaid:part="3"', xmp)
    assert re.search(r'pdfaid:conformance="A"', xmp)
    titles = [item["/Title"] for item in reader.outline if isinstance(item, dict)]
    assert titles[0] == "1 Management summary"
    assert titles[-1] == "22 Annexes"
    kinds = {file["/AFRelationship"] for file in (f.get_object() for f in root["/AF"])}
    assert kinds == {"/Source", "/Data", "/Supplement"}
    assert len(root["/AF"]) == len(reader.attachments)
    assert alternatives(reader), "figures need alternative texts"


def alternatives(reader: pypdf.PdfReader) -> list[str]:
    """The alternative texts of all figures in the structure tree."""
    found, todo = [], [reader.trailer["/Root"]["/StructTreeRoot"].get_object()]
    while todo:
        item = todo.pop()
        if not isinstance(item, pypdf.generic.DictionaryObject):
            continue
        if item.get("/S") == "/Figure":
            assert item.get("/Alt"), "a figure without alternative text"
            found.append(item["/Alt"])
        children = item.get("/K", [])
        children = children if isinstance(children, list) else [children]
        todo += [child.get_object() for child in children]
    return found


def check_words(reader, version, dossier) -> None:
    text = re.sub(r"\s+", " ", words_of(reader))
    count = len(reader.pages)
    for number in (1, count):
        page = re.sub(r"\s+", " ", reader.pages[number - 1].extract_text())
        assert f"Page {number} of {count}" in page
    for expected in (
        "May it run in Production?",
        "Yes, until",
        "Vera Haas",
        "Carl Brandt",
        "0.812",
        "0.770–0.850",
        "0.052",
        "not estimable",
        "1 allowed, 1 denied",
        "recomputed and equal",
        "No training run was recorded",
        "adopted, not yet applicable",
        "python -m audits.offline",
    ):
        assert expected in text, expected
    solid = re.sub(r"\s", "", text)
    assert version.sha256 in solid
    assert sha256_hex(dossier.document.encode()) in solid


def check_attachments(reader, version, dossier) -> None:
    files = {name: found[0] for name, found in reader.attachments.items()}
    said = json.loads(files["dossier.json"])
    assert files["dossier.json"].decode() == dossier.document
    listed = {item["name"]: item["sha256"] for item in said["attachments"]}
    assert set(files) == {*listed, "dossier.json"}
    for name, digest in listed.items():
        assert sha256_hex(files[name]) == digest, name
    assert files["version-manifest.json"].decode() == version.manifest
    reports = {item["kind"]: item for item in said["evidence"]}
    for kind, report in reports.items():
        assert sha256_hex(files[f"evidence-{kind}.json"]) == report["sha256"]
    policy = next(name for name in files if name.startswith("policy-"))
    assert b"rules:" in files[policy]
    assert said["evaluations"][0]["allowed"] is True
    assert said["trail"]["unattributed"] == 0


def check_proofs(reader, folder) -> None:
    for name, found in reader.attachments.items():
        (folder / name).write_bytes(found[0])
    keys = str(folder / "keys.json")
    extract = folder / "log-extract.json"
    assert offline.main([str(extract), "--key", keys]) == 0
    said = json.loads((folder / "dossier.json").read_text())
    at = said["control"]["as_of"]
    permit = str(folder / "permit-production.dsse.json")
    assert offline.main([permit, "--key", keys, "--at", at]) == 0
    document = json.loads(extract.read_text())
    tables = {json.loads(row["body"])["rel"] for row in document["entries"]}
    assert "public.governance_signature" in tables
    assert "public.audits_measurement" in tables
    document["entries"][0]["body"] = document["entries"][0]["body"].replace(
        '"op": "I"', '"op": "U"'
    )
    extract.write_text(json.dumps(document))
    assert offline.main([str(extract), "--key", keys]) == 1


def test_same_row_gives_the_same_bytes_and_knows_nothing_later(stage, monkeypatch):
    version = stage.approved()
    dossier, _reader = built(stage.asked(version))
    monkeypatch.setattr(world, "NOW", timezone.now())
    stage.assessed(version.model, likelihood=1, impact=1)
    registration.change_inventory(
        model=version.model, purpose="Anything", by=stage.anna, at=timezone.now()
    )
    assert build.snapshot(dossier).document.body.decode() == dossier.document
    with override("en"):
        again = render(build.snapshot(dossier)).pdf
    assert sha256_hex(again) == dossier.unsealed_sha256
    dossier.as_of = registered_in_the_log(version)
    early = build.snapshot(dossier).content
    assert early.evaluations[0].allowed is False
    assert early.approvals == ()


def registered_in_the_log(version) -> datetime:
    entries = log.entries_for(rel=relation(ModelVersion), pk=str(version.pk))
    return entries.get().occurred_at


def test_new_version_says_what_is_missing_and_why(stage):
    version = stage.version(stage.model())
    _dossier, reader = built(stage.asked(version))
    text = re.sub(r"\s+", " ", words_of(reader))
    for expected in (
        "The risk of this model had not been assessed by then",
        "No data set is recorded for this version",
        "No report of this kind (Fairness) was finished by then",
        "The version had not been submitted for approval by then",
        "The gate had not been asked about this version by then",
        "nothing recorded",
    ):
        assert expected in text, expected


def test_german_dossier_speaks_german(stage):
    waiting = stage.asked(stage.version(stage.model()), language="de")
    dossier, reader = built(waiting)
    assert reader.trailer["/Root"]["/Lang"] == "de"
    text = re.sub(r"\s+", " ", words_of(reader))
    assert f"Seite 1 von {len(reader.pages)}" in text
    for english in ("Management summary", "Not in this dossier", "was registered"):
        assert english not in text
    assert json.loads(dossier.document)["control"]["language"] == "de"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/x.png",
        "file:///etc/passwd",
        "data:text/plain,x",
        "dossier:unknown",
        "//example/x",
    ],
)
def test_package_answers_nothing_but_its_own_files(url):
    with pytest.raises(FetchRefused):
        Package({"known": (b"", "text/plain")}).fetch(url)

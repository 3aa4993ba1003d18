"""The bundle: what a stranger finds in it, and each harm to it that is found."""

import importlib
import json
import stat
import subprocess
import sys
import zipfile
from contextlib import nullcontext

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from audits import offline
from audits.bundles import MANIFEST, PDF, SIGNED
from governance import permit
from governance.dossier import build
from governance.dossier.bundle import zipped
from governance.dossier.redaction import CATEGORIES
from governance.dossier.request import (
    Form,
    request_authorisation,
    request_dossier,
    request_portfolio,
)
from registry.digests import sha256_hex
from tests import world
from tests.conftest import ROOT
from tests.governance.dossier_stage import Stage

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*sRGB2014.icc:pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture(scope="module")
def kept() -> dict[str, bytes]:
    """Filled by the first test that needs it: building takes seconds."""
    return {}


@pytest.fixture
def made(fresh_database, monkeypatch, kept, tmp_path):
    """A bundle of an approved version and the keys of its issuer, as files."""
    if not kept:
        monkeypatch.setattr(world, "NOW", timezone.now())
        stage = Stage()
        dossier = stage.asked(stage.approved())
        assert build.build_next()
        dossier.refresh_from_db()
        assert dossier.failure == ""
        with default_storage.open(dossier.bundle_name) as file:
            kept["bundle"] = file.read()
        assert sha256_hex(kept["bundle"]) == dossier.bundle_sha256
        keys = permit.public_keys(at=timezone.now())
        kept["keys"] = json.dumps(keys).encode()
    (tmp_path / "bundle.zip").write_bytes(kept["bundle"])
    (tmp_path / "issuer").mkdir()
    (tmp_path / "issuer" / "keys.json").write_bytes(kept["keys"])
    return tmp_path


def checked(folder, capsys, *more: str) -> tuple[int, dict]:
    words = ["--json", *(more or ("--key", str(folder / "issuer" / "keys.json")))]
    capsys.readouterr()
    code = offline.main([str(folder / "bundle.zip"), *words])
    return code, json.loads(capsys.readouterr().out)


def members(folder) -> dict[str, bytes]:
    with zipfile.ZipFile(folder / "bundle.zip") as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def repacked(folder, files: dict[str, bytes]) -> None:
    (folder / "bundle.zip").write_bytes(zipped(files, at=timezone.now()))


def test_bundle_holds_and_says_what_was_checked_and_what_not(made, capsys):
    code, said = checked(made, capsys)
    assert code == 0, said
    assert (said["ok"], said["level"]) == (True, "dossier")
    text = " ".join(said["checked"])
    for words in (
        "the list of the files, signed at",
        "against their digests",
        "dossier.json and the files agree",
        "entries are in that tree",
        "it allows the environment production",
        "the seal of the PDF (PAdES)",
        "PDF and bundle agree",
    ):
        assert words in text, words
    missing = " ".join(said["not_checked"])
    for words in (
        "is true",
        "when it was sealed",
        "valid today",
        "entries are missing",
    ):
        assert words in missing, words


def test_keys_inside_the_bundle_are_a_last_resort_that_is_said(made, capsys):
    code, said = checked(made, capsys, "--json")
    assert code == 0
    assert "WHOSE KEYS THEY ARE" in said["not_checked"][0]


def test_without_pyhanko_the_lack_is_said_plainly(made, capsys, monkeypatch):
    real = importlib.import_module

    def without(name: str, *rest: object):
        if name == "audits.offline.seal":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", without)
    code, said = checked(made, capsys)
    assert code == 0
    assert any("THE SEAL OF THE PDF" in line for line in said["not_checked"])
    assert not any("PAdES" in line for line in said["checked"])


def test_strangers_keys_are_not_believed(made, capsys):
    keys = json.loads((made / "issuer" / "keys.json").read_text())
    others = [one for one in keys["keys"] if one["use"] != "permit"]
    path = made / "issuer" / "keys.json"
    path.write_text(json.dumps(keys | {"keys": others}))
    assert checked(made, capsys)[0] == 2
    without = [one for one in keys["keys"] if one["use"] != "dossier"]
    path.write_text(json.dumps(keys | {"keys": without}))
    code, said = checked(made, capsys)
    assert code == 0
    assert any("no certificate for dossiers" in one for one in said["not_checked"])


@pytest.mark.parametrize("variant", ["portfolio", "authorisation", "edition"])
def test_bundles_of_all_variants_hold(
    fresh_database, monkeypatch, tmp_path, capsys, variant
):
    monkeypatch.setattr(world, "NOW", timezone.now())
    stage = Stage()
    version = stage.approved()
    outside = Form(withhold=tuple(CATEGORIES))
    asked = {"by": stage.ines, "at": timezone.now()}
    if variant == "portfolio":
        dossier = request_portfolio(**asked)
    elif variant == "authorisation":
        granted = version.authorisations.get()
        dossier = request_authorisation(authorisation=granted, **asked)
    else:
        dossier = request_dossier(version=version, form=outside, **asked)
    assert build.build_next()
    dossier.refresh_from_db()
    assert dossier.failure == ""
    with default_storage.open(dossier.bundle_name) as file:
        (tmp_path / "bundle.zip").write_bytes(file.read())
    (tmp_path / "issuer").mkdir()
    keys = json.dumps(permit.public_keys(at=timezone.now()))
    (tmp_path / "issuer" / "keys.json").write_text(keys)
    code, said = checked(tmp_path, capsys)
    assert code == 0, said


@pytest.mark.parametrize("name", ["dossier.json", PDF, "log-extract.json", MANIFEST])
def test_a_changed_missing_or_added_file_is_found(made, capsys, name):
    files = members(made)
    body = bytearray(files[name])
    body[len(body) // 2] ^= 1
    repacked(made, files | {name: bytes(body)})
    assert checked(made, capsys)[0] == 1
    repacked(made, {key: value for key, value in files.items() if key != name})
    assert checked(made, capsys)[0] == 1
    repacked(made, files | {"more.txt": b"x"})
    assert checked(made, capsys)[0] == 1


def test_another_pdf_with_a_valid_list_of_its_own_is_found(made, capsys):
    """Whoever has the gate's key, but not the seal, cannot slip in another PDF."""
    files = members(made)
    other = files[PDF].replace(b"%%EOF", b"%%EOF\n% more", 1)
    statement = json.loads(files[MANIFEST])
    for one in statement["subject"]:
        if one["name"] == PDF:
            one["digest"]["sha256"] = sha256_hex(other)
    (envelope,) = permit.sign([statement], at=timezone.now())
    payload = json.dumps(
        statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    repacked(
        made,
        files | {PDF: other, MANIFEST: payload.encode(), SIGNED: envelope.encode()},
    )
    code, said = checked(made, capsys)
    assert code == 1
    kinds = {finding["kind"] for finding in said["findings"]}
    assert kinds == {"seal"}, said


def test_damaged_zip_does_not_hold(made, capsys):
    raw = bytearray((made / "bundle.zip").read_bytes())
    with zipfile.ZipFile(made / "bundle.zip") as packed:
        place = packed.getinfo("log-extract.json").header_offset + 400
    raw[place] ^= 1
    (made / "bundle.zip").write_bytes(raw)
    assert checked(made, capsys)[0] == 1


@pytest.mark.parametrize(
    "trick", ["../up", "/root", "a/b", "twice", "link", "bomb", "encrypted", "no zip"]
)
def test_hostile_zips_are_refused(made, capsys, trick):
    files = members(made)
    path = made / "bundle.zip"
    warned = pytest.warns(UserWarning) if trick == "twice" else nullcontext()
    with warned, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, body in files.items():
            packed.writestr(name, body)
        if trick in ("../up", "/root", "a/b"):
            packed.writestr(trick, b"x")
        if trick == "twice":
            packed.writestr(PDF, b"x")
        if trick == "link":
            info = zipfile.ZipInfo("link")
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            packed.writestr(info, b"/etc/passwd")
        if trick == "bomb":
            packed.writestr("zeros", bytes(600 * 1024**2))
    if trick == "encrypted":
        raw = bytearray(path.read_bytes())
        raw[raw.rindex(b"PK\x01\x02") + 8] |= 1
        path.write_bytes(raw)
    if trick == "no zip":
        path.write_bytes(b"PK\x05\x06" + bytes(18))
    code, said = checked(made, capsys)
    assert code == 2, said
    assert said["result"].startswith("COULD NOT BE CHECKED")


def test_offline_check_needs_no_django(made):
    code = (
        "import sys; from audits.offline.command import main; "
        f"code = main([{str(made / 'bundle.zip')!r}, '--key', "
        f"{str(made / 'issuer' / 'keys.json')!r}]); "
        "sys.exit(code or ('django' in sys.modules and 3))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "HOLDS" in done.stdout

"""An export that anybody touched is found out, and what was touched is named."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audits import note
from audits.cosignature import Cosigner, cosign, cosigner_vkey
from audits.export import layout
from audits.export.directory import Directory
from audits.export.manifest import Cosigned
from audits.export.step import write_step
from audits.export.tree import leaf_hashes, read_bundle, write_bundle
from audits.note import Checkpoint
from audits.offline import main
from audits.offline.bundle import check_bundle
from audits.offline.report import Report
from audits.offline.source import Folder
from audits.trusted import CannotCheck, TrustedKeys
from registry.digests import canonical_json, sha256_hex
from tests.audits.exported import (
    KEY,
    KEYS,
    ORIGIN,
    VKEY,
    Entries,
    Story,
    checked,
    findings,
    signed,
    write,
)

SIZES = (5, 300, 301, 700)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """Offer an export of 700 leaves in four steps; copy it before touching it."""
    folder = tmp_path_factory.mktemp("export") / "log"
    write(folder, Story().entries(700), *SIZES)
    return folder


@pytest.fixture
def export(original, tmp_path):
    """Offer a copy that may be touched."""
    copy = tmp_path / "log"
    shutil.copytree(original, copy)
    for path in copy.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return copy


def _paths(folder) -> list[str]:
    return sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()
    )


def test_an_untouched_export_holds(original):
    report = checked(original)
    assert report.found.kept == []
    assert report.counts == {
        "manifests": 4,
        "leaves": 700,
        "entries": 700,
        "gaps": 70,
    }


def test_a_flipped_byte_is_found_in_every_file_and_named(original, export):
    paths = _paths(export)
    assert len(paths) == 4 + 1 + len(set(_all_tiles()))
    for path in paths:
        content = (export / path).read_bytes()
        for place in {0, len(content) // 2, len(content) - 1}:
            touched = bytearray(content)
            touched[place] ^= 0x20
            (export / path).write_bytes(touched)
            number = layout.manifest_number(path)
            name = f"manifest {number}" if number else path
            assert any(name in line for line in findings(export)), (path, place)
        (export / path).write_bytes(content)
    assert findings(export) == []


def test_a_lost_file_is_found_and_named(export):
    for path in _paths(export):
        content = (export / path).read_bytes()
        (export / path).unlink()
        report = checked(export)
        number = layout.manifest_number(path)
        lines = [finding.text for finding in report.found.kept]
        if path == "checkpoint":
            assert lines == []
            assert "the file checkpoint: it is not there." in report.not_checked
        elif number == 4:  # nothing in the export itself says that it existed
            assert any("checkpoint is not the checkpoint of" in x for x in lines)
        else:
            name = f"manifest {number}" if number else path
            assert any(name in line for line in lines), path
        (export / path).write_bytes(content)


def _all_tiles() -> list[str]:
    steps = zip((0, *SIZES), SIZES, strict=False)
    return [place.path for old, new in steps for place in layout.new_places(old, new)]


def _rewrite(export, step: int, contents: dict[str, bytes]) -> None:
    """Change files of a step, and all manifests so that every digest agrees."""
    for path, content in contents.items():
        (export / path).write_bytes(content)
    previous = None
    for number in range(1, 5):
        file = export / layout.manifest_path(number)
        document = json.loads(file.read_bytes()) | {"previous_sha256": previous}
        for item in document["files"]:
            if number == step and item["path"] in contents:
                content = contents[item["path"]]
                item |= {"sha256": sha256_hex(content), "bytes": len(content)}
        file.write_bytes(canonical_json(document))
        previous = sha256_hex(file.read_bytes())


CHANGES = {
    "lost": lambda bodies: [*bodies[:9], *bodies[10:]],
    "one more": lambda bodies: [*bodies[:9], b"{}", *bodies[9:]],
    "doubled": lambda bodies: [*bodies[:9], bodies[8], *bodies[10:]],
    "reordered": lambda bodies: [*bodies[:8], bodies[9], bodies[8], *bodies[10:]],
    "replaced": lambda bodies: [*bodies[:9], b"{}", *bodies[10:]],
}


# Bundle 0 became full in the second step, bundle 1 in the fourth.
@pytest.mark.parametrize(("index", "step"), [(0, 2), (1, 4)])
@pytest.mark.parametrize("how", CHANGES)
def test_changed_entries_are_found_though_all_digests_agree(export, how, index, step):
    path = f"tile/entries/{index:03}"
    bodies = CHANGES[how](read_bundle((export / path).read_bytes(), 256))
    _rewrite(export, step, {path: write_bundle(bodies)})
    lines = findings(export)
    if how in ("lost", "one more"):
        expected = f"{path} is no bundle of entries: it holds {len(bodies)} entries"
        assert [expected in line for line in lines] == [True]
    else:
        first = index * 256 + (8 if how == "reordered" else 9)
        assert f"leaf {first} is" in lines[0]
        assert len([x for x in lines if "by the tile" in x]) == 1 + (how == "reordered")


@pytest.mark.parametrize("how", ["doubled", "reordered", "replaced"])
def test_entries_and_tile_changed_alike_miss_the_signed_root(export, how):
    bodies = read_bundle((export / "tile/entries/000").read_bytes(), 256)
    bodies = CHANGES[how](bodies)
    tile = b"".join(leaf_hashes(bodies))
    contents = {"tile/entries/000": write_bundle(bodies), "tile/0/000": tile}
    _rewrite(export, 2, contents)
    lines = findings(export)
    for number in (2, 3, 4):
        assert any(
            f"manifest {number}: {SIZES[number - 1]} leaves give" in x for x in lines
        )


def test_entries_and_tiles_that_agree_contradict_what_was_signed(tmp_path, original):
    """Somebody exports another history under the old checkpoints."""
    bodies = Story().entries(700)
    forged = [
        *bodies[:100],
        bodies[100].replace(b'"n": 100', b'"n": 999'),
        *bodies[101:],
    ]
    write(tmp_path / "forged", forged, *SIZES)
    for number in range(1, 5):
        path = tmp_path / "forged" / layout.manifest_path(number)
        theirs = json.loads(path.read_bytes())
        ours = json.loads((original / layout.manifest_path(number)).read_bytes())
        theirs["checkpoint"] = ours["checkpoint"]
        path.chmod(0o644)
        path.write_bytes(canonical_json(theirs))
    lines = findings(tmp_path / "forged")
    for number, size in ((2, 300), (3, 301), (4, 700)):
        assert any(f"manifest {number}: {size} leaves give" in x for x in lines)


def test_a_checkpoint_of_another_key_is_refused(export):
    stranger = TrustedKeys(logs=[note.parse_vkey(VKEY)])
    stranger.logs[0] = note.Verifier("other.example/log", stranger.logs[0].key)
    report = Report()
    check_bundle(Folder(export), stranger, report)
    assert len([f for f in report.found.kept if f.kind == "checkpoint"]) == 4
    with pytest.raises(CannotCheck, match="No public key"):
        check_bundle(Folder(export), TrustedKeys(), Report())


def test_a_manifest_removed_in_the_middle_is_named(export):
    (export / layout.manifest_path(2)).unlink()
    report = checked(export)
    lines = [finding.text for finding in report.found.kept]
    assert any("manifest 2: it is missing" in line for line in lines)
    assert any("manifest 3: it says" in line and "is missing" in line for line in lines)
    assert any("no digest in a manifest" in line for line in report.not_checked)


def test_a_manifest_with_an_absurd_number_costs_nothing(export):
    shutil.copy(
        export / layout.manifest_path(4), export / layout.manifest_path(99_999_999)
    )
    lines = findings(export)
    assert "manifest 5: it is missing, and all up to 99999998" in lines[0]
    assert any("calls itself number 4" in line for line in lines)


def test_a_trusted_checkpoint_must_be_a_beginning_of_the_export(original, tmp_path):
    bodies = Story().entries(700)
    kept = signed(bodies[:123]).signed
    report = checked(original, since=kept)
    assert report.found.kept == []
    assert any("begins with exactly these" in line for line in report.checked)
    other = Checkpoint(kept.origin, kept.size, b"x" * 32)
    assert any("at 123 leaves" in line for line in findings(original, since=other))
    later = Checkpoint(kept.origin, 701, kept.root)
    assert any("in the export are 700" in x for x in findings(original, since=later))


def test_the_command_prints_words_or_json(original, tmp_path, capsys):
    bodies = Story().entries(700)
    file = tmp_path / "kept"
    file.write_text(signed(bodies[:300]).note)
    arguments = [str(original), "--key", VKEY, "--since", str(file)]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "Checked: 700 leaves" in printed
    assert "Not checked: whether the live tables agree" in printed
    assert main([*arguments, "--json"]) == 0
    verdict = json.loads(capsys.readouterr().out)
    assert (verdict["ok"], verdict["level"]) == (True, "bundle")
    file.write_text("nothing")
    assert main([*arguments, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["ok"] is None


def test_a_touched_export_fails_the_command(export, capsys):
    (export / "tile/0/001").unlink()
    assert main([str(export), "--key", VKEY, "--json"]) == 1
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["ok"] is False
    assert "tile/0/001" in verdict["findings"][0]["what"]


def test_what_is_no_export_cannot_be_checked(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main([str(tmp_path / "empty"), "--key", VKEY]) == 2
    assert "it has no manifests" in capsys.readouterr().out


def test_strangers_files_in_the_folder_are_mentioned(export):
    (export / "tile/0/007").write_bytes(b"x")
    (export / "notes.txt").write_bytes(b"x")
    (export / ".unfinished").mkdir(exist_ok=True)
    (export / ".unfinished" / "x").write_bytes(b"x")
    said = " ".join(checked(export).not_checked)
    assert "1 files of the tree are in no manifest" in said
    assert "1 files do not belong" in said


def test_links_in_an_export_are_not_followed(export, tmp_path):
    content = (export / "tile/0/001").read_bytes()
    (tmp_path / "elsewhere").write_bytes(content)
    (export / "tile/0/001").unlink()
    (export / "tile/0/001").symlink_to(tmp_path / "elsewhere")
    assert any("tile/0/001" in x and "no plain file" in x for x in findings(export))


def _two_epochs(folder, bodies):
    """Export one log under two names, as after a lost key."""
    destination = Directory(folder)
    destination.begin()
    first = write_step(destination, Entries(bodies), None, signed(bodies[:300]))
    evidence = signed(bodies, f"{ORIGIN}/e2")
    write_step(destination, Entries(bodies), first, evidence)


def test_a_log_that_goes_on_under_another_name_needs_both_keys(tmp_path):
    _two_epochs(tmp_path / "log", Story().entries(700))
    (line,) = findings(tmp_path / "log")
    assert f"manifest 2: The checkpoint is of '{ORIGIN}/e2', a log that you" in line
    second = note.vkey(f"{ORIGIN}/e2", KEY.public_key())
    report = Report()
    keys = TrustedKeys(logs=[*KEYS.logs, note.parse_vkey(second)])
    check_bundle(Folder(tmp_path / "log"), keys, report)
    assert not report.found.kept
    assert f"{ORIGIN} (1), {ORIGIN}/e2 (1)" in report.checked[0]


def test_witnesses_are_named_on_the_command_line(tmp_path, capsys):
    bodies = Story().entries(300)
    witness = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
    vkey = cosigner_vkey("witness.example/w", witness.public_key())
    absent = cosigner_vkey("witness.example/x", witness.public_key())
    evidence = signed(bodies)
    line = cosign(evidence.note, "witness.example/w", witness, 1_800_000_000)
    evidence = replace(
        evidence, cosignatures=(Cosigned(300, "witness.example/w", line),)
    )
    destination = Directory(tmp_path / "log")
    destination.begin()
    write_step(destination, Entries(bodies), None, evidence)
    file = tmp_path / "witnesses"
    file.write_text(f"# ours\nwitness w {vkey}\n\n{absent}\n")
    arguments = [str(tmp_path / "log"), "--key", VKEY, "--witness"]
    assert main([*arguments, str(file)]) == 0
    said = capsys.readouterr().out
    assert "the last is of 300 leaves, made at 2027-01-15T08:00:00+00:00" in said
    assert "what the witness witness.example/x saw" in said
    assert "whether anybody outside saw this log" not in said
    assert main([*arguments, vkey[:-4] + "AAAA"]) == 2
    assert main([*arguments, "x" * 5000]) == 2
    other = Ed25519PrivateKey.from_private_bytes(b"v" * 32)
    forged = cosigner_vkey("witness.example/w", other.public_key())
    assert main([*arguments, forged]) == 1


def test_a_cosignature_under_the_former_name_still_counts(tmp_path):
    """The witness has not seen the log since it was renamed."""
    bodies = Story().entries(700)
    witness = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
    line = cosign(signed(bodies[:300]).note, "witness.example/w", witness, 1)
    cosigned = (Cosigned(300, "witness.example/w", line),)
    destination = Directory(tmp_path / "log")
    destination.begin()
    first = write_step(destination, Entries(bodies), None, signed(bodies[:300]))
    renamed = replace(signed(bodies, f"{ORIGIN}/e2"), cosignatures=cosigned)
    write_step(destination, Entries(bodies), first, renamed)
    second = note.parse_vkey(note.vkey(f"{ORIGIN}/e2", KEY.public_key()))
    report = Report()
    cosigner = Cosigner("witness.example/w", witness.public_key())
    check_bundle(
        Folder(tmp_path / "log"),
        TrustedKeys(logs=[*KEYS.logs, second]),
        report,
        witnesses=[cosigner],
    )
    assert not report.found.kept
    assert any("the last is of 300 leaves" in line for line in report.checked)


def test_an_export_is_checked_without_django_and_environment(original):
    script = (
        "import sys; from audits.offline import main; code = main(sys.argv[1:]); "
        "assert 'django' not in sys.modules; sys.exit(code)"
    )
    for start in (["-c", script], ["-m", "audits.offline"]):
        done = subprocess.run(
            [sys.executable, *start, str(original), "--key", VKEY, "--json"],
            cwd=Path(__file__).resolve().parents[2],
            env={},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["counts"]["leaves"] == 700

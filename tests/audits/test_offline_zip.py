"""An export in a zip file: checked as it lies there, bombs and tricks refused."""

import stat
import zipfile

import pytest

from audits.offline import main
from audits.offline.source import MOST_RATIO
from audits.trusted import CannotCheck
from tests.audits.exported import VKEY, Story, checked, findings, write


@pytest.fixture
def folder(tmp_path):
    """Offer a small export."""
    write(tmp_path / "log", Story().entries(300), 260, 300)
    return tmp_path / "log"


def _zip(folder, *, below: str = "", leave_out: str = ""):
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in sorted(folder.rglob("*")):
            name = str(file.relative_to(folder))
            if name != leave_out and ".unfinished" not in name:
                packed.write(file, below + name)
    return path


@pytest.mark.parametrize("below", ["", "log/", "a/b/"])
def test_a_zipped_export_holds(folder, below):
    report = checked(_zip(folder, below=below))
    assert not report.found.kept
    assert report.counts["leaves"] == 300


def test_a_file_that_was_left_out_is_named(folder):
    path = _zip(folder, below="log/", leave_out="tile/entries/000")
    assert any("tile/entries/000 cannot be read" in line for line in findings(path))


def test_a_flipped_byte_is_found_in_a_zip_too(folder):
    path = _zip(folder)
    good = path.read_bytes()
    with zipfile.ZipFile(path) as packed:
        info = packed.getinfo("tile/entries/000")
    place = info.header_offset + 200
    path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
    assert any("tile/entries/000" in line for line in findings(path))


@pytest.mark.parametrize(
    "name",
    ["../evil", "/evil", "a/../../evil", "a\\evil", "C:/evil", "a//b", "./a"],
)
def test_paths_that_lead_out_are_refused(folder, name):
    path = _zip(folder)
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr(name, b"x")
    with pytest.raises(CannotCheck, match="holds the path"):
        checked(path)


def test_links_in_a_zip_are_refused(folder):
    path = _zip(folder)
    link = zipfile.ZipInfo("tile/0/009")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr(link, "/etc/passwd")
    with pytest.raises(CannotCheck, match="is a link"):
        checked(path)


def test_a_name_that_stands_twice_is_refused(folder):
    path = _zip(folder)
    with zipfile.ZipFile(path, "a") as packed, pytest.warns(UserWarning, match="Dup"):
        packed.writestr("tile/0/000", b"x")
    with pytest.raises(CannotCheck, match="twice"):
        checked(path)


def test_a_bomb_is_refused_before_it_is_unpacked(folder):
    path = _zip(folder)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("tile/entries/009", bytes(200 * 1024**2))
    with pytest.raises(CannotCheck, match=f"more than {MOST_RATIO} times"):
        checked(path)


def test_a_bomb_that_lies_about_its_size_is_not_unpacked(folder):
    """Its directory claims 1,000 bytes; more than the kind may have is never read."""
    path = _zip(folder, leave_out="tile/0/000")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("tile/0/000", bytes(50 * 1024**2))
    raw = path.read_bytes()
    real = (50 * 1024**2).to_bytes(4, "little")
    assert raw.count(real) == 2
    path.write_bytes(raw.replace(real, (1000).to_bytes(4, "little")))
    assert any("tile/0/000" in line for line in findings(path))


def test_other_zip_files_cannot_be_checked(tmp_path, capsys):
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("readme.txt", b"x")
    assert main([str(path), "--key", VKEY]) == 2
    assert "no export of a log" in capsys.readouterr().out
    path.write_bytes(path.read_bytes()[:-8])
    assert main([str(path), "--key", VKEY]) == 2

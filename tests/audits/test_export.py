"""Exporting a real log into a directory: resumable, linked, never overwritten."""

import stat

import pytest

from audits import log, tiles
from audits.export.destination import read_manifest
from audits.export.directory import Directory
from audits.export.export import export, latest
from audits.export.layout import is_tile_path
from audits.models import Export
from tests.audits.ledger import NOW, add_user


@pytest.fixture
def place(tmp_path):
    """Name a folder that does not exist yet."""
    return tmp_path / "worm" / "log"


def files_in(folder) -> dict[str, bytes]:
    """Return what is in an export, without what is still being written."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".unfinished" not in path.parts
    }


def grow(count: int) -> None:
    """Add users and sign."""
    for number in range(count):
        add_user(f"user-{log.latest_checkpoint().tree_size}-{number}")
    log.advance(at=NOW)


def test_an_export_holds_exactly_what_the_api_serves(written_log, place):
    grow(300)
    done = export(to=str(place), at=NOW)
    size = log.latest_checkpoint().tree_size
    assert (done.size, done.added, done.manifests) == (size, size, 1)
    found = files_in(place)
    assert found.pop("checkpoint").decode() == log.latest_checkpoint().note
    del found["exports/00000001.json"]
    assert all(is_tile_path(path) for path in found)
    wide = size % 256
    assert found["tile/entries/000"] == tiles.entry_bundle(index=0, size=size)
    last = f"tile/entries/{size // 256:03}.p/{wide}"
    assert found[last] == tiles.entry_bundle(index=size // 256, size=size)
    assert found["tile/0/000"] == tiles.hash_tile(level=0, index=0, size=size)
    upper = f"tile/1/000.p/{size // 256}"
    assert found[upper] == tiles.hash_tile(level=1, index=0, size=size)
    for path in found:
        assert stat.S_IMODE((place / path).stat().st_mode) == 0o444


def test_steps_are_linked_and_the_table_is_their_copy(written_log, place):
    export(to=str(place), at=NOW)
    grow(2)
    done = export(to=str(place), at=NOW)
    assert (done.manifests, done.number) == (1, 2)
    first = read_manifest(Directory(place), 1)
    second = latest(Directory(place))
    assert second.previous_sha256 == first.sha256
    rows = list(Export.objects.order_by("number"))
    assert [row.manifest_sha256 for row in rows] == [first.sha256, second.sha256]


def test_nothing_new_writes_nothing(written_log, place):
    export(to=str(place), at=NOW)
    before = files_in(place)
    assert export(to=str(place), at=NOW).manifests == 0
    assert files_in(place) == before

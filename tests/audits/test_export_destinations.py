"""A directory as destination: nothing is overwritten, nothing counts half-written."""

import errno
import json
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from audits.export.destination import (
    Contradiction,
    DestinationBroken,
    DestinationFailed,
    FileDiffers,
    latest,
)
from audits.export.directory import Directory
from audits.export.layout import manifest_path, new_places
from audits.export.manifest import ManifestMalformed, parse
from audits.export.step import write_step
from audits.export.tree import TiledTree, leaf_hashes
from audits.merkle import root_hash
from registry.digests import canonical_json
from tests.audits.exported import Entries, Story, findings, signed, write

ROOT = Path(__file__).resolve().parents[2]
BODIES = Story().entries(700)


@pytest.fixture
def place(tmp_path):
    """Offer an empty destination, ready for files."""
    destination = Directory(tmp_path / "worm")
    destination.begin()
    return destination


def content_of(folder: Path) -> dict[str, bytes]:
    """Return what counts in an export."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".unfinished" not in path.parts
    }


def test_a_file_is_written_once(place, tmp_path):
    place.put("a/b", b"one")
    place.put("a/b", b"one")
    with pytest.raises(FileDiffers, match="a/b is in .* already"):
        place.put("a/b", b"two")
    with pytest.raises(FileDiffers):
        place.put("a/b", b"on")
    assert (tmp_path / "worm/a/b").read_bytes() == b"one"
    assert stat.S_IMODE((tmp_path / "worm/a/b").stat().st_mode) == 0o444
    assert not list((tmp_path / "worm/.unfinished").iterdir())


def test_looking_at_a_folder_touches_nothing(tmp_path):
    destination = Directory(tmp_path / "absent")
    with pytest.raises(DestinationFailed, match="not there any more"):
        latest(destination)
    assert not (tmp_path / "absent").exists()
    (tmp_path / "absent").mkdir()
    assert latest(destination) is None


def test_an_export_in_many_steps_holds_the_tiles_of_one(tmp_path):
    write(tmp_path / "steps", BODIES, 1, 255, 256, 257, 511, 513, 700)
    write(tmp_path / "once", BODIES, 700)
    steps, once = content_of(tmp_path / "steps"), content_of(tmp_path / "once")
    del once["exports/00000001.json"]
    assert once.items() <= steps.items()
    assert not findings(tmp_path / "steps")


def test_three_levels_of_tiles(tmp_path):
    bodies = [
        b'{"id": %d, "op": "S", "rel": "r", "pk": null}' % n for n in range(1, 66000)
    ]
    write(tmp_path / "log", bodies, 65_300, 65_999)
    assert (tmp_path / "log/tile/1/000").stat().st_size == 8192
    assert (tmp_path / "log/tile/1/001.p/1").stat().st_size == 32
    assert (tmp_path / "log/tile/2/000.p/1").stat().st_size == 32
    assert not findings(tmp_path / "log")


def test_the_tree_of_tiles_has_the_root_of_the_leaves():
    leaves = leaf_hashes(BODIES)
    tree = TiledTree()
    for first in range(0, 700, 7):
        part = leaves[first : first + 7]
        room = 256 - tree.size % 256
        for piece in (part[:room], part[room:]):
            tree.extend(piece)
        assert tree.root() == root_hash(leaves[: first + 7])
    with pytest.raises(ValueError, match="beyond the open tile"):
        tree.extend(leaves)


def test_every_file_of_a_tree_is_named_once_over_all_steps():
    sizes = [0, 1, 255, 256, 300, 65_535, 65_536, 65_537, 70_000]
    paths = [
        place.path
        for old, new in zip(sizes, sizes[1:], strict=False)
        for place in new_places(old, new)
    ]
    assert len(paths) == len(set(paths))
    assert {"tile/entries/255", "tile/0/255", "tile/1/000", "tile/1/001.p/17"} <= set(
        paths
    )
    assert [path for path in paths if path.startswith("tile/2/")] == ["tile/2/000.p/1"]


def test_entries_that_miss_the_signed_root_leave_nothing_behind(place, tmp_path):
    forged = [b"{}", *BODIES[1:]]
    with pytest.raises(Contradiction, match="were signed"):
        write_step(place, Entries(forged), None, signed(BODIES))
    assert content_of(tmp_path / "worm") == {}


def test_a_rewritten_beginning_is_refused_though_it_is_signed(place, tmp_path):
    last = write_step(place, Entries(BODIES), None, signed(BODIES[:300]))
    before = content_of(tmp_path / "worm")
    forged = [*BODIES[:290], b"{}", *BODIES[291:]]
    with pytest.raises(Contradiction, match="were exported"):
        write_step(place, Entries(forged), last, signed(forged))
    with pytest.raises(Contradiction, match="were exported"):
        write_step(place, Entries(forged), last, signed(forged[:300]))
    with pytest.raises(Contradiction, match="were exported"):
        write_step(place, Entries(BODIES), last, signed(BODIES[:299]))
    assert content_of(tmp_path / "worm") == before


def test_manifests_that_were_tampered_with_stop_the_next_export(tmp_path):
    write(tmp_path / "worm", BODIES, 5, 300, 700)
    second = tmp_path / "worm" / manifest_path(2)
    good = second.read_bytes()
    second.unlink()
    with pytest.raises(DestinationBroken, match=r"missing in .*: \[2\]"):
        latest(Directory(tmp_path / "worm"))
    second.write_bytes(good + b" ")
    with pytest.raises(DestinationBroken, match="the one before it"):
        latest(Directory(tmp_path / "worm"))
    second.write_bytes(good)
    third = tmp_path / "worm" / manifest_path(3)
    third.unlink()
    third.write_bytes(good)
    with pytest.raises(DestinationBroken, match="calls itself number 2"):
        latest(Directory(tmp_path / "worm"))
    third.write_bytes(b"{}")
    with pytest.raises(DestinationBroken, match="is not a manifest"):
        latest(Directory(tmp_path / "worm"))


@pytest.mark.parametrize(
    "change",
    [
        {"number": 0},
        {"number": True},
        {"number": "1"},
        {"size": -1},
        {"size": 4},
        {"size": 2**60},
        {"origin": "other"},
        {"checkpoint": "x"},
        {"previous_sha256": "X" * 64},
        {"files": [{}]},
        {"files": 7},
        {"files": [{"path": "x", "sha256": "0" * 63, "bytes": 1}]},
        {"timestamps": [{"size": 1, "authority": "a", "note": "n", "token": "%"}]},
        {"cosignatures": [None]},
        {"more": 1},
        {"format": "freigabe-log-export/2"},
    ],
)
def test_a_malformed_manifest_is_refused(tmp_path, change):
    good = write(tmp_path / "worm", BODIES, 5)
    document = json.loads(good.content)
    assert parse(canonical_json(document)) == good
    raw = json.dumps(document | change, sort_keys=True).encode()
    with pytest.raises(ManifestMalformed):
        parse(raw.replace(b", ", b",").replace(b": ", b":"))


def test_a_pointer_that_cannot_be_replaced_is_said_and_stops_nothing(
    place, monkeypatch
):
    def refuse(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    assert place.point(b"one")
    monkeypatch.setattr(Path, "replace", refuse)  # an immutable file, as chattr +i
    assert not place.point(b"two")


WRITER = """
import sys
from pathlib import Path
from audits.export.directory import Directory
from tests.audits.exported import Story, write
write(Path(sys.argv[1]), Story().entries(3000), 300, 1400, 3000)
"""


def _writer(folder: Path, **options: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        **options,
    )


def test_an_export_killed_at_any_moment_goes_on_to_the_same_bytes(tmp_path):
    bodies = Story().entries(3000)
    write(tmp_path / "whole", bodies, 300, 1400, 3000)
    killed = 0
    for files in (1, 4, 9, 15, 21, 30):
        folder = tmp_path / f"killed-{files}"
        with _writer(folder) as process:
            deadline = time.monotonic() + 60
            while process.poll() is None and time.monotonic() < deadline:
                if folder.exists() and len(content_of(folder)) >= files:
                    process.send_signal(signal.SIGKILL)
                    break
            process.wait()
            killed += process.returncode == -signal.SIGKILL
        last = latest(Directory(folder))
        sizes = [
            size for size in (300, 1400, 3000) if size > (last.size if last else 0)
        ]
        # Killed after its last step, it had written all.
        if sizes:
            write(folder, bodies, *sizes)
        whole = content_of(tmp_path / "whole")
        assert {p: c for p, c in content_of(folder).items() if p != "checkpoint"} == {
            p: c for p, c in whole.items() if p != "checkpoint"
        }
        assert not findings(folder)
    assert killed >= 3


def test_a_full_disk_leaves_an_export_that_can_go_on(tmp_path):
    """RLIMIT_FSIZE makes the write of a large bundle fail as a full disk does."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))

    folder = tmp_path / "worm"
    with _writer(folder, preexec_fn=limit) as process:  # noqa: PLW1509
        said = process.stderr.read().decode()
    assert process.returncode == 1
    assert "DestinationFailed" in said
    assert "File too large" in said
    assert not list((folder / ".unfinished").iterdir())
    with _writer(folder) as process:
        assert process.wait() == 0, process.stderr.read()
    assert not findings(folder)


def test_exporters_of_the_same_log_do_not_harm_each_other(tmp_path):
    folder, errors = tmp_path / "worm", []
    Directory(folder).begin()

    def run():
        destination = Directory(folder)
        try:
            last = None
            for size in (300, 500, 700):
                last = write_step(
                    destination, Entries(BODIES), last, signed(BODIES[:size])
                )
        except BaseException as error:  # noqa: BLE001 - shown below
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert not findings(folder)


def test_an_exporter_of_a_fork_is_refused_by_what_is_there(tmp_path):
    folder = tmp_path / "worm"
    write(folder, BODIES, 300)
    before = content_of(folder)
    forged = [b"{}", *BODIES[1:]]
    with pytest.raises(FileDiffers, match="tile/entries/000"):
        write_step(Directory(folder), Entries(forged), None, signed(forged[:300]))
    assert content_of(folder) == before


def test_a_folder_without_the_right_to_write_is_said(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    destination = Directory(tmp_path / "worm")
    destination.begin()
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(DestinationFailed, match="No space left on device"):
        destination.put("a", b"x")
    assert content_of(tmp_path / "worm") == {}

"""Limits: pages, time, memory, no network; what is too large is offered in parts."""

import mmap
import os
import signal
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path

import pypdf
import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone
from weasyprint import HTML

from governance.dossier import build, setting
from governance.dossier.request import CannotBuild, split
from governance.models import Dossier
from tests import world
from tests.governance.dossier_stage import Stage

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*sRGB2014.icc:pytest.PytestUnraisableExceptionWarning"
)
CONFINED = f"""
import os, runpy, socket, subprocess, sys, time
child = runpy.run_path({str(setting.SCRIPT)!r})
limits = dict(parent=os.getppid(), memory_bytes=2**31, seconds=60)
child["_confine"](limits)
"""
TRIES = """
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
    try:
        socket.socket(family)
    except PermissionError:
        continue
    sys.exit("a socket was opened")
try:
    os.fork()
except PermissionError:
    sys.exit(0)
sys.exit("a process was started")
"""


def job(html: str) -> setting.Job:
    return setting.Job(html=html, css="body { font: 10pt Inter }", files={}, attach=[])


def test_child_sets_a_page_and_says_what_it_took():
    heard = []
    large = bytearray(1024**3)  # of ours, not of the child's
    large[:: mmap.PAGESIZE] = b"x" * len(large[:: mmap.PAGESIZE])
    made = setting.typeset(job("<html lang=en><p>x"), on_progress=heard.append)
    assert made.pdf.startswith(b"%PDF-1.7")
    assert made.pages == 1
    assert 10 * 1024**2 < made.peak_bytes < 1024**3
    assert heard == [0.75]


def test_what_a_killed_worker_left_goes_with_the_next_build(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    old, young = (tmp_path / f"{setting.SCRATCH}{name}" for name in ("old", "young"))
    for folder in (old, young):
        folder.mkdir()
        (folder / setting.JOB).write_text("all of a dossier")
    before = time.time() - 24 * 3600
    os.utime(old, (before, before))
    setting.typeset(job("<html lang=en><p>x"))
    assert list(tmp_path.iterdir()) == [young], "another worker builds in it"


def test_too_many_pages_end_with_their_number(settings):
    settings.FREIGABE_DOSSIER_MAX_PAGES = 2
    with pytest.raises(setting.TooLarge, match="3 pages; it may have 2"):
        setting.typeset(job("<p style='break-before: page'>x" * 3))


def test_a_stuck_child_is_stopped(settings, monkeypatch, tmp_path):
    script = tmp_path / "stuck.py"
    script.write_text("import time; time.sleep(600)")
    monkeypatch.setattr(setting, "SCRIPT", script)
    settings.FREIGABE_DOSSIER_SECONDS = 1
    with pytest.raises(setting.TooLarge, match="more than the 1 seconds"):
        setting.typeset(job(""))


def test_too_much_memory_ends_the_child_alone(monkeypatch, tmp_path):
    script = tmp_path / "greedy.py"
    script.write_text(
        f"import runpy\nchild = runpy.run_path({str(setting.SCRIPT)!r})\n"
        "child['main'].__globals__['typeset'] = lambda *job: bytearray(2**34)\n"
        "child['main']()\n"
    )
    monkeypatch.setattr(setting, "SCRIPT", script)
    with pytest.raises(setting.TooLarge, match="more memory than the 2048 MiB"):
        setting.typeset(job("x"))


def test_child_that_dies_may_be_tried_again(monkeypatch, tmp_path):
    script = tmp_path / "dead.py"
    script.write_text("import os; os.kill(os.getpid(), 9)")
    monkeypatch.setattr(setting, "SCRIPT", script)
    with pytest.raises(setting.NotSet, match="-9"):
        setting.typeset(job(""))


def test_what_cannot_be_laid_out_side_by_side_is_set_in_one_column():
    """A grid that stays together and fills more than a page breaks WeasyPrint 70."""
    style = (
        "@page { size: A6 } h2, dt { break-after: avoid } "
        "dl { display: grid; grid-template-columns: 22mm 1fr; break-inside: avoid }"
    )
    long = "<dt>a<dd>" + "word " * 150
    html = f"<style>{style}</style><section><h2>h</h2><dl>{long * 3}</dl></section>"
    with pytest.raises(AssertionError):
        HTML(string=html).render()
    made = setting.typeset(job(html))
    text = "\n".join(
        page.extract_text() for page in pypdf.PdfReader(BytesIO(made.pdf)).pages
    )
    assert text.split().count("word") == 450


def test_what_the_document_names_outside_is_not_fetched():
    with pytest.raises(setting.NotSet, match="http://127.0.0.1:9/x"):
        setting.typeset(job("<img src='http://127.0.0.1:9/x'>"))


def test_child_can_open_no_socket_and_start_no_process():
    done = subprocess.run(
        [sys.executable, "-c", CONFINED + TRIES],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_child_dies_with_its_worker(tmp_path):
    child = tmp_path / "child.py"
    child.write_text(CONFINED + "print(os.getpid(), flush=True)\ntime.sleep(60)\n")
    worker = (
        "import os, subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, {str(child)!r}], "
        "stdout=subprocess.PIPE)\n"
        "print(child.stdout.readline().decode(), flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", worker], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL
    gone = Path(f"/proc/{int(done.stdout)}/stat")
    until = time.monotonic() + 10
    while gone.exists() and gone.read_text().split(")")[1].split()[0] != "Z":
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture
def stage(fresh_database, monkeypatch) -> Stage:
    monkeypatch.setattr(world, "NOW", timezone.now())
    return Stage()


def test_too_large_fails_at_once_and_its_parts_are_built(stage, settings):
    dossier = stage.asked(stage.version(stage.model()))
    settings.FREIGABE_DOSSIER_MAX_PAGES = 2
    assert build.build_next()
    dossier.refresh_from_db()
    assert (dossier.state, dossier.attempts) == (Dossier.State.FAILED, 1)
    assert dossier.too_large
    assert "it may have 2" in dossier.failure
    client = Client()
    client.force_login(stage.ines)
    page = client.get(f"/dossiers/{dossier.pk}/").content.decode()
    assert "three parts" in page
    client.post(f"/dossiers/{dossier.pk}/split")
    client.post(f"/dossiers/{dossier.pk}/split")
    parts = Dossier.objects.filter(part__gt=0).order_by("part")
    assert [row.part for row in parts] == [1, 2, 3]
    assert {row.as_of for row in parts} == {dossier.as_of}
    settings.FREIGABE_DOSSIER_MAX_PAGES = 500
    while build.build_next():
        pass
    sizes = set()
    for row in parts.all():
        assert row.state == Dossier.State.FINISHED, row.failure
        sizes.add(default_storage.size(row.pdf_name))
    assert len(sizes) == 3


def test_only_what_was_too_large_is_split(stage):
    dossier = stage.asked(stage.version(stage.model()))
    with pytest.raises(CannotBuild):
        split(dossier=dossier, by=stage.ines, at=timezone.now())

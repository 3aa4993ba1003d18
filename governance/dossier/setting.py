"""Has a dossier set by a child process that cannot take the worker with it."""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.utils.translation import gettext as _

SCRIPT = Path(__file__).with_name("typeset.py")
JOB, RESULT = "job.json", "out.pdf"
SCRATCH = "freigabe-dossier-"
ABANDONED = 3600  # seconds beyond the limit of a build
# Where fontconfig finds fonts and its cache; nothing else of the worker's environment.
KEPT = ("HOME", "PATH", "FONTCONFIG_FILE", "FONTCONFIG_PATH", "XDG_CACHE_HOME")
LAST_WORDS = 2000


class TooLarge(Exception):
    """The dossier exceeds a limit, and would again: the text says which."""


class NotSet(Exception):
    """The child broke off or refused; the text says why. Another attempt may help."""


@dataclass(frozen=True)
class Job:
    """A document with its files: name to bytes and media type, and what is attached.

    `attach` are mappings with name, description, relationship (ISO 32000-2, 7.11.3)
    and moment (ISO 8601).
    """

    html: str
    css: str
    files: Mapping[str, tuple[bytes, str]]
    attach: Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Set:
    """The PDF, its pages, and the child's peak memory in bytes."""

    pdf: bytes
    pages: int
    peak_bytes: int


def typeset(
    job: Job, *, on_progress: Callable[[float], None] = lambda share: None
) -> Set:
    """The PDF of a document. Raises `TooLarge`, `NotSet`, and what `on_progress` does.

    Over FREIGABE_DOSSIER_MAX_PAGES pages, FREIGABE_DOSSIER_SECONDS or
    FREIGABE_DOSSIER_MEMORY_BYTES the child is stopped.
    """
    _sweep()
    with tempfile.TemporaryDirectory(prefix=SCRATCH) as scratch:
        folder = Path(scratch)
        _write(job, folder)
        with _child(folder) as (child, errors):
            said, code = _listen(child, on_progress)
            errors.seek(0)
            words = errors.read()[-LAST_WORDS:].decode(errors="replace").strip()
        if not said.get("done"):
            raise _problem(said, code, words)
        return Set(
            (folder / RESULT).read_bytes(), int(said["pages"]), int(said["peak_bytes"])
        )


def _sweep() -> None:
    """Remove what builds left whose worker was killed: all of a dossier lies there."""
    longest = ABANDONED + 2 * settings.FREIGABE_DOSSIER_SECONDS
    for left in Path(tempfile.gettempdir()).glob(f"{SCRATCH}*"):
        # Somebody else's, or another worker was first.
        with suppress(OSError):
            if left.stat().st_mtime < time.time() - longest:
                shutil.rmtree(left)


def _write(job: Job, folder: Path) -> None:
    places = {}
    for number, (name, (body, media_type)) in enumerate(job.files.items()):
        (folder / f"file-{number}").write_bytes(body)
        places[name] = (f"file-{number}", media_type)
    said = {
        "html": job.html,
        "css": job.css,
        "files": places,
        "attach": list(job.attach),
        "parent": os.getpid(),
        "most_pages": settings.FREIGABE_DOSSIER_MAX_PAGES,
        "seconds": settings.FREIGABE_DOSSIER_SECONDS,
        "memory_bytes": settings.FREIGABE_DOSSIER_MEMORY_BYTES,
    }
    (folder / JOB).write_text(json.dumps(said), "utf-8")


@contextmanager
def _child(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            [sys.executable, "-I", "-B", str(SCRIPT), str(folder)],
            env=environment | {"LANG": "C.UTF-8", "TMPDIR": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        try:
            yield child, errors
        finally:
            child.kill()
            child.wait()
            if child.stdout:
                child.stdout.close()


def _listen(
    child: subprocess.Popen[bytes], on_progress: Callable[[float], None]
) -> tuple[dict[str, Any], int]:
    """The last words and the exit code, passing on its shares. Raises `TooLarge`."""
    until = time.monotonic() + settings.FREIGABE_DOSSIER_SECONDS
    said: dict[str, Any] = {}
    pipe, text = child.stdout, b""
    while pipe is not None:
        left = until - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            raise TooLarge(_too_slow())
        piece = os.read(pipe.fileno(), 4096)
        if not piece:
            break
        *lines, text = (text + piece).split(b"\n")
        for line in lines:
            said = _read(line)
            if "share" in said:
                on_progress(float(said["share"]))
    try:
        return said, child.wait(max(1.0, until - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise TooLarge(_too_slow()) from error


def _read(line: bytes) -> dict[str, Any]:
    """What the child said; a library may print, too, and says nothing."""
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _problem(said: Mapping[str, Any], code: int, words: str) -> Exception:
    """What the child's end means, as a sentence."""
    refused = said.get("refused")
    if refused == "pages":
        return TooLarge(
            _("The dossier would have %(count)s pages; it may have %(most)s.")
            % {"count": said["pages"], "most": settings.FREIGABE_DOSSIER_MAX_PAGES}
        )
    if refused == "memory" or code in (-signal.SIGTRAP, -signal.SIGABRT):
        return TooLarge(
            _("Setting the dossier takes more memory than the %(size)s MiB allowed.")
            % {"size": settings.FREIGABE_DOSSIER_MEMORY_BYTES // 1024**2}
        )
    if refused == "fetch":
        return NotSet(_("A dossier loads nothing from %(url)s.") % {"url": said["url"]})
    if refused == "confinement":
        return NotSet(_("This machine cannot keep a process from the network."))
    if code == -signal.SIGXCPU:
        return TooLarge(_too_slow())
    last = words.rpartition("\n")[2]
    return NotSet(
        _("The process that sets the dossier ended with %(code)s. %(words)s").strip()
        % {"code": code, "words": last}
    )


def _too_slow() -> str:
    return _("Setting the dossier takes more than the %(seconds)s seconds allowed.") % {
        "seconds": settings.FREIGABE_DOSSIER_SECONDS
    }

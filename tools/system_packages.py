"""What the system must give: libraries, fonts, a sandbox, and for tests a browser."""

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

FONTS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts")


def provide(purpose, step):
    """Install what is missing where we may; else name it in one line and go on.

    Nothing here stops the set-up: without Pango there is no PDF, without bubblewrap
    a weaker sandbox, without Chromium no browser test, and the rest works.
    """
    missing = [name for name, present in _needed(purpose) if not present()]
    if not missing or install(missing, step):
        return
    print(
        "Missing: {0}. Install with: sudo apt-get install {0}".format(
            " ".join(missing)
        ),
        flush=True,
    )


def install(packages, step):
    """Install Debian packages as root; return whether that was possible."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    with step("Installing " + ", ".join(packages)):
        if _quietly(command):
            return True
        _quietly(["apt-get", "update", "-q"])
        return _quietly(command)


def _needed(purpose):
    """Return package names, each with the question whether the system has it."""
    needed = [
        ("libpango-1.0-0", lambda: _library("libpango-1.0.so.0")),
        ("libpangoft2-1.0-0", lambda: _library("libpangoft2-1.0.so.0")),
        ("libharfbuzz-subset0", lambda: _library("libharfbuzz-subset.so.0")),
        ("libgomp1", lambda: _library("libgomp.so.1")),
        ("fonts-dejavu-core", lambda: _font("DejaVuSans.ttf")),
        ("fonts-inter", lambda: _font("Inter*")),
        ("bubblewrap", lambda: _program("bwrap")),
    ]
    if purpose == "test":
        browsers = ("chromium", "chromium-browser", "google-chrome")
        needed.append(("chromium", lambda: any(map(_program, browsers))))
    return needed


def _library(name):
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _program(name):
    return shutil.which(name) is not None


def _font(pattern):
    return any(
        next(Path(root).expanduser().rglob(pattern), None) is not None for root in FONTS
    )


def _quietly(command):
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    with Path("var/log/setup.log").open("ab") as log:
        return (
            subprocess.call(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
            )
            == 0
        )

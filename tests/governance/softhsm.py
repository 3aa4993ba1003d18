"""A PKCS#11 token in software, for tests of keys that stay in hardware."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from governance.permit import hardware

MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
)
PIN = "87654321"


def plugged_in(settings: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make a token and name it in the settings; answer its label."""
    module = next((path for path in MODULES if Path(path).exists()), None)
    if module is None or shutil.which("softhsm2-util") is None:
        pytest.skip("softhsm2 is not installed")
    pkcs11 = pytest.importorskip("pkcs11", reason="python-pkcs11 is an option")
    pkcs11.unload(module)  # it reads its configuration once: of another test's token
    hardware._sessions.clear()
    (folder / "tokens").mkdir()
    conf = folder / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    label = f"freigabe-{os.getpid()}-{folder.name}"[:32]
    monkeypatch.setenv("SOFTHSM2_CONF", str(conf))
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", label]  # noqa: S607
        + ["--so-pin", "12345678", "--pin", PIN],
        check=True,
        capture_output=True,
    )
    settings.FREIGABE_PKCS11_MODULE = module
    settings.FREIGABE_PKCS11_TOKEN = label
    settings.FREIGABE_PKCS11_PIN = PIN
    return label

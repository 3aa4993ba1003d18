"""A time-stamp authority made of openssl (RFC 3161), for tests."""

import shutil
import subprocess
from pathlib import Path

import pytest

from audits.outside import timestamps
from tests.audits.servers import Answering

CONFIG = """
[ca]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign
[tsa]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[tsa_config]
serial = {0}/serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""


def founded(folder: Path) -> Path:
    """Make a root, and a certificate that may sign time stamps."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    (folder / "tsa.cnf").write_text(CONFIG.format(folder))
    (folder / "serial").write_text("01")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    _openssl(
        folder, "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days",
        "30", "-subj", "/CN=Test root", "-config", "/dev/null", "-addext",
        "basicConstraints=critical,CA:true",
    )  # fmt: skip
    _openssl(
        folder, "req", *key, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj",
        "/CN=Test TSA", "-config", "/dev/null",
    )  # fmt: skip
    _openssl(
        folder, "x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
        "-CAcreateserial", "-days", "30", "-extfile", "tsa.cnf", "-extensions", "tsa",
        "-out", "tsa.pem",
    )  # fmt: skip
    return folder


def answering(folder: Path) -> Answering:
    """What the authority of this folder answers, as `servers.serving` wants it."""

    def answer(_path, body, _headers):
        (folder / "query.tsq").write_bytes(body)
        _openssl(
            folder, "ts", "-reply", "-queryfile", "query.tsq", "-signer", "tsa.pem",
            "-inkey", "tsa.key", "-config", "tsa.cnf", "-section", "tsa_config",
            "-out", "reply.tsr",
        )  # fmt: skip
        return 200, timestamps.REPLY, (folder / "reply.tsr").read_bytes()

    return answer


def _openssl(folder: Path, *arguments: str) -> None:
    program = shutil.which("openssl") or "openssl"
    subprocess.run([program, *arguments], cwd=folder, check=True, capture_output=True)

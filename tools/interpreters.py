"""Which Python makes the environment: the newest of 3.14 to 3.11 that really runs."""

import glob
import os
import shutil
import subprocess

NEWEST, OLDEST = 14, 11
PROBE = "import sys; print('%d.%d.%d' % sys.version_info[:3]); print(sys.executable)"


class NoPython(Exception):
    """No suitable interpreter; the text says what to do."""


def describe(python):
    """Return version and path of an interpreter, or None where it does not run."""
    try:
        answer = subprocess.run(
            [str(python), "-c", PROBE],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=20,
            check=True,
        )
        version, path = answer.stdout.decode().split("\n")[:2]
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return version, path


def choose(wanted):
    """Return the interpreter that PYTHON= names, or the newest that is suitable.

    Raises NoPython with what to do. A pyenv shim that exists but has no version
    selected is passed over, and the version's own directory is tried.
    """
    if wanted:
        found = describe(shutil.which(wanted) or wanted)
        if found is None:
            raise NoPython(f"PYTHON={wanted} does not run.")
        if not _is_suitable(found[0]):
            raise NoPython(
                f"PYTHON={wanted} is Python {found[0]}; "
                f"Freigabe needs 3.{OLDEST} to 3.{NEWEST}."
            )
        return found[1]
    for candidate in _candidates():
        found = describe(candidate)
        if found is not None and _is_suitable(found[0]):
            return found[1]
    raise NoPython(
        f"Python 3.{OLDEST} or later is needed and none was found: "
        "install it, or name it with PYTHON=/path/to/python3."
    )


def _is_suitable(version):
    major, minor = (int(part) for part in version.split(".")[:2])
    return major == 3 and OLDEST <= minor <= NEWEST


def _candidates():
    roots = [os.environ.get("PYENV_ROOT"), os.path.expanduser("~/.pyenv")]
    for minor in range(NEWEST, OLDEST - 1, -1):
        for directory in os.environ.get("PATH", os.defpath).split(os.pathsep):
            yield os.path.join(directory, f"python3.{minor}")
        for root in filter(None, roots):
            pattern = os.path.join(root, "versions", f"3.{minor}.*", "bin", "python3")
            yield from sorted(glob.glob(pattern), reverse=True)
    # A Python without a number in its name is the last resort.
    yield "python3"

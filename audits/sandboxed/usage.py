"""What the child took of the machine, of itself alone."""

import re
from pathlib import Path

PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


def peak_memory() -> int:
    """The most bytes that were resident since this program began.

    Not getrusage's `ru_maxrss`: Linux hands that of the program which started this
    one on (execve(2)), so that a small child of a large worker seems large.
    """
    found = PEAK.search(Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024

"""What the child took of the machine, of itself alone."""

from pathlib import Path


def peak_memory() -> int:
    """The most bytes that were resident since this program began.

    Not getrusage's `ru_maxrss`: Linux hands that of the program which started this
    one on (execve(2)), so that a small child of a large worker seems large.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    (peak,) = (line for line in lines if line.startswith("VmHWM:"))
    return int(peak.split()[1]) * 1024

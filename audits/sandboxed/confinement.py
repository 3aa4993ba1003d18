"""What the child takes away from itself before it reads a hostile byte."""

import ctypes
import importlib
import os
import resource
import signal
import stat
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audits.sandboxed import landlock, seccomp

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
CAPABILITY_VERSION_3 = 0x20080522
NOBODY = 65534
SCRATCH_FILE_BYTES = 256 * 1024**2
# Libraries map address space that they never touch: thread arenas, reserved pools.
ADDRESS_SPACE_HEADROOM = 2 * 1024**3
# What numeric libraries read to count processors and memory.
MACHINE = (
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat"),
    *("/sys/devices/system", "/sys/fs/cgroup", "/dev/urandom", "/dev/random"),
    *("/dev/zero", "/dev/null"),
)


def confine(job: dict[str, Any]) -> str:
    """Apply every layer that this machine allows; answer which held, in words.

    In bubblewrap the namespaces are there already; without it the child leaves the
    network by itself (a user namespace, as `unshare -Urn` does), becomes nobody where
    it was root, and gives up files by Landlock. The filter of system calls and the
    resource limits hold everywhere. `files` of the job may get other paths.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    held = [str(job["level"])] if job["contained"] else _confine_alone(libc, job)
    if job["parent"]:
        _die_with(libc, job["parent"])  # late: a change of user undoes it
    _limit_resources(job)
    if seccomp.deny(libc):
        held.append("seccomp (no sockets, no new processes)")
    return ", ".join([*held, "resource limits"])


def _confine_alone(libc: ctypes.CDLL, job: dict[str, Any]) -> list[str]:
    # Later its folder cannot be listed any more, and the import would find nothing.
    importlib.import_module("audits.artifacts")
    held: list[str] = []
    alone = libc.unshare(CLONE_NEWNET | CLONE_NEWIPC) == 0  # as root only
    opened = {name: os.open(path, os.O_RDONLY) for name, path in job["files"].items()}
    readable = [*job["readable"], *job["files"].values(), *MACHINE]
    version = landlock.restrict(libc, readable=readable, writable=job["scratch"])
    if version:
        held.append(f"Landlock {version} (only its own files)")
    else:
        held.append("files of the worker's user readable")
    if os.geteuid() == 0 and _become_nobody(libc, job, opened):
        held.append("user nobody")
    if libc.unshare(CLONE_NEWUSER | (0 if alone else CLONE_NEWNET | CLONE_NEWIPC)) == 0:
        held.insert(0, "user namespace (no network)")
    elif alone:
        held.insert(0, "network namespace (no network)")
    _drop_capabilities(libc)
    return held


def _become_nobody(
    libc: ctypes.CDLL, job: dict[str, Any], opened: Mapping[str, int]
) -> bool:
    """Change from root to nobody, if nobody can read what the work needs.

    The files of the job may lie in a folder of root's: they are reached through the
    descriptors that are open already.
    """
    shared = all(_open_to_all(Path(path)) for path in job["readable"])
    if not shared or not all(
        os.fstat(n).st_mode & stat.S_IROTH for n in opened.values()
    ):
        return False
    try:
        os.chown(job["scratch"], NOBODY, NOBODY)
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    except OSError:
        return False
    libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # else its own descriptors are root's
    job["files"] = {name: f"/proc/self/fd/{n}" for name, n in opened.items()}
    return True


def _open_to_all(path: Path) -> bool:
    """Whether everybody may read a path; what is not there is not read."""
    real = Path(os.path.realpath(path))
    if not real.exists():
        return True
    wanted = stat.S_IROTH | (stat.S_IXOTH if real.is_dir() else 0)
    steps = all(part.stat().st_mode & stat.S_IXOTH for part in real.parents)
    return steps and real.stat().st_mode & wanted == wanted


def _die_with(libc: ctypes.CDLL, parent: int) -> None:
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above
        sys.exit(1)


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    header = ctypes.create_string_buffer(struct.pack("=Ii", CAPABILITY_VERSION_3, 0))
    libc.capset(header, ctypes.create_string_buffer(24))


def _limit_resources(job: Mapping[str, Any]) -> None:
    memory = int(job["memory_bytes"])
    cpu = int(job["cpu_seconds"])
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: SCRATCH_FILE_BYTES,
        resource.RLIMIT_CPU: cpu,
        resource.RLIMIT_DATA: memory,
        resource.RLIMIT_AS: memory + ADDRESS_SPACE_HEADROOM,
        resource.RLIMIT_NOFILE: 256,
    }
    if job["processes"]:
        limits[resource.RLIMIT_NPROC] = int(job["processes"])
    for which, limit in limits.items():
        _, ceiling = resource.getrlimit(which)
        if ceiling != resource.RLIM_INFINITY:
            limit = min(limit, ceiling)
        resource.setrlimit(which, (limit, limit))

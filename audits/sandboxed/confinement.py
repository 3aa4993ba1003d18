"""What the child takes away from itself before it reads a hostile byte."""

import ctypes
import os
import resource
import signal
import struct
import sys
from collections.abc import Mapping
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
CAPABILITY_VERSION_3 = 0x20080522
SCRATCH_FILE_BYTES = 64 * 1024**2
# Libraries map address space that they never touch: thread arenas, reserved pools.
ADDRESS_SPACE_HEADROOM = 2 * 1024**3


def confine(job: Mapping[str, Any]) -> str:
    """Apply every limit that this machine allows; answer what held, in words.

    In bubblewrap the namespaces are there already; without it the child tries to
    leave the network by itself (a user namespace, as `unshare -Urn` does).
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if job["parent"]:
        _die_with(libc, job["parent"])
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    level: str = job["level"]
    if not job["contained"]:
        level = _leave_network(libc)
        _drop_capabilities(libc)
    _limit_resources(job)
    return level


def _die_with(libc: ctypes.CDLL, parent: int) -> None:
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above
        sys.exit(1)


def _leave_network(libc: ctypes.CDLL) -> str:
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) == 0:
        return "user namespace and resource limits, no network, files readable"
    if libc.unshare(CLONE_NEWNET | CLONE_NEWIPC) == 0:
        return "network namespace and resource limits, no network, files readable"
    return "resource limits only: network and files of the worker's user reachable"


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

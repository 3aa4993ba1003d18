"""What a hostile model might try; each answers whether it worked. Used by `probe`."""

import ctypes
import os
import platform
import resource
import socket
import threading
from collections.abc import Callable

from audits.sandboxed.seccomp import DENIED, MACHINES

NEW_USER_NAMESPACE = 0x10000000
PTRACE_ATTACH = 16
ADDRESS = ("192.0.2.1", 9)  # TEST-NET-1: belongs to nobody
SPAWNED = "/usr/bin/true"


def fork() -> bool:
    """Start a copy of the process."""
    number = os.fork()
    if number == 0:
        os._exit(0)
    os.waitpid(number, 0)
    return True


def execute() -> bool:
    """Start another program."""
    os.waitpid(os.posix_spawn(SPAWNED, [SPAWNED], {}), 0)
    return True


def stream() -> bool:
    """Open a TCP connection."""
    socket.create_connection(ADDRESS, timeout=1).close()
    return True


def datagram() -> bool:
    """Send one UDP packet."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        return one.sendto(b"x", ADDRESS) > 0


def resolve() -> bool:
    """Ask for the address of a name."""
    return bool(socket.getaddrinfo("example.org", 80))


def local() -> bool:
    """Open a socket to a service of this machine."""
    with socket.socket(socket.AF_UNIX):
        return True


def signal_parent() -> bool:
    """Ask whether the parent may be signalled (in a PID namespace it is not there)."""
    os.kill(os.getppid() or 1, 0)
    return True


def limit_parent() -> bool:
    """Take memory away from the parent."""
    resource.prlimit(os.getppid() or 1, resource.RLIMIT_CORE, (0, 0))
    return True


def environment_of_parent() -> bool:
    """Read the parent's environment, where passwords are."""
    with open(f"/proc/{os.getppid() or 1}/environ", "rb") as file:
        return b"SECRET" in file.read()


def shared_memory() -> bool:
    """Fill memory that no limit of the process counts."""
    with open("/dev/shm/filled", "wb") as file:  # noqa: S108
        return file.write(bytes(64 * 1024**2)) > 0


def passwords() -> bool:
    """Read who has an account here."""
    with open("/etc/passwd", "rb") as file:
        return bool(file.read(1))


def _call(name: str, *arguments: int) -> Callable[[], bool]:
    def call() -> bool:
        column, _ = MACHINES[platform.machine()]
        libc = ctypes.CDLL(None, use_errno=True)
        answer = libc.syscall(DENIED[name][column], *arguments)
        return bool(answer >= 0)

    return call


ATTEMPTS: dict[str, Callable[[], bool]] = {
    "fork": fork,
    "execute": execute,
    "stream": stream,
    "datagram": datagram,
    "resolve": resolve,
    "local": local,
    "signal parent": signal_parent,
    "limit parent": limit_parent,
    "environment of parent": environment_of_parent,
    "passwords": passwords,
    "shared memory": shared_memory,
    "trace parent": _call("ptrace", PTRACE_ATTACH, os.getppid(), 0, 0),
    "namespace": _call("unshare", NEW_USER_NAMESPACE),
    "ring": _call("io_uring_setup", 1, 0),
    "keys": _call("keyctl", 0, 0, 0),
    "programs in the kernel": _call("bpf", 0, 0, 0),
    "page faults": _call("userfaultfd", 0),
    "events": _call("perf_event_open", 0, 0, 0, 0, 0),
    "mount": _call("mount", 0, 0, 0, 0, 0),
    "become root": _call("setuid", 0),
}


def succeed(names: list[str]) -> list[str]:
    """Try them one after the other; answer those that worked."""
    return [name for name in names if _worked(ATTEMPTS[name])]


def _worked(attempt: Callable[[], bool]) -> bool:
    try:
        return attempt()
    except OSError:
        return False


def threads_start() -> bool:
    """Whether a thread still starts: numeric libraries need them."""
    done: list[bool] = []
    one = threading.Thread(target=lambda: done.append(True))
    one.start()
    one.join()
    return bool(done)

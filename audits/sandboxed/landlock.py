"""Landlock: the process gives up all files but those that it names (landlock(7)).

By system calls through ctypes: the C library has no wrappers. Used where bubblewrap is
missing, so that the files of the worker's user stay out of reach.
"""

import contextlib
import ctypes
import os
import stat
import struct
from collections.abc import Iterable

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # on every architecture
VERSION_FLAG = 1
PATH_BENEATH = 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE = 1, 1 << 1, 1 << 2, 1 << 3, 1 << 14
READ = EXECUTE | READ_FILE | READ_DIR
# Access rights, by the version of the interface that brought them.
FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
LATEST_FILE_RIGHTS = 16
SOCKET_VERSION, SCOPE_VERSION = 4, 6
TCP = 0b11  # bind and connect
SCOPES = 0b11  # abstract Unix sockets and signals of others
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE  # what a rule on a file may name


def restrict(libc: ctypes.CDLL, *, readable: Iterable[str], writable: str) -> int:
    """Keep only these paths, the second one for writing; answer the version, or 0.

    `PR_SET_NO_NEW_PRIVS` must be set. Paths that do not exist are left out. 0 means
    that the kernel has no Landlock, and that nothing was restricted.
    """
    version = int(libc.syscall(CREATE_RULESET, None, 0, VERSION_FLAG))
    if version < 1:
        return 0
    every = (1 << FILE_RIGHTS.get(version, LATEST_FILE_RIGHTS)) - 1
    attributes = struct.pack("=Q", every)
    if version >= SOCKET_VERSION:
        attributes += struct.pack("=Q", TCP)
    if version >= SCOPE_VERSION:
        attributes += struct.pack("=Q", SCOPES)
    rules = int(libc.syscall(CREATE_RULESET, attributes, len(attributes), 0))
    if rules < 0:
        return 0
    for path in readable:
        _allow(libc, rules, path, READ & every)
    _allow(libc, rules, writable, every & ~EXECUTE)
    _allow(libc, rules, os.devnull, (READ_FILE | WRITE_FILE) & every)
    done = libc.syscall(RESTRICT_SELF, rules, 0)
    os.close(rules)
    return version if done == 0 else 0


def _allow(libc: ctypes.CDLL, rules: int, path: str, access: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            access &= OF_FILES
        rule = struct.pack("=Qi", access, place)
        libc.syscall(ADD_RULE, rules, PATH_BENEATH, rule, 0)
        os.close(place)

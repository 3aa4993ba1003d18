"""A filter of system calls, in force before any hostile byte is read.

Written as the kernel's own instructions (classic BPF, seccomp(2)) because slim images
lack libseccomp. A list of what is denied, not of what is allowed: numeric libraries use
many calls that differ by version and machine, and the layers around it deny by default.
Threads still start; processes, sockets and other programs do not.
"""

import ctypes
import errno
import os
import platform
import struct

PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW = 0x7FFF0000
KILL_PROCESS = 0x80000000
ERRNO = 0x00050000
NUMBER_AT, ARCHITECTURE_AT, FIRST_ARGUMENT_AT = 0, 4, 16  # struct seccomp_data
X32_BIT = 0x40000000
CLONE_THREAD = 0x00010000
# name: (number on x86-64, number on arm64); None where there is no such call
DENIED: dict[str, tuple[int | None, int | None]] = {
    # the network, and every other way to a service of this machine
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203),
    "bind": (49, 200), "listen": (50, 201), "accept": (43, 202), "accept4": (288, 242),
    "sendto": (44, 206), "sendmsg": (46, 211), "sendmmsg": (307, 269),
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "msgget": (68, 186),
    "semget": (64, 190), "mq_open": (240, 180),
    # other processes and other programs
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221),
    "execveat": (322, 281), "ptrace": (101, 117), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "process_madvise": (440, 440), "kcmp": (312, 272),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424), "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    # namespaces, mounts, and paths around them
    "unshare": (272, 97), "setns": (308, 268), "chroot": (161, 51), "mount": (165, 40),
    "umount2": (166, 39), "pivot_root": (155, 41), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    # large parts of the kernel that no model needs
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218), "modify_ldt": (154, None), "personality": (135, 92),
    # the machine
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142),
    "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89),
    "quotactl": (179, 60), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "adjtimex": (159, 171), "clock_adjtime": (305, 266), "sethostname": (170, 161),
    "setdomainname": (171, 162), "iopl": (172, None), "ioperm": (173, None),
    "syslog": (103, 116),
    # other users
    "setuid": (105, 146), "setgid": (106, 144), "setreuid": (113, 145),
    "setregid": (114, 143), "setresuid": (117, 147), "setresgid": (119, 149),
    "setgroups": (116, 159), "setfsuid": (122, 151), "setfsgid": (123, 152),
    "capset": (126, 91),
}  # fmt: skip
CLONE, CLONE3 = (56, 220), (435, 435)
# Allowed only with the own process, or 0, as the first argument.
OWN_ONLY = {"kill": (62, 129), "tgkill": (234, 131), "prlimit64": (302, 261)}
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}


def deny(libc: ctypes.CDLL) -> bool:
    """Put the filter in force for this process and its threads; False where it fails.

    `PR_SET_NO_NEW_PRIVS` must be set, and there may be one thread only.
    """
    machine = MACHINES.get(platform.machine())
    if machine is None:
        return False
    program = b"".join(_program(*machine))
    instructions = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("@HP", len(program) // 8, ctypes.addressof(instructions))
    filter = ctypes.create_string_buffer(head, len(head))
    return bool(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter, 0, 0) == 0)


def _program(column: int, architecture: int) -> list[bytes]:
    found = [
        _step(LOAD, ARCHITECTURE_AT),
        _step(JUMP_EQUAL, architecture, yes=1),
        _step(RETURN, KILL_PROCESS),
        _step(LOAD, NUMBER_AT),
        _step(JUMP_AT_LEAST, X32_BIT, no=1),
        _step(RETURN, ERRNO | errno.ENOSYS),
    ]
    for numbers in DENIED.values():
        number = numbers[column]
        if number is not None:
            found += [_step(JUMP_EQUAL, number, no=1), _refusal(errno.EPERM)]
    # Its flags are in memory, out of reach; the C library falls back to clone.
    found += [_step(JUMP_EQUAL, CLONE3[column], no=1), _refusal(errno.ENOSYS)]
    found += [
        _step(JUMP_EQUAL, CLONE[column], no=4),
        _step(LOAD, FIRST_ARGUMENT_AT),
        _step(JUMP_ANY_BIT, CLONE_THREAD, no=1),
        _step(RETURN, ALLOW),
        _refusal(errno.EPERM),
    ]
    for numbers in OWN_ONLY.values():
        found += [
            _step(JUMP_EQUAL, numbers[column], no=5),
            _step(LOAD, FIRST_ARGUMENT_AT),
            _step(JUMP_EQUAL, os.getpid(), yes=1),
            _step(JUMP_EQUAL, 0, no=1),
            _step(RETURN, ALLOW),
            _refusal(errno.EPERM),
        ]
    return [*found, _step(RETURN, ALLOW)]


def _step(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("@HBBI", code, yes, no, value)


def _refusal(reason: int) -> bytes:
    return _step(RETURN, ERRNO | reason)

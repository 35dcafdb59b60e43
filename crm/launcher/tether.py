"""Runs a command that dies with its parent: `tether.py SIGNAL COMMAND …` (Linux; elsewhere it only runs it).

A script of its own instead of a `preexec_fn`: the supervisor has threads, and forking Python code beside them may hang.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask the kernel for SIGNAL when the parent ends, then become COMMAND."""
    parent = int(os.environ.pop("CRM_TETHER_PARENT"))
    account = os.environ.pop("CRM_TETHER_ACCOUNT", "")
    number = int(getattr(signal, sys.argv[1]))
    library = ctypes.CDLL(None, use_errno=True)
    if account:  # first, as it makes the kernel forget the signal
        uid, gid = map(int, account.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        library.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the kernel was asked
        sys.exit(1)
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - the launcher's own command line


if __name__ == "__main__":
    main()

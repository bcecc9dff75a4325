"""Whether another program still writes to a file, as far as the system tells."""

import os
import signal
import sys
from pathlib import Path

SHARING_VIOLATION = 32
"""Windows' error if the program that writes a file lets nobody else open it."""

if sys.platform == "linux":
    import fcntl


def is_being_written(path: Path) -> bool:
    """Whether a program has the file open for writing.

    Linux tells on local disks, for the user's own files. Windows tells if the writer keeps others
    out, as most do. Elsewhere, and for files that cannot be opened, the answer is no.
    """
    if sys.platform == "linux":
        answer = _has_writer(path)
    elif sys.platform == "win32":
        answer = _is_kept_from_others(path)
    else:
        answer = False
    return answer


def _has_writer(path: Path) -> bool:
    """A lease for reading is only granted while nobody has the file open for writing."""
    if sys.platform == "linux":
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            # who opens the file meanwhile has us told; by default the signal would end the process
            fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        except BlockingIOError:
            return True
        except OSError:  # not our file, or a file system without leases
            return False
        finally:
            os.close(descriptor)
    return False


def _is_kept_from_others(path: Path) -> bool:
    if sys.platform == "win32":
        try:
            path.open("rb").close()
        except OSError as error:
            return error.winerror == SHARING_VIOLATION
    return False

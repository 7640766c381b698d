"""A lock between processes: a process that has waited can use the other's result."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

LONGEST = 30.0
"""The longest wait for another process in seconds."""

PAUSE = 0.02


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a file's lock, which the system releases if this process ends.

    If files cannot be locked, or another process holds the lock too long, this does not wait. The
    code inside must therefore be correct without the lock.

    Parameters
    ----------
    path : Path
        The file, which is created if it does not exist.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from maha_numpy.compiled.alone import alone
    >>> with tempfile.TemporaryDirectory() as folder, alone(Path(folder) / "lock"):
    ...     print("nobody else is here")
    nobody else is here
    """
    file: IO[bytes] | None = None
    with suppress(OSError):
        file = path.open("ab")
    try:
        if file is not None:
            _wait(file)
        yield
    finally:
        if file is not None:
            file.close()  # this releases the lock


def _wait(file: IO[bytes]) -> None:
    """Lock a file, unless that is not possible or takes too long."""
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        try:
            _lock(file)
        except (BlockingIOError, PermissionError):  # another process holds it; so says Windows
            time.sleep(PAUSE)
        except (OSError, ImportError):
            return
        else:
            return


def _lock(file: IO[bytes]) -> None:
    """Lock a file, or raise OSError at once."""
    try:
        import fcntl
    except ImportError:
        import msvcrt

        windows: Any = msvcrt
        file.seek(0)
        windows.locking(file.fileno(), windows.LK_NBLCK, 1)
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

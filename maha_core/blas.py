"""Limit BLAS to one thread while our own threads compute, and restore the setting afterwards.

A float32 product differs in its bits between one BLAS thread and two, and a pool of our threads
that each start a BLAS pool oversubscribes the machine. So BLAS computes a tile on one thread.

The setting belongs to the process. The first thread to enter sets the limit and the last to leave
restores the setting, with one counter for all threads. Without the counter, the second of two
overlapping limits would save the limit of the first as the user's setting, and restore it.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol

from threadpoolctl import OpenBLASController, ThreadpoolController

if TYPE_CHECKING:
    from types import TracebackType

    from threadpoolctl import LibController

__all__ = ["limited", "one_thread"]

SERIAL_MULTIPLICATIONS = 2**18
"""BLAS computes products of fewer multiplications on one thread anyway."""

VECTOR = 32
"""A product with a vector counts as so many: BLAS starts threads for it much earlier."""


class _Limit:
    """A limit of libraries to one thread while it has holders, and their previous settings.

    Ctrl-C may interrupt between any two steps. A holder is added before the limit is set and
    removed after it is lifted, so that `give_back` restores the settings in every case.
    """

    def __init__(self) -> None:
        self.holders: set[int] = set()
        self._before: list[tuple[LibController, int]] = []

    def take(self, holder: int, libraries: list[LibController]) -> None:
        """Hold the libraries at one thread."""
        first = not self.holders
        self.holders.add(holder)
        if first:
            found = [(library, library.get_num_threads()) for library in libraries]
            self._before = [item for item in found if item[1] not in (None, 1)]
            self._set([(library, 1) for library, _ in self._before])

    def give_back(self, holder: int) -> None:
        """Remove a holder, and restore the libraries' settings if it was the last."""
        if self.holders <= {holder}:
            self.restore()
        self.holders.discard(holder)

    def restore(self) -> None:
        """Restore the number of threads of every library."""
        # If a library is no longer at one thread, the user has changed it meanwhile: leave it.
        self._set([item for item in self._before if item[0].get_num_threads() == 1])
        self._before = []

    @staticmethod
    def _set(settings: list[tuple[LibController, int]]) -> None:
        if not settings:
            return
        # threadpoolctl lets only one thread set OpenBLAS and silently ignores others; but here the
        # last thread to leave need not be the first that entered.
        OpenBLASController.clear_controlling_thread(force=True)
        for library, threads in settings:
            library.set_num_threads(threads)
        OpenBLASController.clear_controlling_thread(force=True)


class _Libraries:
    """The BLAS libraries of this process.

    A search takes milliseconds, so it is repeated only after further modules were imported, which
    may have loaded another library, such as SciPy's.
    """

    def __init__(self) -> None:
        self._of_process: list[LibController] = []
        self._of_thread: list[LibController] = []
        self._modules = 0

    def of_process(self) -> list[LibController]:
        """The libraries with one setting for the whole process."""
        if len(sys.modules) != self._modules:
            self._find()
        return self._of_process

    def of_thread(self) -> list[LibController]:
        """The libraries with a setting for each thread: OpenBLAS on top of OpenMP."""
        if len(sys.modules) != self._modules:
            self._find()
        return self._of_thread

    def _find(self) -> None:
        self._of_process, self._of_thread = [], []
        for library in ThreadpoolController().lib_controllers:
            if library.user_api == "blas":
                per_thread = getattr(library, "threading_layer", None) == "openmp" and isinstance(
                    library, OpenBLASController
                )
                (self._of_thread if per_thread else self._of_process).append(library)
        self._modules = len(sys.modules)


class _Known(Protocol):
    """The BLAS libraries to limit: those with one setting, and those with one for each thread."""

    def of_process(self) -> list[LibController]: ...

    def of_thread(self) -> list[LibController]: ...


class _ThreadState(threading.local):
    """The limit of one thread, for libraries that have a setting for each thread."""

    def __init__(self) -> None:
        self.limit = _Limit()


class _OneThread:
    """The limit of a process, and that of each of its threads."""

    def __init__(self, libraries: _Known) -> None:
        self._libraries = libraries
        self._here = _ThreadState()
        self._lock = threading.RLock()  # a hold may be collected while its own thread is inside
        self._limit = _Limit()

    def take(self, holder: int) -> None:
        """Hold BLAS at one thread, in this thread and in the process."""
        with self._lock:
            self._limit.take(holder, self._libraries.of_process())
        self._here.limit.take(holder, self._libraries.of_thread())

    def give_back(self, holder: int) -> None:
        """Release the limit, in this thread and in the process."""
        self._here.limit.give_back(holder)
        with self._lock:
            self._limit.give_back(holder)

    def before_fork(self) -> None:
        self._lock.acquire()

    def after_fork_in_parent(self) -> None:
        self._lock.release()

    def after_fork_in_child(self) -> None:
        # Only the forking thread exists in the child: the others will never leave.
        self._lock = threading.RLock()
        self._limit.holders = set(self._here.limit.holders)
        if not self._limit.holders:
            self._limit.restore()


class _Hold:
    """The hold that one ``with`` block has on the limit.

    Steps interrupted by Ctrl-C are repeated. If Ctrl-C prevents `__exit__` from starting, the hold
    is released when it is garbage collected.
    """

    __slots__ = ("_limit",)

    def __init__(self, limit: _OneThread) -> None:
        self._limit = limit

    def __enter__(self) -> None:
        try:
            self._limit.take(id(self))
        except BaseException:
            self._give_back()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._give_back()
        except BaseException:
            self._give_back()
            raise

    def __del__(self) -> None:
        if hasattr(self, "_limit"):
            self._limit.give_back(id(self))

    def _give_back(self) -> None:
        self._limit.give_back(id(self))
        # Python ignores exceptions in `__del__`, also a KeyboardInterrupt.
        self.__class__ = _Ended  # type: ignore[assignment]


class _Ended:
    """A hold that has been released: nothing is left to do."""

    __slots__ = ("_limit",)


_ONE_THREAD = _OneThread(_Libraries())

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_ONE_THREAD.before_fork,
        after_in_parent=_ONE_THREAD.after_fork_in_parent,
        after_in_child=_ONE_THREAD.after_fork_in_child,
    )


def one_thread() -> AbstractContextManager[None]:
    """Keep BLAS at one thread inside a ``with`` block, in this and every other thread.

    The first of all threads to enter sets the limit; the last to leave restores the user's setting.
    Entering again costs little. Enter it in the calling thread and in each task that it starts,
    because OpenBLAS on top of OpenMP has one setting for each thread.

    Returns
    -------
    context manager

    Examples
    --------
    >>> from maha_core.blas import one_thread
    >>> with one_thread():
    ...     pass
    """
    return _Hold(_ONE_THREAD)


def limited(size: int) -> AbstractContextManager[object]:
    """Keep BLAS at one thread where it would use several: for products of `size` multiplications.

    Parameters
    ----------
    size : int
        The multiplications of the largest product inside the block.

    Returns
    -------
    context manager

    Examples
    --------
    >>> import numpy as np
    >>> from maha_core.blas import limited
    >>> A = np.eye(100)
    >>> with limited(100**3):
    ...     B = A @ A
    """
    return nullcontext() if size < SERIAL_MULTIPLICATIONS else one_thread()

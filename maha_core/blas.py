"""One BLAS thread while our own threads compute, and the user's setting back afterwards.

A float32 product differs in its bits between one BLAS thread and two, and a pool of our threads
that each start a BLAS pool oversubscribes the machine. Hence BLAS runs on one thread in a tile.

The setting belongs to the process, so the first to enter takes it and the last to leave gives it
back, whichever threads these are: two limits that overlap without a common counter each restore
what they found, and what the second found was the limit of the first.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from threadpoolctl import OpenBLASController, ThreadpoolController

if TYPE_CHECKING:
    from types import TracebackType

    from threadpoolctl import LibController

__all__ = ["one_thread"]


class _Limit:
    """The libraries that stand at one thread, and the number of threads each had before."""

    def __init__(self) -> None:
        self._before: list[tuple[LibController, int]] = []

    def take(self, libraries: list[LibController]) -> None:
        found = [(library, library.get_num_threads()) for library in libraries]
        self._before = [
            (library, threads) for library, threads in found if threads not in (None, 1)
        ]
        self._set([(library, 1) for library, _ in self._before])

    def give_back(self) -> None:
        # A library that no longer stands at one thread was set by the user meanwhile: leave it.
        standing = [item for item in self._before if item[0].get_num_threads() == 1]
        self._before = []
        self._set(standing)

    @staticmethod
    def _set(settings: list[tuple[LibController, int]]) -> None:
        if not settings:
            return
        # threadpoolctl lets only one thread set OpenBLAS, and ignores the others in silence; but
        # here the last to leave need not be the first that entered.
        OpenBLASController.clear_controlling_thread(force=True)
        for library, threads in settings:
            library.set_num_threads(threads)
        OpenBLASController.clear_controlling_thread(force=True)


class _Libraries:
    """The BLAS libraries of this process.

    A search takes milliseconds, so that it is made again only when modules have been imported
    since: another library, SciPy's say, may have come with them.
    """

    def __init__(self) -> None:
        self._of_process: list[LibController] = []
        self._of_thread: list[LibController] = []
        self._modules = 0

    def of_process(self) -> list[LibController]:
        """Those with one setting for the whole process."""
        self._find()
        return self._of_process

    def of_thread(self) -> list[LibController]:
        """Those with a setting for each thread: OpenBLAS on top of OpenMP."""
        self._find()
        return self._of_thread

    def _find(self) -> None:
        if len(sys.modules) == self._modules:
            return
        self._of_process, self._of_thread = [], []
        for library in ThreadpoolController().lib_controllers:
            if library.user_api == "blas":
                per_thread = getattr(library, "threading_layer", None) == "openmp" and isinstance(
                    library, OpenBLASController
                )
                (self._of_thread if per_thread else self._of_process).append(library)
        self._modules = len(sys.modules)


class _ThreadState(threading.local):
    """How often this thread is inside `one_thread`, and its own limit."""

    def __init__(self) -> None:
        self.depth = 0
        self.limit = _Limit()


class _OneThread(AbstractContextManager[None]):
    """The context manager behind `one_thread`; there is one, for the counter is the process's."""

    def __init__(self, libraries: _Libraries) -> None:
        self._libraries = libraries
        self._here = _ThreadState()
        self._lock = threading.Lock()
        self._threads_inside = 0
        self._limit = _Limit()

    def __enter__(self) -> None:
        if self._here.depth == 0:
            with self._lock:
                if self._threads_inside == 0:
                    self._limit.take(self._libraries.of_process())
                self._threads_inside += 1
            self._here.limit.take(self._libraries.of_thread())
        self._here.depth += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._here.depth -= 1
        if self._here.depth == 0:
            self._here.limit.give_back()
            with self._lock:
                self._threads_inside -= 1
                if self._threads_inside == 0:
                    self._limit.give_back()

    def before_fork(self) -> None:
        self._lock.acquire()

    def after_fork_in_parent(self) -> None:
        self._lock.release()

    def after_fork_in_child(self) -> None:
        # Only the forking thread lives on: the others will never leave.
        self._lock = threading.Lock()
        self._threads_inside = 1 if self._here.depth else 0
        if self._threads_inside == 0:
            self._limit.give_back()


_ONE_THREAD = _OneThread(_Libraries())

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_ONE_THREAD.before_fork,
        after_in_parent=_ONE_THREAD.after_fork_in_parent,
        after_in_child=_ONE_THREAD.after_fork_in_child,
    )


def one_thread() -> AbstractContextManager[None]:
    """Keep BLAS at one thread inside a ``with`` block, in this and every other thread.

    The first to enter, over all threads, sets the limit; the last to leave restores what the user
    had. Entering again costs no more than a counter. Enter it in the thread that calls and in each
    task that it starts: an OpenBLAS on top of OpenMP has one setting for each thread.

    Returns
    -------
    context manager

    Examples
    --------
    >>> from maha_core.blas import one_thread
    >>> with one_thread():
    ...     pass
    """
    return _ONE_THREAD

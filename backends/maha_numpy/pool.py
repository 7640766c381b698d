"""Tasks on several cores: a few threads that stay for the next call, and the caller, who works too.

Starting threads costs as much as a small problem. They are shared by all calls of the process; a
task that itself maps tasks does them alone, so that nobody waits for a thread that waits for him.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from itertools import islice
from typing import Generic, TypeVar

from maha_core.blas import one_thread

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 2
"""Tasks begun beyond those that the threads are at: their results wait to be yielded in order."""

_here = threading.local()


class Task(Generic[Result]):
    """Something to do once, by whichever thread comes first."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self._work = work
        self._free = threading.Lock()
        self.outcome: Future[Result] = Future()

    def claim(self) -> bool:
        """Tell whether the task was still free, and is now the caller's."""
        return self._free.acquire(blocking=False)

    def run(self) -> None:
        """Do the work of a claimed task."""
        _here.at_work = True
        try:
            with one_thread():  # some builds of BLAS keep a limit per thread
                self.outcome.set_result(self._work())
        except BaseException as error:  # the caller raises it, wherever it came up
            self.outcome.set_exception(error)
        finally:
            _here.at_work = False

    def run_if_free(self) -> None:
        """Do the work unless another thread has it."""
        if self.claim():
            self.run()


def map_ordered(
    function: Callable[[Item], Result], items: Sequence[Item], threads: int
) -> Iterator[Result]:
    """Yield ``function(item)`` in the order of the items, few ahead: memory stays bounded."""
    if threads == 1 or len(items) <= 1 or getattr(_here, "at_work", False):
        return map(function, items)
    return _mapped(function, items, threads)


def _mapped(
    function: Callable[[Item], Result], items: Sequence[Item], threads: int
) -> Iterator[Result]:
    workers, rest = _workers(threads - 1), iter(items)
    begun: deque[Task[Result]] = deque()
    try:
        while True:
            for item in islice(rest, threads + AHEAD - len(begun)):
                task = Task(partial(function, item))
                begun.append(task)
                workers.submit(task.run_if_free)
            if not begun:
                return
            _work_along(begun)
            yield begun.popleft().outcome.result()
    finally:
        _abandon(begun)


def _work_along(begun: deque[Task[Result]]) -> None:
    """Do free tasks until the first is done, or is all that is left to wait for."""
    while not begun[0].outcome.done():
        task = next((task for task in begun if task.claim()), None)
        if task is None:
            return
        task.run()


def _abandon(begun: deque[Task[Result]]) -> None:
    """Leave nothing running: after an error nobody may write to the caller's arrays any more."""
    for task in [task for task in begun if not task.claim()]:
        task.outcome.exception()


@cache
def _workers(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, "maha_core")


if hasattr(os, "register_at_fork"):  # threads do not live on in a forked child
    os.register_at_fork(after_in_child=_workers.cache_clear)

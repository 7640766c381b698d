"""A thread pool: a few persistent threads, and the calling thread, which also runs tasks.

Starting threads costs as much as a small problem, so all calls of the process share them. A task
that itself maps tasks runs them in its own thread, which avoids deadlocks.

Ctrl-C may interrupt the calling thread between any two steps. Threads therefore share only a queue
and locks, which an interrupt cannot leave in an inconsistent state. An executor of the standard
library can keep its own lock forever after an interrupt.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from contextvars import copy_context
from functools import cache, partial
from itertools import islice
from queue import SimpleQueue
from typing import Generic, TypeVar, cast

from maha_core.blas import one_thread

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 2
"""Tasks begun beyond those that the threads are at: their results wait to be yielded in order."""

_here = threading.local()


class Task(Generic[Result]):
    """A task, run once by the first free thread, in a copy of the caller's context."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self._work = work
        self._context = copy_context()  # one per task: two threads cannot enter the same context
        self._claims: list[int] = []
        self._unfinished = threading.Lock()
        self._unfinished.acquire()
        self._result: Result | None = None
        self._error: BaseException | None = None

    def claim(self) -> bool:
        """Claim the task for the calling thread if it is free; tell whether this thread has it."""
        self._claims.append(threading.get_ident())
        return self._claims[0] == threading.get_ident()

    @property
    def done(self) -> bool:
        """Whether there is a result, or an error."""
        return not self._unfinished.locked()

    def run(self) -> None:
        """Run a claimed task; `result` raises its error.

        The BLAS setting is restored before the task is marked as done.
        """
        _here.at_work = True
        try:
            with one_thread():  # some builds of BLAS keep a limit per thread
                self._result = self._context.run(self._work)
        except BaseException as error:  # the caller raises it, wherever it came up
            self._error = error
        finally:
            _here.at_work = False
            self._unfinished.release()

    def run_if_free(self) -> None:
        """Run the task unless another thread has claimed it."""
        if self.claim():
            self.run()

    def wait(self) -> None:
        """Return when the task is done."""
        with self._unfinished:
            pass

    def raise_interrupt(self) -> None:
        """Raise KeyboardInterrupt and similar at once, before the results of earlier tasks."""
        if not isinstance(self._error, Exception):
            self._raise()

    def result(self) -> Result:
        """Wait for the result, or raise the error."""
        self.wait()
        self._raise()
        return cast("Result", self._result)

    def _raise(self) -> None:
        """Raise the error if there is one."""
        error, self._error = self._error, None
        try:
            if error is not None:
                raise error
        finally:
            del error  # its traceback holds this frame


class Workers:
    """Threads that take tasks from one queue; they are started when first needed."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._starting = threading.Lock()
        self._tasks: SimpleQueue[Task[object]] = SimpleQueue()
        self._threads = 0

    def offer(self, task: Task[Result]) -> None:
        """Offer a task to the threads; the caller may run it before them."""
        if self._threads < self._count:
            with self._starting, suppress(RuntimeError):  # the system has no more threads now
                self._start()
        if self._threads:  # else the caller runs all tasks
            self._tasks.put(cast("Task[object]", task))

    def _start(self) -> None:
        if self._threads < self._count:
            threading.Thread(target=self._serve, name="maha_core", daemon=True).start()
            self._threads += 1

    def _serve(self) -> None:
        while True:
            self._tasks.get().run_if_free()


def map_ordered(
    function: Callable[[Item], Result], items: Sequence[Item], threads: int
) -> Iterator[Result]:
    """Yield ``function(item)`` in the order of the items, few ahead, so that memory is bounded."""
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
                workers.offer(task)
            if not begun:
                return
            _work_along(begun)
            begun[0].wait()  # still in `begun`, so that an interrupt does not abandon it
            yield begun.popleft().result()
    finally:
        _abandon(begun)


def _work_along(begun: deque[Task[Result]]) -> None:
    """Run free tasks until the first task is done or no free task is left."""
    while not begun[0].done:
        task = next((task for task in begun if not task.done and task.claim()), None)
        if task is None:
            return
        task.run()
        task.raise_interrupt()


def _abandon(begun: deque[Task[Result]]) -> None:
    """Stop all tasks: after an error, no thread may write to the caller's arrays any more.

    This does not wait for tasks of the calling thread, which may have been interrupted.
    """
    for task in [task for task in begun if not task.claim()]:
        task.wait()


@cache
def _workers(count: int) -> Workers:
    return Workers(count)


if hasattr(os, "register_at_fork"):  # threads do not exist in a forked child
    os.register_at_fork(after_in_child=_workers.cache_clear)

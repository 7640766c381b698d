"""Tasks on several cores: a few threads that stay for the next call, and the caller, who works too.

Starting threads costs as much as a small problem. They are shared by all calls of the process; a
task that itself maps tasks does them alone, so that nobody waits for a thread that waits for him.

Ctrl-C may come in the caller's thread between any two steps. What threads share is therefore a
queue and locks, which an interrupt cannot leave half changed as it can an executor of the standard
library: that one then keeps its own lock for ever.
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
    """Something to do once, by whichever thread comes first, in a copy of the caller's context."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self._work = work
        self._context = copy_context()  # of its own: two threads cannot be inside the same one
        self._claims: list[int] = []
        self._unfinished = threading.Lock()
        self._unfinished.acquire()
        self._result: Result | None = None
        self._error: BaseException | None = None

    def claim(self) -> bool:
        """Tell whether the task is the calling thread's: now, if it was still free."""
        self._claims.append(threading.get_ident())
        return self._claims[0] == threading.get_ident()

    @property
    def done(self) -> bool:
        """Whether there is a result, or an error."""
        return not self._unfinished.locked()

    def run(self) -> None:
        """Do the work of a claimed task; an error waits for `result`.

        BLAS has its threads back before anybody sees that the task is done.
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
        """Do the work unless another thread has it."""
        if self.claim():
            self.run()

    def wait(self) -> None:
        """Return when the task is done."""
        with self._unfinished:
            pass

    def raise_interrupt(self) -> None:
        """Raise Ctrl-C and its like at once: they do not wait for their turn."""
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
    """Threads that take tasks from one queue, started when there is something for them to do."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._starting = threading.Lock()
        self._tasks: SimpleQueue[Task[object]] = SimpleQueue()
        self._threads = 0

    def offer(self, task: Task[Result]) -> None:
        """Let a thread do a task, unless the caller comes first."""
        if self._threads < self._count:
            with self._starting, suppress(RuntimeError):  # the system has no more threads now
                self._start()
        if self._threads:  # else the caller does it all
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
                workers.offer(task)
            if not begun:
                return
            _work_along(begun)
            begun[0].wait()  # among the begun, lest an interrupt leave it behind
            yield begun.popleft().result()
    finally:
        _abandon(begun)


def _work_along(begun: deque[Task[Result]]) -> None:
    """Do free tasks until the first is done, or is all that is left to wait for."""
    while not begun[0].done:
        task = next((task for task in begun if not task.done and task.claim()), None)
        if task is None:
            return
        task.run()
        task.raise_interrupt()


def _abandon(begun: deque[Task[Result]]) -> None:
    """Leave nothing running: after an error nobody may write to the caller's arrays any more.

    Tasks of the caller's own are not waited for: one may have been cut short.
    """
    for task in [task for task in begun if not task.claim()]:
        task.wait()


@cache
def _workers(count: int) -> Workers:
    return Workers(count)


if hasattr(os, "register_at_fork"):  # threads do not live on in a forked child
    os.register_at_fork(after_in_child=_workers.cache_clear)

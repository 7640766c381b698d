"""The context of every task: aligned arrays, BLAS on one thread, default options."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from functools import wraps
from typing import Any, TypeVar

from maha_core.blas import one_thread
from maha_dask.tasks import memory
from maha_dask.tasks.arrival import canonical

Result = TypeVar("Result")


def task(function: Callable[..., Result]) -> Callable[..., Result]:
    """Return a function to run as a task; its errors name the block.

    Options and `use_backend` take effect when the graph is built. Those of the thread that computes
    it must have no effect.
    """

    @wraps(function)
    def run(*args: Any, block: tuple[int, ...]) -> Result:
        try:
            with one_thread():
                return Context().run(_on_canonical, function, args, memory.of_worker())
        except Exception as error:
            error.add_note(f"in maha_dask's task {function.__name__}, block {block}")
            raise

    return run


def _on_canonical(
    function: Callable[..., Result], args: tuple[Any, ...], of_worker: int | None
) -> Result:
    memory.OF_WORKER.set(of_worker)
    return function(*map(canonical, args))

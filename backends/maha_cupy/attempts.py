"""Retry an operation with smaller tiles when the GPU runs out of memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from maha_core.memory import readable
from maha_cupy.library import cp

if TYPE_CHECKING:
    from maha_core.problem import Problem

Result = TypeVar("Result")

ATTEMPTS = 6


def attempted(
    problem: Problem, default_bytes: int, operation: Callable[[Problem], Result]
) -> Result:
    """Return the operation's result; halve its tiles each time that memory does not suffice.

    Raises
    ------
    MemoryError
        The last attempt failed, too.
    """
    size = problem.options.tile_bytes or default_bytes
    for _ in range(ATTEMPTS):
        try:
            return operation(problem)
        except cp.cuda.memory.OutOfMemoryError as error:
            reason = str(error)
        # The attempt's arrays were freed with its exception; the pool keeps blocks of their sizes.
        cp.get_default_memory_pool().free_all_blocks()
        tried, size = size, max(1, size // 2)
        problem = replace(problem, options=replace(problem.options, tile_bytes=size))
    raise MemoryError(
        f"{cp.cuda.Device()} ran out of memory {ATTEMPTS} times, the last time with tiles of "
        f"{readable(tried)} ({reason}); free some (del arrays; "
        "cupy.get_default_memory_pool().free_all_blocks()), or pass fewer points at a time"
    )

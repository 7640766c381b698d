"""The memory that a task needs, and the memory of its worker."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from math import prod
from typing import TYPE_CHECKING, Any

from maha_core.arrays import device_of
from maha_core.checks import SURELY_FITS
from maha_core.memory import readable

if TYPE_CHECKING:
    from maha_core.options import Options
    from maha_core.problem import Problem
    from maha_core.sweeps.objective import Objective

Array = Any

COPIES = 6
"""How often a task holds its points: as they are, centred, embedded, as operands of products."""

OF_WORKER: ContextVar[int | None] = ContextVar("maha_dask.of_worker", default=None)
"""What `of_worker` found outside the context in which a task runs."""


def needed(
    problem: Problem,
    rows: int,
    columns: int,
    blocks: int,
    shape: tuple[int, ...] = (),
    numbers: int = 0,
) -> int:
    """Return the bytes that a task needs for given numbers of rows of X and of the other points.

    These are the points, with `numbers` further numbers each, and `blocks` arrays
    ``(rows, columns) + shape``.
    """
    points = (rows + columns) * COPIES * (problem.d + problem.width + numbers)
    return int(problem.X.dtype.itemsize * (points + blocks * rows * columns * prod(shape)))


def lives_on_the_host(array: Array) -> bool:
    """Tell whether an array is in host memory."""
    return "cpu" in str(device_of(array)).lower()


def vector_width(objective: Objective) -> int:
    """Return the total width of the vectors among a point's data."""
    data = (objective.row_data, objective.column_data)
    widths = ([part.shape[1] for part in side.values() if part.ndim == 2] for side in data)
    return max(map(sum, widths))


def refuse_beyond_worker(
    problem: Problem, blocks: int, shape: tuple[int, ...] = (), numbers: int = 0
) -> None:
    """Raise MemoryError if a task needs more memory than its worker has.

    If the sizes of chunks are known, `plan` has checked this before.
    """
    rows, columns = problem.n, problem.m
    wanted = needed(problem, rows, columns, blocks, shape, numbers)
    limit = _limit(problem.X, problem.options, wanted)
    if limit is not None and wanted > limit:
        raise MemoryError(
            f"a task would hold {readable(wanted)} for chunks of {rows} and {columns} points, and "
            f"a worker has {readable(limit)} for it; use smaller chunks, or set another limit by "
            "options(task_bytes=...)"
        )


def _limit(chunk: Array, options: Options, wanted: int) -> int | None:
    if options.task_bytes is not None:
        return options.task_bytes
    if wanted < SURELY_FITS or not lives_on_the_host(chunk):
        return None
    return OF_WORKER.get()


def of_worker() -> int | None:
    """Return the memory per thread of the worker that runs this task.

    None for the threaded scheduler, where the chunks' backend checks the host's memory.
    """
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return None
    try:
        worker = distributed.get_worker()
    except ValueError:
        return None
    limit = worker.memory_manager.memory_limit
    return limit // worker.state.nthreads if limit else None

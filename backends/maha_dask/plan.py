"""What is refused or changed before any work: tasks too large for a worker, graphs too large."""

from __future__ import annotations

import sys
from dataclasses import replace
from math import isnan, isqrt, prod
from typing import TYPE_CHECKING

import dask
import dask.array as da
from dask.system import CPU_COUNT

from maha_core.backend import SURELY_FITS
from maha_core.memory import available_host_memory, readable
from maha_dask.arrays import lives_on_the_host
from maha_dask.operation import Operation, operation

if TYPE_CHECKING:
    from maha_core.options import Options
    from maha_core.problem import Problem

MOST_BLOCKS = 20_000
"""More pairs of chunks than this are merged, where only sums of them are wanted."""

MOST_BLOCKS_OF_D = 1_000_000
"""More blocks of a result than this are refused."""

COPIES = 6
"""How often a task holds its points: as they are, centred, embedded, as operands of products."""


def largest(sizes: tuple[float, ...]) -> int:
    """Return the size of the largest chunk that is known."""
    return int(max((size for size in sizes if not isnan(size)), default=0))


def streamed(problem: Problem, *content: object) -> Operation:
    """Return an operation of which only sums over blocks of D are wanted.

    Raises
    ------
    MemoryError
        A pair of chunks is too large for a worker.
    """
    others = problem.others
    X = coarser(problem.X, others)
    Y = None if problem.Y is None else coarser(problem.Y, problem.X)
    op = operation(replace(problem, X=X, Y=Y), *content)
    check_points(op)
    return op


def check_result(op: Operation, what: str, shape: tuple[int, ...] = ()) -> None:
    """Raise where a block ``(r, c) + shape`` of a result is too large, or blocks are too many.

    Raises
    ------
    MemoryError
        A task would hold more than a worker has for it.
    ValueError
        There are more blocks than a scheduler can handle.
    """
    count = len(op.X.chunks) * len(op.columns.chunks)
    if count > MOST_BLOCKS_OF_D:
        rows = -(-_total(op.X.sizes) // isqrt(MOST_BLOCKS_OF_D))
        raise ValueError(
            f"{what} would have {count} blocks; X is chunked too finely: rechunk it, e.g. "
            f"X.rechunk(({max(rows, 1)}, -1))"
        )
    rows, columns = largest(op.X.sizes), largest(op.columns.sizes)
    item = op.problem.X.dtype.itemsize * prod(shape)
    needed = item * rows * columns + _points(op, rows, columns)
    limit = _limit(op.problem.X, op.problem.options, needed)
    if limit is not None and needed > limit:
        side = max(isqrt(limit // (2 * item)), 1)
        raise MemoryError(
            f"{what}: a task would hold {readable(needed)}, of it a block of shape "
            f"{(rows, columns, *shape)}, and a worker has {readable(limit)} for it; use smaller "
            f"chunks, e.g. X.rechunk(({side}, -1)), or value_and_grad, vjp, nearest or pairs=, "
            "which never hold it (jacobian_slice or jvp instead of a jacobian)"
        )


def check_points(op: Operation) -> None:
    """Raise MemoryError where a pair of chunks is too large for a worker, streamed as it may be."""
    needed = _points(op, largest(op.X.sizes), largest(op.columns.sizes))
    limit = _limit(op.problem.X, op.problem.options, needed)
    if limit is not None and needed > limit:
        row = needed // max(largest(op.X.sizes) + largest(op.columns.sizes), 1)
        raise MemoryError(
            f"a task would hold {readable(needed)} for chunks of {largest(op.X.sizes)} and "
            f"{largest(op.columns.sizes)} points, and a worker has {readable(limit)} for it; use "
            f"smaller chunks, e.g. X.rechunk(({max(limit // (4 * row), 1)}, -1))"
        )


def coarser(array: da.Array, other: da.Array) -> da.Array:
    """Return points in fewer chunks where those of both sides make too many pairs."""
    own, others = array.numblocks[0], other.numblocks[0]
    if own * others <= MOST_BLOCKS:
        return array
    wanted = max(isqrt(MOST_BLOCKS), MOST_BLOCKS // others)
    if own <= wanted:
        return array
    n = array.shape[0]
    if isnan(n):
        raise ValueError(
            f"X has {own} chunks of unknown size, which make {own * others} pairs; write "
            "X.compute_chunk_sizes(), so that they can be merged"
        )
    merged: da.Array = array.rechunk({0: -(-n // wanted)})
    return merged


def _total(sizes: tuple[float, ...]) -> int:
    return sum(int(size) for size in sizes if not isnan(size))


def _points(op: Operation, rows: int, columns: int) -> int:
    problem = op.problem
    return int(problem.X.dtype.itemsize * (rows + columns) * COPIES * (problem.d + problem.width))


def _limit(X: da.Array, options: Options, needed: int) -> int | None:
    """Return the bytes that a task may take; None where unknown, or where nobody need ask."""
    if options.task_bytes is not None:
        return options.task_bytes
    if needed < SURELY_FITS or not lives_on_the_host(X):
        return None
    workers = _workers()
    if workers:
        known = [w["memory_limit"] // w["nthreads"] for w in workers if w.get("memory_limit")]
        return min(known, default=None)
    free = available_host_memory()
    return None if free is None else free // (dask.config.get("num_workers", None) or CPU_COUNT)


def _workers() -> list[dict[str, int]]:
    """Return what the scheduler of the current client knows of its workers."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return []
    try:
        client = distributed.get_client()
    except ValueError:
        return []
    return list(client.scheduler_info(n_workers=-1)["workers"].values())

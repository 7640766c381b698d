"""Checks before any work: tasks too large for a worker raise, too many chunks are merged."""

from __future__ import annotations

import sys
from dataclasses import replace
from math import isnan, isqrt
from typing import TYPE_CHECKING

import dask
import dask.array as da
from dask.system import CPU_COUNT

from maha_core.checks import SURELY_FITS
from maha_core.memory import available_host_memory, readable
from maha_dask.arrays import rechunked
from maha_dask.operation import Operation, operation
from maha_dask.tasks import memory

if TYPE_CHECKING:
    from maha_core.options import Options
    from maha_core.problem import Problem

MOST_BLOCKS = 20_000
"""If there are more pairs of chunks and only sums are needed, chunks are merged."""

MERGED_BYTES = 2**29
"""What a task may hold after merging: a constant, as bits must not depend on free memory."""

MOST_BLOCKS_OF_D = 1_000_000
"""More pairs of chunks than this raise ValueError."""


def streamed(problem: Problem, *content: object, blocks: int = 0, numbers: int = 0) -> Operation:
    """Return an operation that needs only sums over blocks of D.

    Chunks so small that there are too many pairs for a scheduler are merged. `blocks` is the number
    of blocks of D's shape that a task holds, `numbers` that of further numbers for each point.

    Raises
    ------
    MemoryError
        A pair of chunks is too large for a worker.
    ValueError
        There are more pairs than a scheduler can handle.
    """
    op = operation(merged(problem, blocks, numbers), *content)
    refuse_too_many(op, "the sum over D")
    found = excess(op, blocks, numbers=numbers)
    if found is None:
        return op
    needed, limit = found
    rows, columns = largest(op)
    raise MemoryError(
        f"a task would hold {readable(needed)} for chunks of {rows} and {columns} points, and a "
        f"worker has {readable(limit)} for it; use smaller chunks, e.g. "
        f"X.rechunk(({rows_that_fit(op.problem, blocks, limit, numbers=numbers)}, -1))"
    )


def check_result(op: Operation, what: str, shape: tuple[int, ...] = ()) -> None:
    """Raise where a block ``(r, c) + shape`` of a result is too large, or blocks are too many.

    Raises
    ------
    MemoryError
        A task needs more memory than a worker has.
    ValueError
        There are more blocks than a scheduler can handle.
    """
    refuse_too_many(op, what)
    found = excess(op, 1, shape)
    if found is None:
        return
    needed, limit = found
    rows = rows_that_fit(op.problem, 1, limit, shape)
    raise MemoryError(
        f"{what}: a task would hold {readable(needed)}, of it a block of shape "
        f"{(*largest(op), *shape)}, and a worker has {readable(limit)} for it; use smaller "
        f"chunks, e.g. X.rechunk(({rows}, -1)), or value_and_grad, reduce, vjp, nearest or pairs=, "
        "which never hold it (jacobian_slice or jvp instead of a jacobian)"
    )


def refuse_too_many(op: Operation, what: str) -> None:
    """Raise ValueError where there are more pairs of chunks than a scheduler can handle."""
    rows, columns = len(op.X.chunks), len(op.columns.chunks)
    if rows * columns <= MOST_BLOCKS_OF_D:
        return
    finer, side = ("X", op.X) if rows >= columns else ("Y", op.columns)
    if not side.is_known:
        raise ValueError(
            f"{what} would have {rows * columns} blocks; {finer} has too many chunks, of unknown "
            f"size: write {finer}.compute_chunk_sizes(), and rechunk it"
        )
    size = -(-int(sum(side.sizes)) // isqrt(MOST_BLOCKS_OF_D))
    raise ValueError(
        f"{what} would have {rows * columns} blocks; {finer} is chunked too finely: rechunk it, "
        f"e.g. {finer}.rechunk(({max(size, 1)}, -1))"
    )


def merged(problem: Problem, blocks: int, numbers: int) -> Problem:
    """Return a problem with fewer chunks if they make too many pairs."""
    rows = rows_that_fit(problem, blocks, MERGED_BYTES, numbers=numbers)
    X, Y = coarser(problem.X, problem.others, rows, "X"), problem.Y
    return replace(problem, X=X, Y=None if Y is None else coarser(Y, problem.X, rows, "Y"))


def coarser(array: da.Array, other: da.Array, most_rows: int, argument: str) -> da.Array:
    """Return points in fewer chunks if the chunks of both sides make too many pairs."""
    own, others = array.numblocks[0], other.numblocks[0]
    wanted = max(isqrt(MOST_BLOCKS), MOST_BLOCKS // others)
    if own * others <= MOST_BLOCKS or own <= wanted:
        return array
    n = array.shape[0]
    if isnan(n):
        raise ValueError(
            f"{argument} has {own} chunks of unknown size, which make {own * others} pairs; write "
            f"{argument}.compute_chunk_sizes(), so that they can be merged"
        )
    rows = min(-(-n // wanted), most_rows)
    fewer = rechunked(array, {0: rows})
    return fewer if fewer.numblocks[0] < own else array


def largest(op: Operation) -> tuple[int, int]:
    """Return the largest known chunk sizes of X and of the other points."""
    sides = (op.X.sizes, op.columns.sizes)
    rows, columns = (max((int(s) for s in sizes if not isnan(s)), default=0) for sizes in sides)
    return rows, columns


def excess(
    op: Operation, blocks: int, shape: tuple[int, ...] = (), numbers: int = 0
) -> tuple[int, int] | None:
    """Return the bytes that a task needs and those that a worker has, if these do not suffice."""
    needed = memory.needed(op.problem, *largest(op), blocks, shape, numbers)
    limit = _limit(op.problem.X, op.problem.options, needed)
    return None if limit is None or needed <= limit else (needed, limit)


def rows_that_fit(
    problem: Problem, blocks: int, limit: int, shape: tuple[int, ...] = (), numbers: int = 0
) -> int:
    """Return the largest number of rows of both sides' chunks, a power of two."""
    rows = 1
    while memory.needed(problem, 2 * rows, 2 * rows, blocks, shape, numbers) <= limit:
        rows *= 2
    return rows


def _limit(X: da.Array, options: Options, needed: int) -> int | None:
    """Return the bytes that a task may use; None if unknown or not needed."""
    if options.task_bytes is not None:
        return options.task_bytes
    if needed < SURELY_FITS or not memory.lives_on_the_host(X._meta):
        return None
    workers = _workers()
    if workers:
        known = [w["memory_limit"] // w["nthreads"] for w in workers if w.get("memory_limit")]
        return min(known, default=None)
    free = available_host_memory()
    return None if free is None else free // (dask.config.get("num_workers", None) or CPU_COUNT)


def _workers() -> list[dict[str, int]]:
    """Return the workers' data from the scheduler of the current client."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return []
    try:
        client = distributed.get_client()
    except ValueError:
        return []
    return list(client.scheduler_info(n_workers=-1)["workers"].values())

"""The partition of D into tiles, which depends on shapes, dtype and options only."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING

from maha_core.arrays import itemsize

if TYPE_CHECKING:
    from maha_core.problem import Problem

STRIPS = 32
TILES = 32
SMALLEST_SHARE = 2**22
SMALLEST_ROWS_SHARE = 2**20
FEWEST_WHOLE_ROWS = 16
LARGEST_STRETCH = 4


def entries(problem: Problem, default_bytes: int) -> int:
    """Return how many entries of D a tile may have."""
    budget = problem.options.tile_bytes or default_bytes
    return max(1, budget // itemsize(problem.X))


def shared_out(count: int, problem: Problem) -> int:
    """Return fewer entries for a square tile of a small D, so that each of several cores has one.

    Threads exchange the interpreter's lock at every call of the array library. For tiles of less
    than four megabytes this costs more than it gains.
    """
    smallest = SMALLEST_SHARE // itemsize(problem.X)
    return min(count, max(smallest, problem.n * problem.m // TILES))


def rows_shared_out(count: int, problem: Problem) -> int:
    """Return fewer entries for a tile of whole rows of a small D.

    A D of two megabytes and more is cut in two: softmax weights take longer than the calls.
    """
    smallest = SMALLEST_ROWS_SHARE // itemsize(problem.X)
    half = problem.n * problem.m // 2
    return min(count, max(smallest, min(half, shared_out(count, problem))))


def blocks(extent: int, size: int) -> list[slice]:
    """Divide ``0 ... extent`` into slices of a size; the last one may be shorter."""
    return [slice(start, min(start + size, extent)) for start in range(0, extent, size)]


def even_blocks(extent: int, largest: int) -> list[slice]:
    """Divide ``0 ... extent`` into slices of at most a size, of nearly equal length.

    If there are several, their number is even if possible, as most machines have an even number of
    cores.
    """
    count = max(1, -(-extent // largest))
    count += count % 2 if count > 1 else 0
    return blocks(extent, max(1, -(-extent // count)))


def square_side(count: int) -> int:
    """Return the side of a square tile of at most `count` entries.

    With a side of an odd number of cache lines, a column is spread over all sets of the cache. A
    transposed copy takes half the time that it takes with a power of two.
    """
    side = max(1, isqrt(count))
    return side if side < 64 else side - side % 16 - 8


def whole_rows(count: int, m: int) -> int | None:
    """Return the number of whole rows of m entries in a tile, or None if rows are too long.

    A tile of whole rows is visited once, others twice. It may therefore be a few times larger than
    requested, so that it has enough rows for an efficient matrix product.
    """
    rows = max(count // max(m, 1), FEWEST_WHOLE_ROWS)
    return rows if rows * m <= LARGEST_STRETCH * count else None


def strips(parts: list[slice]) -> list[list[slice]]:
    """Group consecutive row blocks into at most `STRIPS` units of parallel work."""
    size = max(1, -(-len(parts) // STRIPS))
    return [parts[start : start + size] for start in range(0, len(parts), size)]

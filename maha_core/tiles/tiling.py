"""The partition of D into tiles: a function of shapes, dtype and options, of nothing else."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING

from maha_core.arrays import itemsize

if TYPE_CHECKING:
    from maha_core.problem import Problem

STRIPS = 32
TILES = 32
SMALLEST_SHARE = 2**22
FEWEST_WHOLE_ROWS = 16
LARGEST_STRETCH = 4


def entries(problem: Problem, default_bytes: int) -> int:
    """Return how many entries of D a tile may have."""
    budget = problem.options.tile_bytes or default_bytes
    return max(1, budget // itemsize(problem.X))


def shared_out(count: int, problem: Problem) -> int:
    """Return fewer entries for a tile of a small D, so that several cores have one each.

    Threads of one interpreter hand over its lock at every call of the array library, which a tile
    of less than four megabytes does not repay.
    """
    smallest = SMALLEST_SHARE // itemsize(problem.X)
    return min(count, max(smallest, problem.n * problem.m // TILES))


def blocks(extent: int, size: int) -> list[slice]:
    """Cut ``0 ... extent`` into slices of a size, the last one shorter."""
    return [slice(start, min(start + size, extent)) for start in range(0, extent, size)]


def even_blocks(extent: int, largest: int) -> list[slice]:
    """Cut ``0 ... extent`` into slices of at most a size, as even as can be.

    If there are several, their number is even where it can be, as that of most machines' cores.
    """
    count = max(1, -(-extent // largest))
    count += count % 2 if count > 1 else 0
    return blocks(extent, max(1, -(-extent // count)))


def square_side(count: int) -> int:
    """Return the side of a square tile of at most `count` entries.

    A side of an odd number of cache lines spreads a column over the cache's sets, which halves the
    time of a transposed copy beside a power of two.
    """
    side = max(1, isqrt(count))
    return side if side < 64 else side - side % 16 - 8


def whole_rows(count: int, m: int) -> int | None:
    """Return how many whole rows of m entries make a tile, or None where rows are too long.

    A tile of whole rows is visited once, others twice; so that it may be some times larger than
    asked for, rather than too flat for a matrix product.
    """
    rows = max(count // max(m, 1), FEWEST_WHOLE_ROWS)
    return rows if rows * m <= LARGEST_STRETCH * count else None


def strips(parts: list[slice]) -> list[list[slice]]:
    """Group consecutive row blocks into at most `STRIPS` units of parallel work."""
    size = max(1, -(-len(parts) // STRIPS))
    return [parts[start : start + size] for start in range(0, len(parts), size)]

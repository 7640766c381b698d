"""Candidates for nearest pairs from a rounded product, decided by their direct differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maha_core import guard
from maha_core.tiles import tiling

if TYPE_CHECKING:
    from maha_core.problem import Problem
    from maha_core.tiles.kernels import TileKernels
    from maha_core.tiles.self_pairs import SelfPairs

Array = Any


def bound(problem: Problem, limit: Array) -> Array:
    """Return the bound of a tile's rounded entries for pairs whose D is within a limit."""
    if not problem.accurate:
        return limit
    return limit + 4 * guard.target(problem.form.xp, problem.X.dtype) * abs(limit)


def exact(
    backend: TileKernels, problem: Problem, rows: Array, columns: Array, i: Array, j: Array
) -> Array:
    """Return D of listed pairs such that equal differences give bitwise equal distances."""
    form = problem.form.row_by_row()
    entries = tiling.entries(problem, backend.tile_bytes) // problem.width
    return guard.direct(backend, form, rows, columns, i, j, max(1, entries))


def in_tile(
    backend: TileKernels,
    problem: Problem,
    D: Array,
    rows: Array,
    columns: Array,
    self_pairs: SelfPairs | None,
    limit: Array,
) -> tuple[Array, Array, Array]:
    """Return rows, columns and D of the entries of a tile that may be within a limit.

    Without the guard, D is taken from the tile. Self-pairs have an infinite D; a limit near the
    dtype's largest number does not exclude them.
    """
    xp = backend.xp
    candidates = bound(problem, limit) >= D
    i, j = xp.nonzero(candidates)
    values = exact(backend, problem, rows, columns, i, j) if problem.accurate else D[candidates]
    if self_pairs is not None:
        values = xp.where(j - i == self_pairs.offset, xp.full_like(values, float("inf")), values)
    return i, j, values


def by_distance(xp: Any, i: Array, values: Array) -> Array:
    """Return the stable order by row, then by distance."""
    order = xp.argsort(values, stable=True)
    return xp.take(order, xp.argsort(xp.take(i, order), stable=True))

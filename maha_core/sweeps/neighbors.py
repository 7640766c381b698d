"""The k nearest points of every row, streamed."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

from maha_core import guard
from maha_core.arrays import device_of
from maha_core.problem import Neighbors
from maha_core.sweeps import tiling
from maha_core.sweeps.geometry import Geometry, Points

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem

Array = Any


def nearest(backend: Backend, problem: Problem, k: int) -> Neighbors:
    """Return the k nearest points of every row, ties to the lower index."""
    if problem.n == 0:
        return _none(backend, problem, k)
    geometry = Geometry(backend, problem, distances=True)
    side = tiling.square_side(tiling.entries(problem, backend.tile_bytes))
    columns, rows = tiling.blocks(problem.m, max(side, k)), tiling.blocks(problem.n, side)

    def strip(part: slice) -> Neighbors:
        points = geometry.rows(part)
        found = (_in_tile(backend, problem, geometry, points, part, block, k) for block in columns)
        return reduce(lambda left, right: merge(backend, left, right, k), found)

    found = list(backend.map_ordered(strip, rows, problem.options))
    xp = backend.xp
    return Neighbors(
        xp.concat([part.sqdist for part in found]), xp.concat([part.index for part in found])
    )


def _none(backend: Backend, problem: Problem, k: int) -> Neighbors:
    xp, X = backend.xp, problem.X
    sqdist = xp.zeros((0, k), dtype=X.dtype, device=X.device)
    return Neighbors(sqdist, xp.argsort(sqdist, axis=1))


def _in_tile(
    backend: Backend,
    problem: Problem,
    geometry: Geometry,
    points: Points,
    rows: slice,
    columns: slice,
    k: int,
) -> Neighbors:
    """Return the k nearest of one column range (all of it, where it is shorter)."""
    xp, others = backend.xp, geometry.columns.part(columns)
    itself = geometry.itself(rows, columns)
    D = backend.distance_tile(problem, points, others, itself).D
    if itself is not None:
        D = itself.replaced(D, float("inf"))
    k = min(k, D.shape[1])
    candidates = _bound(problem, backend.kth_smallest(D, k)) >= D
    i, j = xp.nonzero(candidates)
    values = _exact(backend, problem, points, others, i, j) if problem.accurate else D[candidates]
    if itself is not None:
        values = xp.where(j - i == itself.offset, xp.full_like(values, float("inf")), values)
    return _first(backend, i, j + columns.start, values, D.shape[0], k)


def _bound(problem: Problem, kth: Array) -> Array:
    """Return what a neighbour's entry of a tile cannot exceed, for rounding errors in it."""
    if not problem.accurate:
        return kth
    return kth + 4 * guard.target(problem.form.xp, kth.dtype) * abs(kth)


def _exact(
    backend: Backend, problem: Problem, points: Points, others: Points, i: Array, j: Array
) -> Array:
    """Return D of candidates such that points at equal differences tie to the last bit."""
    form = problem.form.row_by_row()
    entries = tiling.entries(problem, backend.tile_bytes) // problem.width
    batches = guard.differences(backend, points.raw, others.raw, i, j, max(1, entries))
    return backend.xp.concat([form.direct(delta) for _, delta in batches])


def _first(backend: Backend, i: Array, j: Array, values: Array, n: int, k: int) -> Neighbors:
    """Return the k smallest values of every row i; candidates come row by row, j ascending."""
    xp = backend.xp
    order = xp.argsort(values, stable=True)
    order = xp.take(order, xp.argsort(xp.take(i, order), stable=True))
    rows = xp.arange(n, dtype=i.dtype, device=device_of(i))
    starts = xp.searchsorted(i, rows, side="left")
    steps = xp.arange(k, dtype=starts.dtype, device=device_of(i))
    chosen = xp.take(order, xp.reshape(starts[:, None] + steps[None, :], (-1,)))
    return Neighbors(
        xp.reshape(xp.take(values, chosen), (n, k)), xp.reshape(xp.take(j, chosen), (n, k))
    )


def merge(backend: Backend, left: Neighbors, right: Neighbors, k: int) -> Neighbors:
    """Return the k nearest of two column ranges, of which `left` has the lower indices."""
    xp = backend.xp
    sqdist = xp.concat([left.sqdist, right.sqdist], axis=1)
    index = xp.concat([left.index, right.index], axis=1)
    order = xp.argsort(sqdist, axis=1, stable=True)[:, :k]
    return Neighbors(
        xp.take_along_axis(sqdist, order, axis=1), xp.take_along_axis(index, order, axis=1)
    )

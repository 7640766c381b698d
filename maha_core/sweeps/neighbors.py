"""The k nearest points of every row, streamed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from maha_core.arrays import device_of
from maha_core.operation import Operation
from maha_core.problem import Neighbors
from maha_core.sweeps.candidates import by_distance, in_tile
from maha_core.sweeps.geometry import Geometry
from maha_core.tiles import tiling
from maha_core.tiles.points import Points

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.library import Library
    from maha_core.problem import Problem

Array = Any


@dataclass(frozen=True)
class Nearest(Operation[Neighbors]):
    """The k nearest points of every row, ties to the lower index."""

    k: int

    def run(self, backend: Backend, problem: Problem) -> Neighbors:
        """Return the neighbours, merged over the tiles of a row of tiles."""
        k = self.k
        if problem.n == 0:
            return _none(backend, problem, k)
        geometry = Geometry(backend, problem, distances=True)
        side = tiling.square_side(tiling.entries(problem, backend.tile_bytes))
        columns, rows = tiling.blocks(problem.m, max(side, k)), tiling.blocks(problem.n, side)

        def strip(part: slice) -> Neighbors:
            points = geometry.rows(part)
            found = (
                _in_tile(backend, problem, geometry, points, part, block, k) for block in columns
            )
            merged = reduce(lambda left, right: merge(backend, left, right, k), found)
            return merged if problem.Y is not None else without_itself(backend.xp, merged, part)

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
    others = geometry.columns.part(columns)
    self_pairs = geometry.self_pairs(rows, columns)
    D = backend.distance_tile(problem, points, others, self_pairs).D
    if self_pairs is not None:
        D = self_pairs.replaced(D, float("inf"))
    k = min(k, D.shape[1])
    limit = backend.kth_smallest(D, k)
    i, j, values = in_tile(backend, problem, D, points.raw, others.raw, self_pairs, limit)
    return first(backend, i, j + columns.start, values, D.shape[0], k)


def first(backend: Library, i: Array, j: Array, values: Array, n: int, k: int) -> Neighbors:
    """Return the k smallest values of every row i; candidates come row by row, j ascending."""
    xp = backend.xp
    order = by_distance(xp, i, values)
    rows = xp.arange(n, dtype=i.dtype, device=device_of(i))
    starts = xp.searchsorted(i, rows, side="left")
    steps = xp.arange(k, dtype=starts.dtype, device=device_of(i))
    chosen = xp.take(order, xp.reshape(starts[:, None] + steps[None, :], (-1,)))
    return Neighbors(
        xp.reshape(xp.take(values, chosen), (n, k)), xp.reshape(xp.take(j, chosen), (n, k))
    )


def merge(library: Library, left: Neighbors, right: Neighbors, k: int) -> Neighbors:
    """Return the k nearest of two column ranges, of which `left` has the lower indices."""
    xp = library.xp
    sqdist = xp.concat([left.sqdist, right.sqdist], axis=1)
    index = xp.concat([left.index, right.index], axis=1)
    order = xp.argsort(sqdist, axis=1, stable=True)[:, :k]
    return Neighbors(
        xp.take_along_axis(sqdist, order, axis=1), xp.take_along_axis(index, order, axis=1)
    )


def without_itself(xp: Any, found: Neighbors, rows: slice) -> Neighbors:
    """Return the neighbours of some rows without the row itself.

    The row itself counts with an infinite distance. It is therefore among its neighbours if fewer
    than k others are at a finite distance.
    """
    numbers = xp.arange(
        rows.start, rows.stop, dtype=found.index.dtype, device=device_of(found.index)
    )
    if not xp.any(found.index == numbers[:, None]):
        return found
    return found._replace(index=index_without_itself(xp, found.index, numbers))


def index_without_itself(xp: Any, index: Array, rows: Array) -> Array:
    """Return the indices ``(r, k)``, with a row's own index replaced by the lowest missing one.

    Indices at an infinite distance are in ascending order, so that the lowest missing is the next.
    """
    own = index == rows[:, None]
    order = xp.argsort(xp.astype(own, index.dtype), axis=1, stable=True)
    others = xp.take_along_axis(index, order, axis=1)
    steps = xp.arange(index.shape[1], dtype=index.dtype, device=device_of(index))
    there = xp.astype(xp.sort(index, axis=1) == steps, index.dtype)
    last = xp.where(xp.any(own, axis=1), xp.sum(there, axis=1), others[:, -1])
    return xp.concat([others[:, :-1], last[:, None]], axis=1)

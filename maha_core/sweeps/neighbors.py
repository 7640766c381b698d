"""The k nearest points of every row, streamed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maha_core.problem import Neighbors
from maha_core.sweeps import tiling
from maha_core.sweeps.geometry import Geometry, Points

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem

Array = Any


def nearest(backend: Backend, problem: Problem, k: int) -> Neighbors:
    """Return the k nearest points of every row, ties to the lower index."""
    xp, X = backend.xp, problem.X
    if problem.n == 0:
        index = backend.smallest(xp.zeros((0, k), dtype=X.dtype, device=X.device), k)[1]
        return Neighbors(xp.zeros((0, k), dtype=X.dtype, device=X.device), index)
    geometry = Geometry(backend, problem, distances=True)
    side = tiling.square_side(tiling.entries(problem, backend.tile_bytes))
    columns = tiling.blocks(problem.m, max(side, k))
    rows = tiling.blocks(problem.n, side)

    def strip(part: slice) -> Neighbors:
        points = geometry.rows(part)
        best = None
        for block in columns:
            found = _nearest_in_tile(backend, problem, geometry, points, part, block, k)
            best = found if best is None else _merge(backend, best, found, k)
        assert best is not None
        return best

    found = list(backend.map_ordered(strip, rows, problem.options))
    return Neighbors(
        xp.concat([part.sqdist for part in found]), xp.concat([part.index for part in found])
    )


def _nearest_in_tile(
    backend: Backend,
    problem: Problem,
    geometry: Geometry,
    points: Points,
    rows: slice,
    columns: slice,
    k: int,
) -> Neighbors:
    itself = geometry.itself(rows, columns)
    D, _ = backend.distance_tile(problem, points, geometry.columns.part(columns), itself)
    if itself is not None:
        D = itself.replaced(D, float("inf"))
    sqdist, order = backend.smallest(D, min(k, D.shape[1]))
    return Neighbors(sqdist, order + columns.start)


def _merge(backend: Backend, left: Neighbors, right: Neighbors, k: int) -> Neighbors:
    """Return the k nearest of two column ranges, of which `left` has the lower indices."""
    xp = backend.xp
    sqdist = xp.concat([left.sqdist, right.sqdist], axis=1)
    index = xp.concat([left.index, right.index], axis=1)
    sqdist, order = backend.smallest(sqdist, min(k, sqdist.shape[1]))
    return Neighbors(sqdist, xp.take_along_axis(index, order, axis=1))

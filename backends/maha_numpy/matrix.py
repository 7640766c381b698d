"""D as a matrix: a tile is multiplied where it will stand, and checked while it is in the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maha_core import guard
from maha_core.sweeps import kernel, tiling
from maha_core.sweeps.geometry import Geometry
from maha_numpy.tiles import cancelled_by_one_bound

if TYPE_CHECKING:
    from maha_core.problem import Problem
    from maha_core.sweeps.geometry import Points, SelfPairs
    from maha_numpy.backend import NumpyBackend

Array = Any

ENTRY = 8
"""Tiles have a side that does not depend on the dtype: mirror images are written by columns."""


def write(backend: NumpyBackend, problem: Problem, D: Array) -> None:
    """Write D ``(n, m)``; without Y the tiles above the diagonal, and their mirror images."""
    geometry = Geometry(backend, problem, distances=True)
    alone = problem.Y is None
    side = tiling.square_side((problem.options.tile_bytes or backend.tile_bytes) // ENTRY)
    columns = tiling.blocks(problem.m, side)

    def strip(rows: slice) -> None:
        points = geometry.rows(rows)
        for part in columns:
            if alone and part.stop <= rows.start:
                continue
            tile, itself = D[rows, part], geometry.itself(rows, part)
            _write_tile(backend, problem, points, geometry.columns.part(part), itself, tile)
            if itself is not None:
                tile *= 0.5
                tile += tile.T.copy()
            elif alone:
                D[part, rows] = tile.T

    for _ in backend.map_ordered(strip, tiling.blocks(problem.n, side), problem.options):
        pass


def _write_tile(
    backend: NumpyBackend,
    problem: Problem,
    rows: Points,
    columns: Points,
    itself: SelfPairs | None,
    tile: Array,
) -> None:
    assert rows.left is not None
    assert columns.right is not None
    with backend.quiet():
        if rows.left.dtype == tile.dtype:
            np.matmul(rows.left, columns.right.T, out=tile)
        else:
            tile[...] = rows.left @ columns.right.T
    if itself is None and problem.accurate:
        _recompute(backend, problem, rows, columns, tile)
        return
    made = kernel.guarded(backend, problem, rows, columns, itself, tile).D
    if made is not tile:
        tile[...] = made


def _recompute(
    backend: NumpyBackend, problem: Problem, rows: Points, columns: Points, tile: Array
) -> None:
    flagged = cancelled_by_one_bound(tile, rows.threshold, columns.threshold)
    if flagged is not None:
        entries = tiling.entries(problem, backend.tile_bytes)
        tile[flagged.i, flagged.j] = guard.recomputed(
            backend, problem.form, flagged, rows.raw, columns.raw, entries
        )

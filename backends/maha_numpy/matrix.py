"""D as a matrix: tiles are computed in the cache and written row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maha_core.guard import Flagged
from maha_core.sweeps.geometry import Geometry
from maha_core.tiles import tiling
from maha_numpy import buffers, direct, review
from maha_numpy.compiled import narrow
from maha_numpy.kernels import has_compiled_products
from maha_numpy.tiles import fill_diagonal, highest, make_symmetric, row_minima

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem

Array = Any

ENTRY = 8
"""Tiles have a side that does not depend on the dtype: D is written by their rows."""

TILE_BYTES = 2**21
"""Smaller than where nothing is written: two copies of a tile pass through the cache."""


def write(backend: Backend, problem: Problem, D: Array) -> None:
    """Write D ``(n, m)``; without Y the tiles above the diagonal, and their mirror images."""
    if not D.size:
        return
    if direct.suit(problem, D):
        direct.write(backend, problem, D)
        return
    geometry = Geometry(backend, problem, distances=True)
    side = tiling.square_side(_entries(problem))

    def strip(rows: slice) -> None:
        with backend.quiet():
            Strip(backend, geometry, rows, side, D).write()

    for _ in backend.map_ordered(strip, tiling.blocks(problem.n, side), problem.options):
        pass


def _entries(problem: Problem) -> int:
    """Return the largest number of entries of a tile; less for a small D, for parallel work."""
    largest = (problem.options.tile_bytes or TILE_BYTES) // ENTRY
    return min(largest, max(largest // 2, problem.n * problem.m // tiling.TILES))


class Strip:
    """Some rows of D, without Y from the diagonal on.

    Each small call of NumPy may make another thread wait for the interpreter's lock. A tile
    therefore only records the smallest entry of each row. Cancelled entries are searched once, when
    the strip is written.
    """

    def __init__(
        self, backend: Backend, geometry: Geometry, rows: slice, side: int, D: Array
    ) -> None:
        self.backend, self.problem = backend, geometry.problem
        self.rows, self.side, self.D = rows, side, D
        self.points, self.columns = geometry.rows(rows), geometry.columns
        self.alone = self.problem.Y is None
        self.start = rows.start if self.alone else 0
        self.narrow = has_compiled_products(self.problem, self.points.left)
        self.memory: Array = None

    def write(self) -> None:
        """Write the tiles, then recompute their cancelled entries."""
        parts = tiling.blocks(self.problem.m, self.side)[self.start // self.side :]
        smallest = [self._write(part) for part in parts]
        if self.problem.accurate:
            self._recompute(np.stack(smallest))

    def _write(self, part: slice) -> Array:
        """Write one tile, and return the smallest entry of each of its rows."""
        tile = self._product(part)
        square = self.alone and part == self.rows
        if square:
            make_symmetric(tile)
            fill_diagonal(tile, 0, np.inf)
        smallest: Array = None
        if self.problem.accurate:
            smallest = row_minima(tile)
        elif self.problem.form.nonnegative:
            np.clip(tile, 0, np.inf, out=tile)  # three times as fast as np.maximum
        if square:
            fill_diagonal(tile, 0, 0.0)
        self.D[self.rows, part] = tile
        if self.alone and not square:
            self.D[part, self.rows] = tile.T
        return smallest

    def _product(self, part: slice) -> Array:
        """Return the product of a tile, in reused memory."""
        left, right = self.points.left, self.columns.right
        assert left is not None
        assert right is not None
        if self.narrow:
            return narrow.product(left, right[part], self.D.dtype)
        if self.memory is None:
            self.memory = buffers.empty((len(left) * self.side,), left.dtype)
        shape = len(left), part.stop - part.start
        tile = self.memory[: shape[0] * shape[1]].reshape(shape)
        return np.matmul(left, right[part].T, out=tile)

    def _recompute(self, smallest: Array) -> None:
        row_threshold, threshold = self.points.threshold, self.columns.threshold
        assert row_threshold is not None
        assert threshold is not None
        threshold = threshold[self.start :]
        bound = highest(row_threshold, threshold, self.points.row_bound)
        D = self.D[self.rows, self.start :]
        found = review.cancelled(D, smallest.T, bound, row_threshold, threshold, self.side)
        for flagged in found:
            i, j = flagged.i + self.rows.start, flagged.j + self.start
            review.recompute(self.backend, self.problem, self.D, Flagged(i, j))

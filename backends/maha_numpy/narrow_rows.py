"""D in float32 of a narrow embedding among its own points, written by whole rows.

The arithmetic of a compiled narrow product takes less time than writing mirror images does. So all
entries are computed, in a way that makes D exactly symmetric.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maha_core.guard import Flagged
from maha_core.sweeps.geometry import Geometry
from maha_core.tiles import tiling
from maha_numpy import review
from maha_numpy.compiled import narrow
from maha_numpy.kernels import has_compiled_products
from maha_numpy.tiles import STRETCH, fill_diagonal, stretch_minima

if TYPE_CHECKING:
    from maha_core.backend import Backend

Array = Any

ROWS_BYTES = 2**20
"""The rows that are written and examined together stay in the cache."""


def suit(geometry: Geometry, D: Array) -> bool:
    """Tell whether D can be written by whole rows, and is written faster so.

    It is if D is rounded from products in float64: hardly an entry cancels, and D need not be read
    again.
    """
    problem, points = geometry.problem, geometry.columns
    if problem.Y is not None or not D.flags.carray:
        return False
    left: Array = points.left
    is_own_dual = problem.form.dual(points.U) is points.U
    return is_own_dual and left.dtype != D.dtype and has_compiled_products(problem, left)


def write(backend: Backend, geometry: Geometry, D: Array) -> None:
    """Write all rows, then recompute cancelled entries: these are written to two rows."""
    problem = geometry.problem
    budget = min(ROWS_BYTES, problem.options.tile_bytes or ROWS_BYTES)
    parts = tiling.blocks(problem.n, max(1, budget // (problem.m * D.itemsize)))
    strips = [Rows(backend, geometry, part, D) for part in parts]
    for step in (Rows.write, Rows.review):
        for _ in backend.map_ordered(step, strips, problem.options):
            pass


class Rows:
    """Some rows of D."""

    def __init__(self, backend: Backend, geometry: Geometry, rows: slice, D: Array) -> None:
        self.backend, self.problem = backend, geometry.problem
        self.rows, self.D = rows, D
        self.points, self.columns = geometry.rows(rows), geometry.columns
        self.smallest: Array = None

    def write(self) -> None:
        """Write the rows, and keep the smallest entries of their stretches."""
        D = self.D[self.rows]
        with self.backend.quiet():
            narrow.write_symmetric(self.points.left, self.columns.right, D)
            if self.problem.accurate:
                fill_diagonal(D, self.rows.start, np.inf)
                self.smallest = stretch_minima(D)
            elif self.problem.form.nonnegative:
                np.clip(D, 0, np.inf, out=D)
            fill_diagonal(D, self.rows.start, 0.0)

    def review(self) -> None:
        """Recompute the cancelled entries above the diagonal, and their mirror images."""
        if self.smallest is None:
            return
        threshold = self.columns.threshold
        assert threshold is not None
        first = self.rows.start // STRETCH  # whole stretches
        start = first * STRETCH
        D, smallest = self.D[self.rows, start:], self.smallest[:, first:].T
        with self.backend.quiet():
            found = review.cancelled(D, smallest, self.points, threshold[start:], STRETCH)
            for flagged in found:
                i, j = flagged.i + self.rows.start, flagged.j + start
                review.recompute(self.backend, self.problem, self.D, Flagged(i, j))

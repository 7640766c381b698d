"""The pullback of a cotangent given tile by tile: sums of the Laplacian product on one device.

Entries that the guard recomputed are removed from the cotangent, and enter by their raw
differences. Without Y there are only tiles on and above the diagonal, and both the row sums and the
column sums of a tile belong to points of X.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from maha_core import formulas
from maha_core.formulas import plus
from maha_core.problem import ReductionGradient
from maha_core.tiles import tiling
from maha_cupy import flagged
from maha_cupy.library import cp, xp

if TYPE_CHECKING:
    from maha_core.problem import Problem
    from maha_core.sweeps.geometry import Geometry
    from maha_core.tiles.points import Points
    from maha_cupy.places import Met
    from maha_cupy.tiles import Flags

Array = Any


class Side:
    """Sums for all points of one side: ``[G U', r]``, and the flagged pairs' part of ``L U``."""

    def __init__(self, problem: Problem, size: int, points: Callable[[slice], Points]) -> None:
        dtype = problem.X.dtype
        self.form = problem.form
        self.size = size
        self.points = points
        self.products = cp.zeros((size, problem.width + 1), dtype=dtype)
        self.direct: Array | None = None

    def add(self, part: slice, products: Array) -> None:
        """Add the products of some rows."""
        own = self.products[part]
        own += products

    def add_direct(self, part: slice, values: Array | None) -> None:
        """Add the flagged pairs' part of some rows."""
        if values is None:
            return
        if self.direct is None:
            self.direct = cp.zeros((self.size, values.shape[1]), dtype=values.dtype)
        own = self.direct[part]
        own += values

    def parameter(self, length: int) -> Array:
        """Return the part of the metric's gradient, blocks of rows summed in float64."""
        total = None
        for part in tiling.blocks(self.size, length):
            points = self.points(part)
            LU = formulas.laplacian(self.products[part], points.U)
            own = self.form.pull(points.W, points.U, LU)
            total = plus(total, own.astype(cp.float64, copy=False))
        return total

    def gradient(self, length: int) -> Array:
        """Return the gradient of the points."""
        found = []
        for part in tiling.blocks(self.size, length):
            LU = formulas.laplacian(self.products[part], self.points(part).U)
            own = None if self.direct is None else self.direct[part]
            found.append(self.form.pull_points(plus(LU, own)))
        return xp.concat(found)


class Pullback:
    """Sums over tiles in the order of `add`."""

    def __init__(self, geometry: Geometry, wrt: frozenset[str], length: int) -> None:
        problem = geometry.problem
        self.form = problem.form
        self.dtype = problem.X.dtype
        self.wrt = wrt
        self.length = length
        self.rows = Side(problem, problem.n, geometry.rows)
        mutual = problem.Y is None
        self.columns = self.rows if mutual else Side(problem, problem.m, geometry.columns.part)
        self.moments: Array | None = None

    def add(self, met: Met, G: Array, flags: Flags | None) -> None:
        """Add one tile, whose flagged entries become 0."""
        place, rows, columns = met
        if flags is not None:
            self._add_flagged(met, G, flags)
            flagged.clear_flagged(G, flags)
        assert rows.extended is not None
        assert columns.extended is not None
        self.rows.add(place.rows, formulas.row_products(G, columns.extended))
        self.columns.add(place.columns, formulas.column_products(G, rows.extended))

    def gradient(self) -> ReductionGradient:
        """Return the gradient of the sum."""
        return ReductionGradient(
            metric=self._metric() if "metric" in self.wrt else None,
            X=self.rows.gradient(self.length) if "X" in self.wrt else None,
            Y=self.columns.gradient(self.length) if "Y" in self.wrt else None,
        )

    def _metric(self) -> Array:
        total = self.rows.parameter(self.length)
        if self.columns is not self.rows:
            total = total + self.columns.parameter(self.length)
        if self.moments is not None:
            total = total + flagged.pulled(self.form, self.moments)
        return total.astype(self.dtype, copy=False)

    def _add_flagged(self, met: Met, G: Array, flags: Flags) -> None:
        place, rows, columns = met
        moments, of_rows, of_columns = flagged.part(self.form, self.wrt, rows, columns, flags, G)
        self.moments = plus(self.moments, moments)
        self.rows.add_direct(place.rows, of_rows)
        self.columns.add_direct(place.columns, of_columns)

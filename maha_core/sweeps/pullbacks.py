"""The pullback of a given cotangent: the Laplacian product, tile by tile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maha_core import formulas
from maha_core.sweeps import tiling
from maha_core.sweeps.accumulation import Accumulator, StripResult
from maha_core.sweeps.geometry import Geometry, Points

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Gradient, Problem

Array = Any


def vjp(backend: Backend, problem: Problem, cotangent: Array, wrt: frozenset[str]) -> Gradient:
    """Return the gradient of ``sum_ij G_ij D_ij`` for a cotangent G ``(n, m)``."""
    geometry = Geometry(backend, problem, cotangents=True)
    count = tiling.entries(problem, backend.tile_bytes)
    parts = tiling.blocks(problem.n, max(1, count // max(problem.m, 1)))
    sweep = _Sweep(backend, problem, geometry, cotangent, wrt)
    total = Accumulator(backend, problem, geometry.columns, wrt)
    for result in backend.map_ordered(sweep.strip, tiling.strips(parts), problem.options):
        total.add(result)
    return total.gradient()


class _Sweep:
    """One visit of every row block of a cotangent."""

    def __init__(
        self,
        backend: Backend,
        problem: Problem,
        geometry: Geometry,
        cotangent: Array,
        wrt: frozenset[str],
    ) -> None:
        self.backend = backend
        self.problem = problem
        self.geometry = geometry
        self.cotangent = cotangent
        self.wrt = wrt

    def strip(self, parts: list[slice]) -> StripResult:
        """Return what some consecutive row blocks contribute."""
        xp, form = self.backend.xp, self.problem.form
        result = StripResult()
        rows = []
        for part in parts:
            points = self.geometry.rows(part)
            LU, columns = self._products(part, points)
            result.columns = columns if result.columns is None else result.columns + columns
            if "metric" in self.wrt:
                own = self.backend.widen(form.pull(points.W, points.U, LU))
                result.parameter = own if result.parameter is None else result.parameter + own
            if "X" in self.wrt:
                rows.append(form.pull_points(LU))
        result.rows = xp.concat(rows) if rows else None
        return result

    def _products(self, part: slice, points: Points) -> tuple[Array, Array]:
        """Return ``L U`` of a row block, and ``(L U)'`` of all columns."""
        xp = self.backend.xp
        LU, columns = xp.zeros_like(points.U), []
        for block in self._column_blocks(part):
            G, others = self._tile(part, block), self.geometry.columns.part(block)
            LU = LU + formulas.laplacian(G, points.U, others.extended)
            columns.append(formulas.laplacian(G.T, others.U, points.extended))
        return LU, xp.concat(columns)

    def _column_blocks(self, part: slice) -> list[slice]:
        """Cut the columns so that self-pairs fall into one small block."""
        m = self.problem.m
        if self.problem.Y is not None:
            return [slice(0, m)]
        return [slice(0, part.start), part, slice(part.stop, m)]

    def _tile(self, rows: slice, columns: slice) -> Array:
        G = self.cotangent[rows, columns]
        itself = self.geometry.itself(rows, columns)
        if itself is not None:
            G = itself.replaced(G, 0.0)
        if self.problem.options.check_finite:
            self.backend.check_finite(G, "cotangent")
        return G

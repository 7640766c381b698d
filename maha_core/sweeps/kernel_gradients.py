"""Gradients of sums of kernels at given points: ``2 sum_j k'(D_ij) b_jc Ms (x_i - y_j)``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maha_core import guard
from maha_core.expressions import Expression
from maha_core.expressions.algebra import stays_finite
from maha_core.formulas import plus
from maha_core.operation import Operation
from maha_core.sweeps import distances
from maha_core.sweeps.coincident import without_infinite
from maha_core.sweeps.geometry import Geometry
from maha_core.sweeps.laplacian import BothSides
from maha_core.tiles import tiling
from maha_core.tiles.kernels import TileKernels
from maha_core.tiles.tile import Tile

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem
    from maha_core.tiles.points import Points

Array = Any

WIDEST = 1024
"""The largest number of columns of a product."""


@dataclass(frozen=True)
class KernelGradient(Operation[Array]):
    """The gradient ``(n, c, d)`` at every x_i of ``sum_j k(x_i, y_j) b_j`` for values b ``(m, c)``.

    `slope` is the kernel's derivative in D.
    """

    slope: Expression
    values: Array

    def size(self, problem: Problem) -> int:
        """Return the multiplications of each entry of D with vectors."""
        width = int(self.values.shape[1]) * (problem.width + 1)
        return max(problem.pullback_size, problem.n * problem.m * width)

    def run(self, backend: Backend, problem: Problem) -> Array:
        """Return the gradient, streamed."""
        sweep = Sweep(backend, problem, self)
        side = tiling.square_side(tiling.entries(problem, backend.tile_bytes))
        rows = tiling.blocks(problem.n, side)
        found = list(backend.map_ordered(sweep.of_rows, rows, problem.options))
        shape, X = (0, self.values.shape[1], problem.d), problem.X
        none = backend.xp.zeros(shape, dtype=X.dtype, device=X.device)
        return backend.xp.concat(found) if found else none


class Sweep:
    """One visit of every tile."""

    def __init__(self, backend: Backend, problem: Problem, asked: KernelGradient) -> None:
        self.backend = backend
        self.problem = problem
        self.asked = asked
        # An error of D is not amplified in k'; the tolerance of gradients applies.
        targets = guard.PULLBACK_TARGET
        sides = BothSides(backend, problem)
        self.geometry = Geometry(backend, problem, distances=True, laplacian=sides, targets=targets)
        self.arithmetic = backend.arithmetic(problem)
        self.entries = tiling.entries(problem, backend.tile_bytes)
        self.columns = tiling.blocks(problem.m, tiling.square_side(self.entries))

    def of_rows(self, part: slice) -> Array:
        """Return the gradient ``(r, c, d)`` at some points."""
        with self.backend.quiet():
            points = self.geometry.rows(part)
            sums = direct = None
            for block in self.columns:
                products, own = self._of_tile(points, block)
                sums, direct = plus(sums, products), plus(direct, own)
            return self._pulled(points, sums, direct)

    def _of_tile(self, points: Points, block: slice) -> tuple[Array, Array | None]:
        """Return ``sum_j k'_ij b_jc [u_j, 1]`` of a tile, and the flagged pairs' own part."""
        backend, xp, columns = self.backend, self.backend.xp, self.geometry.columns.part(block)
        # The flagged entries are needed as positions, for every library.
        made = TileKernels.distance_tile(backend, self.problem, points, columns, None)
        D = distances.nonnegative(backend, made.D, self.problem)
        finite = stays_finite(self.asked.slope)
        zero = None if finite else backend.coincident(D, made.smallest)
        (G,) = self._tile(D, block).evaluate([self.asked.slope], over=("D",))
        if zero is not None:
            G = without_infinite(xp, G, zero)
        b, own, flagged = self.asked.values[block, :], None, made.flagged
        if flagged is not None:
            own = self._direct(points, columns, flagged, backend.entries(G, flagged), b)
            G = without_flagged(backend, G, flagged)
        assert columns.extended is not None
        return self._products(G, columns.extended, b), own

    def _tile(self, D: Array, columns: slice) -> Tile:
        """Return a tile without point data."""
        backend = self.backend
        return Tile(
            xp=backend.xp,
            sqdist=D,
            rows=slice(0, D.shape[0]),
            columns=columns,
            arithmetic=self.arithmetic,
            scatter_add=backend.scatter_add,
            widest=D.dtype,
        )

    def _products(self, G: Array, others: Array, b: Array) -> Array:
        """Return ``G (b x [U', 1])``, a few of b's columns at a time."""
        xp, width = self.backend.xp, others.shape[1]
        found = []
        for group in tiling.blocks(b.shape[1], max(1, WIDEST // width)):
            right = b[:, group][:, :, None] * others[:, None, :]
            found.append(G @ xp.reshape(right, (others.shape[0], -1)))
        return found[0] if len(found) == 1 else xp.concat(found, axis=1)

    def _direct(
        self, points: Points, columns: Points, flagged: guard.Flagged, g: Array, b: Array
    ) -> Array:
        """Return ``sum_j k'_ij b_jc u_ij (r, c t)`` of the flagged pairs, from differences."""
        backend, xp, found = self.backend, self.backend.xp, None
        i, j, r = flagged.i, flagged.j, points.raw.shape[0]
        entries = max(1, self.entries // b.shape[1])
        for part, delta in guard.differences(backend, points.raw, columns.raw, i, j, entries):
            u = self.problem.form.operand(delta)
            weighted = g[part, None] * xp.take(b, j[part], axis=0)
            own = xp.reshape(weighted[:, :, None] * u[:, None, :], (u.shape[0], -1))
            found = plus(found, backend.scatter_add(i[part], own, r))
        return found

    def _pulled(self, points: Points, sums: Array | None, direct: Array | None) -> Array:
        """Return ``(r, c, d)`` from the sums over all columns."""
        xp, form = self.backend.xp, self.problem.form
        r, t = points.U.shape
        c = self.asked.values.shape[1]
        if sums is None:
            X = self.problem.X
            return xp.zeros((r, c, self.problem.d), dtype=X.dtype, device=X.device)
        sums = xp.reshape(sums, (r, c, t + 1))
        LU = sums[:, :, t:] * points.U[:, None, :] - sums[:, :, :t]
        if direct is not None:
            LU = LU + xp.reshape(direct, (r, c, t))
        found = form.pull_points(xp.reshape(LU, (r * c, t)))
        return xp.reshape(found, (r, c, self.problem.d))


def without_flagged(backend: Backend, G: Array, flagged: guard.Flagged) -> Array:
    """Return a tile with 0 for the flagged pairs, given as positions; it may be overwritten."""
    if flagged.mask is None:
        return backend.without_entries(G, flagged, own=True)
    return backend.xp.where(flagged.mask, backend.xp.zeros_like(G), G)

"""Points prepared for tiles: centred, embedded by the metric, with the guard's thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maha_core import guard
from maha_core.tiles.points import Points
from maha_core.tiles.self_pairs import SelfPairs

if TYPE_CHECKING:
    from maha_core.problem import Problem
    from maha_core.sweeps.laplacian import BothSides
    from maha_core.tiles.kernels import TileKernels

Array = Any


class Geometry:
    """Both sides of a problem under one common centre.

    `distances` tells whether the tiles need the products for D, and `laplacian` how they multiply
    cotangents, if they do. If there is a Y, the rows of X are embedded block by block, so that X
    may be larger than memory; the columns' side is kept as a whole.
    """

    def __init__(
        self,
        backend: TileKernels,
        problem: Problem,
        *,
        distances: bool = False,
        laplacian: BothSides | None = None,
        targets: guard.Targets = guard.TARGET,
    ) -> None:
        self.backend = backend
        self.problem = problem
        self.distances = distances
        self.laplacian = laplacian
        self.targets = targets
        self.row_bound: guard.RowBound | None = None
        with backend.quiet():
            self.centre = backend.centre(problem.X)
        self.columns = self._embed(problem.others)

    def rows(self, part: slice) -> Points:
        """Return a block of the rows' side."""
        if self.problem.Y is None:
            return self.columns.part(part)
        return self._embed(self.problem.X[part, :])

    def self_pairs(self, rows: slice, columns: slice) -> SelfPairs | None:
        """Return the self-pairs of a tile, or None where it has none."""
        disjoint = rows.start >= columns.stop or columns.start >= rows.stop
        if self.problem.Y is not None or disjoint:
            return None
        return SelfPairs(self.backend, rows.start - columns.start)

    def _embed(self, raw: Array) -> Points:
        form = self.problem.form
        with self.backend.quiet():
            W = raw - self.centre
            U = form.operand(W)
            points = Points(raw, W, U)
            if self.laplacian is not None:
                points.extended = self.laplacian.extended(points)
            if self.distances:
                self._add_products(points)
        return points

    def _add_products(self, points: Points) -> None:
        """Add the operands of D's product, and the guard's thresholds of each point."""
        xp, form, dtype = self.backend.xp, self.problem.form, points.raw.dtype
        W, U = points.W, points.U
        wide = self.backend.product_dtype(self.problem)
        # For cotangents, flag all pairs that lose digits in the Laplacian product, as wide as X.
        if wide != dtype and self.laplacian is None:
            W = xp.astype(points.raw, wide) - self.centre
            U = form.operand(W)
        V = form.dual(U)
        points.left, points.right, norms = self.backend.operands(U, V)
        if self.problem.accurate:
            width, targets = U.shape[1], self.targets
            threshold = guard.thresholds(form, W, norms[:, 0], width, dtype, targets)
            if self.laplacian is not None:
                threshold = threshold + guard.pullback_thresholds(form, W, dtype)
            points.threshold = xp.astype(threshold, dtype, copy=False)
            self._add_reach(points, norms[:, 0], threshold)

    def _add_reach(self, points: Points, norms: Array, threshold: Array) -> None:
        """Add bounds with which the guard can skip most entries, if the backend uses them."""
        xp = self.backend.xp
        if not (self.backend.picks_entries and self.problem.form.nonnegative and norms.shape[0]):
            return
        if self.row_bound is None:  # the columns, which come first
            width, dtype = points.U.shape[1], points.raw.dtype
            share = guard.share(xp, width, norms.dtype, dtype, self.targets)
            self.row_bound = guard.RowBound(share, xp.max(threshold - share * norms))
        if self.row_bound.share < guard.LARGEST_SHARE:
            row_bound = self.row_bound.of(xp, norms, threshold)
            points.row_bound = xp.astype(row_bound, points.raw.dtype, copy=False)

"""The Laplacian product of a cotangent, and the metric's gradient from it.

The gradients of points need both products of a tile, ``G U'`` and ``G^T U``. The metric's gradient
alone needs one, of the points themselves: with ``R = r * W - G W'``,

    sum_ij G_ij d_ij d_ij^T = W^T R + R^T W - W^T diag(r) W + W'^T diag(c) W'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maha_core import formulas

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem
    from maha_core.tiles.points import Points

Array = Any


class BothSides:
    """Both products of a tile, each with the points of the other side."""

    def __init__(self, backend: Backend, problem: Problem) -> None:
        self.backend = backend
        self.problem = problem
        self.form = problem.form

    def extended(self, points: Points) -> Array:
        """Return the matrix with which a cotangent is multiplied."""
        return self.backend.extended(points.U)

    def products(self, G: Array, others: Points, own: Points) -> tuple[Array, Array]:
        """Return ``[G U', r]`` and ``[G^T U, c]`` of one tile."""
        return self.backend.laplacian_products(self.problem, G, others, own)

    def mirrored(self, G: Array, points: Points) -> tuple[Array, Array | None]:
        """Return the same for ``G + G^T`` of the points among themselves: that of rows is all."""
        return self.backend.row_products(G, points.extended), None

    def no_columns(self, points: Points) -> Array:
        """Return an array with the shape of the columns' sums."""
        return points.extended

    def of_rows(self, products: Array, points: Points) -> Array:
        """Return ``L U`` of the rows."""
        return formulas.laplacian(products, points.U)

    def of_columns(self, sums: Array, points: Points) -> Array:
        """Return ``L U`` of the columns."""
        return formulas.laplacian(sums, points.U)

    def pull_rows(self, points: Points, products: Array, of_rows: Array) -> Array:
        """Return the rows' part of the gradient of the metric's parameter, from `of_rows`."""
        return self.form.pull(points.W, points.U, of_rows)


class OneSide(BothSides):
    """One product of a tile, and the sums of its columns: enough for the metric's gradient."""

    def extended(self, points: Points) -> Array:
        return self.backend.extended(self.form.one_sided(points.W, points.U))

    def products(self, G: Array, others: Points, own: Points) -> tuple[Array, Array]:
        """Return ``[G B', r]`` and c of one tile."""
        return self.backend.row_products(G, others.extended), self._column_sums(G)

    def mirrored(self, G: Array, points: Points) -> tuple[Array, Array | None]:
        of_rows, of_columns = self.products(G, points, points)
        return of_rows / 2, of_columns / 2

    def no_columns(self, points: Points) -> Array:
        return points.U[:, :1]

    def of_rows(self, products: Array, points: Points) -> Array:
        """Return ``R = r * B - G B'``."""
        return formulas.laplacian(products, self.form.one_sided(points.W, points.U))

    def of_columns(self, sums: Array, points: Points) -> Array:
        """Return ``c * U'``."""
        return sums * points.U

    def pull_rows(self, points: Points, products: Array, of_rows: Array) -> Array:
        W, U, r = points.W, points.U, products[:, -1:]
        return self.form.pull_one_sided(W, U, of_rows) - self.form.pull(W, U, r * U)

    def _column_sums(self, G: Array) -> Array:
        return self.backend.xp.sum(G, axis=0)[:, None]


def laplacian(backend: Backend, problem: Problem, wrt: frozenset[str]) -> BothSides:
    """Return the Laplacian product that is faster for a gradient."""
    one = not wrt - {"metric", "values"} and backend.one_side_suffices(problem)
    return OneSide(backend, problem) if one else BothSides(backend, problem)

"""Computations on one tile of a cotangent, implemented once for any array API library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from maha_core import formulas, guard
from maha_core.formulas import plus
from maha_core.library import Library
from maha_core.tiles import tiling
from maha_core.tiles.tile import Entries

if TYPE_CHECKING:
    from maha_core.guard import Flagged
    from maha_core.problem import Problem
    from maha_core.tiles.points import Points

Array = Any


class DirectPart(NamedTuple):
    """The part of flagged pairs in the metric's gradient, and in ``L U`` of rows and columns."""

    parameter: Array | None = None
    rows: Array | None = None
    columns: Array | None = None


class CotangentKernels(Library):
    """Computations on one tile of a cotangent: its products, and the part of single entries."""

    tile_bytes = 8 * 2**20

    def entries(self, G: Array, flagged: Flagged) -> Array:
        """Return the flagged entries ``(p,)`` of a tile."""
        flat = self.xp.reshape(G, (-1,))
        return self.xp.take(flat, flagged.i * G.shape[1] + flagged.j)

    def without_entries(self, G: Array, flagged: Any, *, own: bool = False) -> Array:
        """Return a tile with 0 for the flagged entries; with `own` it may be overwritten."""
        if own and self.writable(G):
            G[flagged.mask] = 0.0
            return G
        return self.xp.where(flagged.mask, self.xp.zeros_like(G[:1, :1]), G)

    def direct_part(
        self,
        problem: Problem,
        wrt: frozenset[str],
        rows: Points,
        columns: Points,
        flagged: Any,
        G: Array,
    ) -> DirectPart:
        """Return the part of the flagged entries of a tile in a gradient."""
        few = Entries(flagged.i, flagged.j, self.entries(G, flagged))
        return self.part_of_entries(problem, wrt, rows, columns, few)

    def part_of_entries(
        self, problem: Problem, wrt: frozenset[str], rows: Points, columns: Points, few: Entries
    ) -> DirectPart:
        """Return the part of some entries of a cotangent in a gradient.

        It is ``2 sum g_ij (A d_ij) d_ij^T`` for dphi/dA, and similar for other parameters and for
        the points, from raw differences in batches.
        """
        g, form = few.values, problem.form
        entries = tiling.entries(problem, self.tile_bytes)
        parameter = own_rows = own_columns = None
        for part, delta in guard.differences(self, rows.raw, columns.raw, few.i, few.j, entries):
            U = form.operand(delta)
            LU = g[part, None] * U
            if "metric" in wrt:
                parameter = plus(parameter, self.widen(form.pull(delta, U, LU)))
            if "X" in wrt or "Y" in wrt:
                i, j = few.i[part], few.j[part]
                own_rows = plus(own_rows, self.scatter_add(i, LU, rows.U.shape[0]))
                own_columns = plus(own_columns, -self.scatter_add(j, LU, columns.U.shape[0]))
        return DirectPart(parameter, own_rows, own_columns)

    def folded(self, upper: Array, lower: Array) -> Array:
        """Return a tile of ``G + G^T`` from a tile of G and the one that mirrors it."""
        return upper + lower.T

    def row_products(self, G: Array, extended_other: Array) -> Array:
        """Return ``[G U', r]`` for the rows of a cotangent ``(r, t + 1)``."""
        return formulas.row_products(G, extended_other)

    def column_products(self, G: Array, extended: Array) -> Array:
        """Return ``[G^T U, c]`` for the columns of a cotangent ``(c, t + 1)``."""
        return formulas.column_products(G, extended)

    def one_side_suffices(self, problem: Problem) -> bool:
        """Tell whether one product with the points is faster than both with the embedded points.

        It suffices for the metric's gradient.
        """
        return problem.d < 2 * problem.width

    def laplacian_products(
        self, problem: Problem, G: Array, others: Points, own: Points
    ) -> tuple[Array, Array]:
        """Return both products for a tile with the columns `others` and the rows `own`."""
        return self.row_products(G, others.extended), self.column_products(G, own.extended)

"""Computations on one tile, implemented once for any array API library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from maha_core import formulas, guard
from maha_core.arrays import device_of
from maha_core.expressions import takes_out
from maha_core.tiles import tiling
from maha_core.tiles.arithmetic import ArrayArithmetic
from maha_core.tiles.cotangents import CotangentKernels

if TYPE_CHECKING:
    from maha_core.guard import Flagged, Inspection
    from maha_core.problem import Problem
    from maha_core.tiles.points import Points
    from maha_core.tiles.self_pairs import SelfPairs
    from maha_core.tiles.tile import Arithmetic

Array = Any


DIAGONAL_SIDE = 64
"""The side of the squares that are written again to fill a diagonal."""


class DistanceTile(NamedTuple):
    """A block of D, with the findings of the guard.

    ``flagged`` has the entries that the guard recomputed, as `Flagged` unless the backend has a
    form of its own; it is None if there are none. ``smallest (r, 1)`` is each row's smallest D to
    another point; None if it is not known.
    """

    D: Array
    flagged: Any
    smallest: Array | None = None


class TileKernels(CotangentKernels):
    """Computations on one tile: the product, the guard, and those on its cotangent."""

    loss_tiles = 1
    picks_entries = False
    square_part = 1

    # --- points ------------------------------------------------------------------------------

    def centre(self, X: Array) -> Array:
        """Return the mean of the points ``(1, d)``, or 0 where it overflows or there are none."""
        return formulas.centre(self.xp, X)

    def operands(self, U: Array, V: Array) -> formulas.Operands:
        """Return the operands of D's product, for points as both sides."""
        return formulas.symmetric_operands(self.xp, U, V)

    def extended(self, U: Array) -> Array:
        """Return ``[U, 1]``; its product with a cotangent also contains the row sums."""
        return formulas.extended(self.xp, U)

    def product_dtype(self, problem: Problem) -> Any:
        """Return the dtype in which D is multiplied, before it is rounded to that of X."""
        return problem.X.dtype

    # --- distances ---------------------------------------------------------------------------

    def distance_tile(
        self, problem: Problem, rows: Points, columns: Points, self_pairs: SelfPairs | None
    ) -> DistanceTile:
        """Return a tile of D ``(r, c)``, with the findings of the guard.

        Only `without_entries` and `direct_part` read `flagged`.
        """
        with self.quiet():
            D = self.product(problem, rows, columns)
        return self.guarded(problem, rows, columns, self_pairs, D)

    def product(self, problem: Problem, rows: Points, columns: Points) -> Array:
        """Return the product ``(r, c)`` of a tile's operands, in the points' dtype."""
        assert rows.left is not None
        assert columns.right is not None
        D = self.multiply(rows.left, columns.right.T)
        return self.xp.astype(D, rows.raw.dtype, copy=False)

    def multiply(self, left: Array, right: Array) -> Array:
        """Return the product of two matrices; the result has the size of a tile."""
        return left @ right

    def guarded(
        self,
        problem: Problem,
        rows: Points,
        columns: Points,
        self_pairs: SelfPairs | None,
        D: Array,
    ) -> DistanceTile:
        """Return a tile of D from its product, which may be overwritten."""
        xp, form = self.xp, problem.form
        flagged = smallest = None
        if self_pairs is not None:
            D = self_pairs.filled(D, float("inf"))
        if problem.accurate:
            with self.quiet():
                flagged, smallest = self.cancelled(
                    problem, D, rows.threshold, columns.threshold, rows.row_bound
                )
            if flagged is not None:
                entries = tiling.entries(problem, self.tile_bytes)
                i, j = flagged.i, flagged.j
                values = guard.direct(self, form, rows.raw, columns.raw, i, j, entries)
                D = self.place(D, flagged, values)
                if self_pairs is not None:  # flagged, too, where norms overflow
                    D = self_pairs.filled(D, float("inf"))
                smallest = self.minima_after_placing(D, flagged, smallest)
        elif form.nonnegative:
            D = xp.maximum(D, xp.zeros((), dtype=D.dtype, device=device_of(D)))
        if self_pairs is not None:
            D = self_pairs.filled(D, 0.0)
        return DistanceTile(D, flagged, smallest)

    def cancelled(
        self,
        problem: Problem,
        D: Array,
        row_threshold: Array,
        column_threshold: Array,
        row_bound: Array | None = None,
    ) -> Inspection:
        """Find the entries of a tile below their threshold; none is at or above its row's bound."""
        return guard.cancelled(self.xp, D, row_threshold, column_threshold)

    def minima_after_placing(
        self, D: Array, flagged: Flagged, smallest: Array | None
    ) -> Array | None:
        """Return the rows' smallest entries found by `cancelled`, updated after `place`."""
        return None

    def place(self, D: Array, flagged: Flagged, values: Array) -> Array:
        """Return D with the flagged entries replaced; the array given may be overwritten."""
        if not self.writable(D):
            return formulas.placed(self.xp, D, flagged.mask, values)
        D[flagged.mask] = values
        return D

    def coincident(self, D: Array, smallest: Array | None) -> Array | None:
        """Return where a tile of D is 0, or None where its rows' smallest entries show no 0."""
        return D == 0

    def kth_smallest(self, D: Array, k: int) -> Array:
        """Return the k-th smallest entry of each row ``(r, 1)``."""
        return self.xp.sort(D, axis=1)[:, k - 1 : k]

    # --- entries -----------------------------------------------------------------------------

    def arithmetic(self, problem: Problem) -> Arithmetic:
        """Return the implementation of elementwise computations on a tile."""
        return ArrayArithmetic(self.exp, self.difference, self.quiet)

    # --- what the array API standard lacks ---------------------------------------------------

    def replace_diagonal(self, values: Array, offset: int, fill: float) -> Array:
        """Return values ``(r, c)`` with `fill` on the entries ``(i, i + offset)``."""
        if self.writable(values):
            return self.fill_diagonal(self.xp.asarray(values, copy=True), offset, fill)
        return _with_diagonal(self.xp, values, offset, fill)

    def fill_diagonal(self, values: Array, offset: int, fill: float) -> Array:
        """Return the same as `replace_diagonal`; the array given may be overwritten."""
        if not self.writable(values):
            return _with_diagonal(self.xp, values, offset, fill)
        first, last = max(0, -offset), min(values.shape[0], values.shape[1] - offset)
        for start in range(first, last, DIAGONAL_SIDE):  # only squares along the diagonal
            stop = min(start + DIAGONAL_SIDE, last)
            square = slice(start, stop), slice(start + offset, stop + offset)
            values[square] = _with_diagonal(self.xp, values[square], 0, fill)
        return values

    def exp(self, values: Array) -> Array:
        """Return the exponential, with a negligible number where it would underflow.

        Arithmetic on subnormal numbers takes several times as long. The array given may be
        overwritten.
        """
        if not takes_out(self.xp):
            return formulas.exp(self.xp, values)
        lowest = formulas.lowest_exponent(self.xp, values)
        return self.xp.exp(self.xp.maximum(values, lowest, out=values), out=values)

    def difference(self, a: Array, b: Array) -> Array:
        """Return ``a - b`` of b's shape; b may be overwritten."""
        return self.xp.subtract(a, b, out=b) if takes_out(self.xp) else a - b


def _with_diagonal(xp: Any, values: Array, offset: int, fill: float) -> Array:
    """Return values with `fill` on the entries ``(i, i + offset)``, in new memory."""
    mask = xp.eye(*values.shape, k=offset, dtype=values.dtype, device=device_of(values)) > 0
    return xp.where(mask, xp.full_like(values[:1, :1], fill), values)

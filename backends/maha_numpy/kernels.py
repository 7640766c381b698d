"""Computations on one NumPy tile: in place, and on few entries."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from maha_core import formulas
from maha_core.tiles.kernels import TileKernels
from maha_numpy import buffers, candidates
from maha_numpy.arithmetic import NumpyArithmetic
from maha_numpy.compiled import narrow, presence
from maha_numpy.compiled.arithmetic import CompiledArithmetic
from maha_numpy.tiles import cancelled, fill_diagonal, in_stretches, minima_after_placing

if TYPE_CHECKING:
    from maha_core.guard import Flagged, Inspection
    from maha_core.problem import Problem
    from maha_core.tiles.points import Points
    from maha_core.tiles.tile import Arithmetic

Array = Any

NARROW = 8
"""Embeddings of so few columns are multiplied in float64, where hardly an entry cancels."""

FEWEST_COMPILED = 2**17
"""Fewer entries are not worth the second that it takes to compile a new loss."""

FEW_COLUMNS = range(8, 33)
"""So many columns of float64 OpenBLAS multiplies faster as the rows of a transposed product."""


class NumpyTileKernels(TileKernels):
    """Computations on one tile of NumPy arrays."""

    tile_bytes = 2**22
    loss_tiles = 2
    picks_entries = True
    square_part = 2

    # --- points ------------------------------------------------------------------------------

    def centre(self, X: Array) -> Array:
        """Return the mean of the points, with fewer calls if it is finite."""
        if X.shape[0]:
            mean = np.add.reduce(X, axis=0, keepdims=True)
            mean /= X.shape[0]
            if isfinite(np.vdot(mean, mean)):
                return mean
        return super().centre(X)

    def product_dtype(self, problem: Problem) -> Any:
        """Return float64 for narrow embeddings, where the guard would recompute many entries."""
        if problem.accurate and problem.width <= NARROW:
            return np.dtype(np.float64)
        return problem.X.dtype

    # --- distances ---------------------------------------------------------------------------

    def operands(self, U: Array, V: Array) -> formulas.Operands:
        """Return the operands of D's product, the right one stored by columns if narrow."""
        left, right, a = super().operands(U, V)
        return formulas.Operands(left, _by_columns(right), a)

    def extended(self, U: Array) -> Array:
        """Return ``[U, 1]``, stored by columns if narrow."""
        return _by_columns(super().extended(U))

    def product(self, problem: Problem, rows: Points, columns: Points) -> Array:
        """Return the product ``(r, c)``."""
        left, right = rows.left, columns.right
        assert left is not None
        assert right is not None
        if has_compiled_products(problem, left):
            return narrow.product(left, right, rows.raw.dtype)
        D = self.multiply(left, right.T)
        if D.dtype == rows.raw.dtype:
            return D
        rounded = buffers.empty(D.shape, rows.raw.dtype)
        np.copyto(rounded, D, casting="same_kind")
        return rounded

    def multiply(self, left: Array, right: Array) -> Array:
        """Return the product in reused memory of the thread."""
        return buffers.product(left, right)

    def cancelled(
        self,
        problem: Problem,
        D: Array,
        row_threshold: Array,
        column_threshold: Array,
        row_bound: Array | None = None,
    ) -> Inspection:
        """Find the entries of a tile below their threshold."""
        find = candidates.find if compiles(problem) else in_stretches
        return cancelled(D, row_threshold, column_threshold, row_bound, find)

    def minima_after_placing(
        self, D: Array, flagged: Flagged, smallest: Array | None
    ) -> Array | None:
        """Return the rows' smallest entries, recomputed for rows with replaced entries."""
        return None if smallest is None else minima_after_placing(D, flagged, smallest)

    def place(self, D: Array, flagged: Flagged, values: Array) -> Array:
        """Return D, written in place."""
        D[flagged.i, flagged.j] = values
        return D

    def coincident(self, D: Array, smallest: Array | None) -> Array | None:
        """Return where a tile of D is 0, or None if it has no 0."""
        return None if smallest is not None and (smallest > 0).all() else D == 0

    def kth_smallest(self, D: Array, k: int) -> Array:
        """Return the k-th smallest entry of each row."""
        return np.partition(D, k - 1, axis=1)[:, k - 1 : k]

    # --- entries -----------------------------------------------------------------------------

    def arithmetic(self, problem: Problem) -> Arithmetic:
        """Return compiled passes for large problems if numba is available."""
        arrays = NumpyArithmetic(self.exp, self.difference, self.quiet)
        return CompiledArithmetic(arrays) if compiles(problem) else arrays

    # --- cotangents --------------------------------------------------------------------------

    def entries(self, G: Array, flagged: Flagged) -> Array:
        """Return the flagged entries of a tile."""
        return G[flagged.i, flagged.j]

    def without_entries(self, G: Array, flagged: Flagged, *, own: bool = False) -> Array:
        """Return a tile with 0 for the flagged entries."""
        G = G if own else np.array(G)
        G[flagged.i, flagged.j] = 0
        return G

    def folded(self, upper: Array, lower: Array) -> Array:
        """Return the sum in reused memory of the thread."""
        out = buffers.empty(upper.shape, np.result_type(upper, lower))
        return np.add(upper, lower.T, out=out)

    def row_products(self, G: Array, extended_other: Array) -> Array:
        """Return ``[G U', r]``, as the transpose of a product if BLAS is faster for it."""
        if G.dtype == np.float64 and extended_other.shape[1] in FEW_COLUMNS:
            return self.column_products(G.T, extended_other)
        return self.multiply(G, extended_other)

    def column_products(self, G: Array, extended: Array) -> Array:
        """Return ``[G^T U, c]`` as the transpose of a product."""
        return self.multiply(extended.T, G).T

    def one_side_suffices(self, problem: Problem) -> bool:
        """Tell the same; both products of a narrow embedding are one pass."""
        narrow_one = problem.width <= narrow.WIDEST and compiles(problem)
        return not narrow_one and super().one_side_suffices(problem)

    def laplacian_products(
        self, problem: Problem, G: Array, others: Points, own: Points
    ) -> tuple[Array, Array]:
        """Return both products, for a narrow embedding in one pass."""
        extended = others.extended
        assert extended is not None
        if G.size and G.dtype == own.U.dtype and has_compiled_products(problem, own.U):
            # Unlike U, [U, 1] is stored by columns.
            return narrow.laplacian_products(G, extended[:, :-1], own.U)
        return super().laplacian_products(problem, G, others, own)

    # --- what the array API standard lacks ---------------------------------------------------

    def replace_diagonal(self, values: Array, offset: int, fill: float) -> Array:
        """Return values with `fill` on a diagonal; the same array if it already has it."""
        if np.all(values.diagonal(offset) == fill):
            return values
        values = np.array(values)
        fill_diagonal(values, offset, fill)
        return values

    def fill_diagonal(self, values: Array, offset: int, fill: float) -> Array:
        """Return values, written in place."""
        fill_diagonal(values, offset, fill)
        return values

    def exp(self, values: Array) -> Array:
        """Return the exponential, written in place."""
        lowest = formulas.negligible(np, values.dtype)
        if not values.min(initial=0.0) >= lowest:  # a test costs less than half of writing
            np.clip(values, lowest, np.inf, out=values)  # three times as fast as np.maximum
        return np.exp(values, out=values)

    def difference(self, a: Array, b: Array) -> Array:
        """Return ``a - b``, written over b."""
        return np.subtract(a, b, out=b)


def _by_columns(narrow_one: Array) -> Array:
    return narrow_one if narrow_one.shape[1] > narrow.WIDEST + 1 else narrow.by_columns(narrow_one)


def compiles(problem: Problem) -> bool:
    """Tell whether passes over tiles are compiled: for large problems if numba is available."""
    return problem.n * problem.m >= FEWEST_COMPILED and presence.wanted(problem.options)


def has_compiled_products(problem: Problem, U: Array) -> bool:
    """Tell whether products with U are compiled: if U is so narrow that BLAS is slower."""
    return U.shape[1] <= narrow.WIDEST and compiles(problem)

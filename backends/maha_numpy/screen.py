"""Lower bounds of D by a float32 product, for searches of few small entries.

With u and v rounded to float32, ``a_i + b_j - 2 u_i . v_j`` is D up to an error e_i + e_j. So

    (a_i - e_i) + (b_j - e_j) - 2 u_i . v_j

is no larger than D, for any dtype of X, and nearly as fast as the product alone. Entries that it
does not decide are decided by direct differences. The points are scaled by powers of two to the
range of float32; if that is not possible, there is no screen.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import frexp, inf, ldexp, sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from maha_core import formulas, guard
from maha_core.tiles import tiling
from maha_numpy.compiled import presence
from maha_numpy.library import usable_cores

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem

Array = Any

SCREEN = np.dtype(np.float32)

TILE_BYTES = 2**20
"""A tile stays in the cache of one core beside what is multiplied."""

FEWEST_ROWS = 64
"""Blocks of rows are not smaller, however many cores there are: a product would be slow."""

LARGEST = 1e30
"""No coordinate of U and V is larger, nor a product of two of them."""

SMALLEST = 1e-12
"""Where no coordinate is larger, they are scaled so that float32 loses nothing."""

EMBEDDED = 2**16
"""The number of coordinates centred, embedded and rounded at a time."""

EXPONENTS = {"float32": 100, "float64": 500}
"""The largest power of two that points are scaled by: it and its square are numbers themselves."""

SLACK = 4 * guard.TARGET.float32
"""A relative error of D that is allowed for beside e_i + e_j, that of the differences among it."""

UNDERFLOW = 1e-37
"""What a product of float32 may lose, for each of its terms, where they are subnormal."""


SMALL = 2**16
"""For D of fewer entries, loading compiled code costs more than it saves."""


def is_worth_it(problem: Problem) -> bool:
    """Tell whether a screen is used, by shapes, options and what is installed."""
    return problem.n * problem.m >= max(SMALL, 1) and presence.wanted(problem.options)


class Points(NamedTuple):
    """One side of a screen: an operand of the product, and bounds ``a_i - e_i (n,)``.

    The operand is ``-2 U (n, t)`` for rows and ``V^T (t, n)`` for columns; None for the other side.
    ``largest`` bounds the coordinates of U and V, and the products of two.
    """

    left: Array | None
    right: Array | None
    bounds: Array
    largest: float

    def part(self, rows: slice | Array) -> Points:
        """Return some of the rows."""
        assert self.left is not None
        return Points(self.left[rows], None, self.bounds[rows], self.largest)


class Screen:
    """Lower bounds of a problem's D, which is scaled by `scale`.

    Parameters
    ----------
    backend : Backend
        The backend.
    problem : Problem
        The points, and the metric.

    Attributes
    ----------
    usable : bool
        False if the points exceed the range of float32 or are not finite.
    """

    def __init__(self, backend: Backend, problem: Problem) -> None:
        self.backend, self.problem = backend, problem
        self.centre = backend.centre(problem.X)
        self.exponent = 0
        self.columns = self._columns()
        if self.columns is None or self.columns.largest < SMALLEST:
            self.columns = self._scaled()
        self.usable = self.columns is not None

    def _scaled(self) -> Points | None:
        """Return the columns' side after scaling, None if that does not help."""
        exponent = self._exponent()
        if exponent is None:
            return None
        self.exponent = exponent
        return self._columns()

    def _columns(self) -> Points | None:
        problem = self.problem
        return self._embed(problem.others, rows=problem.Y is None, columns=True)

    def _exponent(self) -> int | None:
        """Return the power of two that scales the largest coordinate of all points to at most 1."""
        sides = [side for side in (self.problem.X, self.problem.Y) if side is not None]
        highest = np.max([side.max(axis=0) for side in sides], axis=0) - self.centre
        lowest = np.min([side.min(axis=0) for side in sides], axis=0) - self.centre
        largest = float(np.maximum(highest, -lowest).max())
        if not largest < inf:  # also for NaN
            return None
        exponent = -frexp(largest)[1]
        return exponent if abs(exponent) <= EXPONENTS[self.problem.X.dtype.name] else None

    def rows(self, part: slice) -> Points | None:
        """Return a block of the rows' side, or None if it exceeds the range of float32."""
        if self.problem.Y is None:
            assert self.columns is not None
            return self.columns.part(part)
        return self._embed(self.problem.X[part], rows=True)

    def row_blocks(self) -> list[slice]:
        """Divide the rows into blocks, one unit of parallel work each.

        Unlike other partitions, it may depend on the number of threads, because the results do not
        depend on the blocks: direct differences decide.
        """
        threads = self.problem.options.threads or usable_cores()
        shared = max(FEWEST_ROWS, -(-self.problem.n // threads))
        largest = tiling.square_side(self._entries())
        return tiling.even_blocks(self.problem.n, min(largest, shared))

    def _entries(self) -> int:
        return max(1, (self.problem.options.tile_bytes or TILE_BYTES) // SCREEN.itemsize)

    def columns_of_tile(self, rows: int) -> int:
        """Return the largest number of columns of a tile of some rows."""
        return min(max(1, self._entries() // max(1, rows)), max(1, self.problem.m))

    def tiles(self, rows: Array, points: Points) -> Iterator[tuple[Array, Array, int]]:
        """Yield tiles ``-2 u_i . v_j`` with their columns' bounds and the number of the first.

        ``rows (r,)`` are the numbers of the points in X. Without Y self-pairs are infinite, and the
        first tile has the columns of the rows' own points. If neighbours have similar row numbers,
        most are found in it, and later tiles have few candidates.
        """
        assert self.columns is not None
        left, right = points.left, self.columns.right
        assert left is not None
        assert right is not None
        size = self.columns_of_tile(len(left))
        blocks = tiling.blocks(self.problem.m, size)
        own = int(rows[0]) // size if self.problem.Y is None else 0
        memory = np.empty(len(left) * size, dtype=SCREEN)
        for block in blocks[own:] + blocks[:own]:
            shape = len(left), block.stop - block.start
            tile = memory[: shape[0] * shape[1]].reshape(shape)
            np.matmul(left, right[:, block], out=tile)
            self._leave_out_itself(tile, rows, block)
            yield tile, self.columns.bounds[block], block.start

    def _leave_out_itself(self, tile: Array, rows: Array, columns: slice) -> None:
        if self.problem.Y is None:
            (own,) = np.nonzero((rows >= columns.start) & (rows < columns.stop))
            tile[own, rows[own] - columns.start] = inf

    def bounded(self, D: Array, points: Points) -> Array:
        """Return limits of the entries of ``P + bounds`` for limits of D ``(r,)``.

        Entries whose D is within its limit do not exceed the returned limit, which is rounded up to
        float32. It is finite, so that self-pairs exceed it.
        """
        lost = self.problem.width * float(np.finfo(self.problem.X.dtype).smallest_normal)
        D = D.astype(np.float64)
        scaled = (D + SLACK * np.abs(D) + lost) * self.scale
        limits = (scaled - points.bounds).astype(SCREEN)
        return np.minimum(np.nextafter(limits, SCREEN.type(inf)), np.finfo(SCREEN).max)

    @property
    def scale(self) -> float:
        """The factor of D."""
        return ldexp(1.0, 2 * self.exponent)

    def _embed(self, raw: Array, *, rows: bool = False, columns: bool = False) -> Points | None:
        """Return points as one side, or as both; None if they exceed the range of float32.

        They are computed in blocks of X's dtype that fit the cache.
        """
        problem, n = self.problem, len(raw)
        left = np.empty((n, problem.width), dtype=SCREEN) if rows else None
        right = np.empty((problem.width, n), dtype=SCREEN) if columns else None
        bounds = np.empty(n, dtype=SCREEN)

        def write(block: slice) -> float:
            U, V, bounds[block] = self._block(raw[block])
            if left is not None:
                np.multiply(U, -2, out=left[block], casting="same_kind")
            if right is not None:
                right[:, block] = V.T
            sizes = [_largest(side) for side in ((U,) if V is U else (U, V))]
            return max(*sizes, sizes[0] * sizes[-1])

        blocks = tiling.blocks(n, max(1, EMBEDDED // problem.d))
        largest = max(self.backend.map_ordered(write, blocks, problem.options), default=0.0)
        if not (largest <= LARGEST and np.isfinite(bounds).all()):
            return None
        return Points(left, right, bounds, largest)

    def _block(self, raw: Array) -> tuple[Array, Array, Array]:
        """Return U, V and the bounds of some points, in X's dtype."""
        form = self.problem.form
        W = raw - self.centre
        if self.exponent:
            W *= ldexp(1.0, self.exponent)
        U = form.operand(W)
        V = form.dual(U)
        norms = formulas.dot(np, U, V)
        return U, V, norms - self._errors(W, norms)

    def _errors(self, W: Array, norms: Array) -> Array:
        """Return e_i: the error of a product as in the guard, and that of rounding its operands.

        Rounding both operands adds less than 4 units, and summing the bounds less than 3.
        """
        width = self.problem.width
        rounding = self.problem.form.rounding(W, norms)
        unit = float(np.finfo(SCREEN).eps) / 2
        error = (12 + sqrt(width)) * unit * np.abs(rounding.magnitude) + width * UNDERFLOW
        if rounding.embedding is None:
            return error
        own = float(np.finfo(W.dtype).eps) / 2
        return error + 8 * own**2 / guard.TARGET.float32 * rounding.embedding


def _largest(values: Array) -> float:
    """Return the largest size of a number."""
    return max(float(values.max(initial=0)), -float(values.min(initial=0)))

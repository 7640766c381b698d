"""Computations on one tile of CuPy arrays, with our own kernels for D."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maha_core.formulas import negligible
from maha_core.tiles.cotangents import DirectPart
from maha_core.tiles.kernels import DistanceTile, TileKernels
from maha_cupy import flagged as pairs_of_tile
from maha_cupy import rows as row_kernels
from maha_cupy.library import cp, xp
from maha_cupy.tiles import Flags, Target, new_flags, write_tile

if TYPE_CHECKING:
    from maha_core.formulas import Operands
    from maha_core.problem import Problem
    from maha_core.tiles.points import Points
    from maha_core.tiles.self_pairs import SelfPairs

Array = Any


class CupyTileKernels(TileKernels):
    """Computations on one tile of CuPy arrays."""

    def operands(self, U: Array, V: Array) -> Operands:
        """Return the operands of D's product, for points as both sides."""
        return row_kernels.operands(U, V)

    def distance_tile(
        self, problem: Problem, rows: Points, columns: Points, self_pairs: SelfPairs | None
    ) -> DistanceTile:
        """Return a tile of D, with flags for the entries that the guard recomputed."""
        r, c = rows.raw.shape[0], columns.raw.shape[0]
        D = cp.empty((r, c), dtype=problem.X.dtype)
        flags = new_flags(r, c) if problem.accurate and r and c else None
        target = Target(D, None if self_pairs is None else self_pairs.offset)
        write_tile(problem, rows, columns, target, flags=flags)
        return DistanceTile(D, flags)

    def without_entries(self, G: Array, flagged: Flags, *, own: bool = False) -> Array:
        """Return a tile with 0 for the flagged entries."""
        remove = pairs_of_tile.clear_flagged if own else pairs_of_tile.without_flagged
        return remove(G, flagged)

    def direct_part(
        self,
        problem: Problem,
        wrt: frozenset[str],
        rows: Points,
        columns: Points,
        flagged: Flags,
        G: Array,
    ) -> DirectPart:
        """Return the flagged pairs' part of a gradient."""
        form = problem.form
        moments, *sides = pairs_of_tile.part(form, wrt, rows, columns, flagged, G)
        parameter = None if moments is None else pairs_of_tile.pulled(form, moments)
        return DirectPart(parameter, *sides)

    def replace_diagonal(self, values: Array, offset: int, fill: float) -> Array:
        """Return values with `fill` on a diagonal."""
        return row_kernels.fill_diagonal(values.copy(), offset, fill)

    def fill_diagonal(self, values: Array, offset: int, fill: float) -> Array:
        """Return values, written in place."""
        return row_kernels.fill_diagonal(values, offset, fill)

    def exp(self, values: Array) -> Array:
        """Return the exponential, written in place."""
        cp.maximum(values, negligible(xp, values.dtype), out=values)
        return cp.exp(values, out=values)

"""Sums inside one strip of rows: the Laplacian product, and the pairs that the guard recomputed.

Entries that the guard recomputed are removed from the cotangent, because they would suffer from
cancellation in the Laplacian product. Their part is added from the same raw differences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maha_core.formulas import plus
from maha_core.sweeps.accumulation import StripResult, increased, weighted
from maha_core.tiles.points import Points
from maha_core.tiles.tile import Entries, Evaluation, Tile

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem
    from maha_core.sweeps.laplacian import BothSides
    from maha_core.tiles.cotangents import DirectPart

Array = Any

EACH = 2
"""The time of a pair's raw difference over that of an entry of a product, per row of the metric."""


@dataclass(slots=True)
class Visit:
    """One tile in a sweep; with `weight` 2 it also counts for its mirror image.

    `flagged` has the entries that the guard recomputed, in the backend's own form, or None.
    """

    tile: Tile
    columns: Points
    flagged: Any
    weight: float


class RowBlock:
    """Sums over the tiles of one block of rows."""

    def __init__(
        self,
        backend: Backend,
        problem: Problem,
        wrt: frozenset[str],
        points: Points,
        laplacian: BothSides,
    ) -> None:
        self.backend = backend
        self.problem = problem
        self.wrt = wrt
        self.points = points
        self.laplacian = laplacian
        self.has_cotangent = False
        self.products: Array | None = None
        self.direct_rows: Array | None = None
        self.parameter: Array | None = None
        self.value: Array | None = None
        self.listed: Array | None = None

    def add(self, visit: Visit, evaluation: Evaluation, strip: Strip) -> None:
        """Add one tile; the columns' part goes to the strip."""
        G = evaluation.cotangent
        self.value = plus(self.value, evaluation.value)
        self.listed = plus(self.listed, evaluation.listed)
        if evaluation.values is not None:
            strip.values.add(visit.tile.columns, evaluation.values)
        if evaluation.few is not None:
            self.has_cotangent = True
            G = self._without_few(visit, evaluation.few, strip)
        if G is None:
            return
        if visit.flagged is not None:
            own = self.backend.direct_part(
                self.problem, self.wrt, self.points, visit.columns, visit.flagged, G
            )
            self._add_direct(visit, own, strip)
            G = self.backend.without_entries(G, visit.flagged, own=True)
        self.add_tile(G, visit.columns, visit.tile.columns, strip, visit.weight)

    def add_tile(
        self, G: Array, others: Points, columns: slice, strip: Strip, weight: float = 1.0
    ) -> None:
        """Add the products of one tile for its rows, and those for its columns to the strip."""
        self.has_cotangent = True
        of_rows, of_columns = self.laplacian.products(G, others, self.points)
        self.products = increased(self.products, weighted(weight, of_rows))
        strip.columns.add(columns, weighted(weight, of_columns))

    def add_mirrored(self, G: Array, columns: slice, strip: Strip) -> None:
        """Add a tile ``G + G^T`` of these points among themselves."""
        self.has_cotangent = True
        of_rows, of_columns = self.laplacian.mirrored(G, self.points)
        self.products = increased(self.products, of_rows)
        if of_columns is not None:
            strip.columns.add(columns, of_columns)

    def of_rows(self) -> Array | None:
        """Return what the Laplacian product has of the rows; None where there are no products."""
        if self.products is None:
            return None
        return self.laplacian.of_rows(self.products, self.points)

    def gradient_rows(self, LU: Array | None) -> Array:
        """Return the rows' part of the gradient of X."""
        LU = plus(LU, self.direct_rows)
        if LU is None:
            LU = self.backend.xp.zeros_like(self.points.U)
        return self.problem.form.pull_points(LU)

    def pulled(self, of_rows: Array | None) -> Array | None:
        """Return the rows' part of the gradient of the metric's parameter."""
        if of_rows is None:
            return self.parameter
        own = self.laplacian.pull_rows(self.points, self.products, of_rows)
        return plus(self.parameter, self.backend.widen(own))

    def _without_few(self, visit: Visit, few: Entries, strip: Strip) -> Array | None:
        """Add a cotangent of few entries from their raw differences; return it if they are many.

        Each takes about as long as so many entries of a whole tile as the metric has rows, twice.
        """
        size = visit.tile.sqdist.shape[0] * visit.tile.sqdist.shape[1]
        if few.i.shape[0] * EACH * self.problem.width > size:
            return few.dense(visit.tile.sqdist)
        own = self.backend.part_of_entries(self.problem, self.wrt, self.points, visit.columns, few)
        self._add_direct(visit, own, strip)
        return None

    def _add_direct(self, visit: Visit, own: DirectPart, strip: Strip) -> None:
        """Add the part of pairs that were computed from their raw differences."""
        parameter, rows, columns = (weighted(visit.weight, part) for part in own)
        self.parameter = plus(self.parameter, parameter)
        self.direct_rows = plus(self.direct_rows, rows)
        if columns is not None:
            strip.column_points.add(visit.tile.columns, columns)


class ColumnSums:
    """Sums per column block, in the order in which they are added."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.sums: dict[tuple[int, int], Array] = {}

    def add(self, columns: slice, values: Array) -> None:
        """Add the part of one tile; the sum takes over the array."""
        key = columns.start, columns.stop
        self.sums[key] = increased(self.sums.get(key), values)

    def joined(self, like: Array, start: int) -> Array | None:
        """Return the sums of all columns from `start` on, 0 for blocks without a sum."""
        if not self.sums:
            return None
        xp, pieces, reached = self.backend.xp, [], start
        for (first, stop), values in sorted(self.sums.items(), key=lambda item: item[0]):
            if first > reached:
                pieces.append(xp.zeros_like(like[reached:first, :]))
            pieces.append(values)
            reached = stop
        return xp.concat(pieces)


class Strip:
    """Sums over consecutive row blocks."""

    def __init__(self, backend: Backend, wrt: frozenset[str], laplacian: BothSides) -> None:
        self.backend = backend
        self.wrt = wrt
        self.laplacian = laplacian
        self.columns = ColumnSums(backend)
        self.column_points = ColumnSums(backend)
        self.values = ColumnSums(backend)
        self.total = StripResult()
        self.rows: list[Array] = []
        self.listed: list[Array] = []

    def add(self, block: RowBlock) -> None:
        """Add one finished row block."""
        self.total.value = plus(self.total.value, block.value)
        if block.listed is not None:
            self.listed.append(block.listed)
        if not block.has_cotangent:
            return
        of_rows = block.of_rows()
        if "metric" in self.wrt:
            self.total.parameter = plus(self.total.parameter, block.pulled(of_rows))
        if "X" in self.wrt:
            self.rows.append(block.gradient_rows(of_rows))

    def result(self, points: Points, start: int) -> StripResult:
        """Return the sums; `start` is the first column of the strip's tiles."""
        xp, total = self.backend.xp, self.total
        total.start = start
        total.columns = self.columns.joined(self.laplacian.no_columns(points), start)
        total.column_points = self.column_points.joined(points.U, start)
        total.values = self.values.joined(None, start)
        total.rows = xp.concat(self.rows) if self.rows else None
        total.listed = xp.concat(self.listed) if self.listed else None
        return total

"""Sums of tile results in the order of their index, and the gradient from these sums."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from maha_core.formulas import plus
from maha_core.problem import ReductionGradient

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem
    from maha_core.sweeps.laplacian import BothSides
    from maha_core.tiles.points import Points

Array = Any


@dataclass(slots=True)
class StripResult:
    """The contribution of one strip of rows.

    ``rows`` is its part of the gradient of X, ``columns`` the sums of the columns from `start` on
    (`maha_core.sweeps.laplacian`), ``column_points`` the Laplacian product of the pairs that were
    computed from their differences.
    """

    value: Array | None = None
    parameter: Array | None = None
    rows: Array | None = None
    columns: Array | None = None
    column_points: Array | None = None
    start: int = 0
    listed: Array | None = None
    values: Array | None = None


@dataclass(slots=True)
class Accumulator:
    """Running sums over strips; the order of `add` is the order of summation."""

    backend: Backend
    problem: Problem
    columns_side: Points
    wrt: frozenset[str]
    laplacian: BothSides
    parameter: Array | None = None
    columns: Array | None = None
    column_points: Array | None = None
    values: Array | None = None
    rows: list[Array] = field(default_factory=list)

    def add(self, result: StripResult) -> None:
        """Add the result of the next strip."""
        self.parameter = plus(self.parameter, result.parameter)
        side = self.columns_side
        like = self.laplacian.no_columns(side)
        self.columns = self._add(self.columns, result.columns, result.start, like)
        self.column_points = self._add(
            self.column_points, result.column_points, result.start, side.U
        )
        self.values = plus(self.values, result.values)
        if result.rows is not None:
            self.rows.append(result.rows)

    def gradient(self) -> ReductionGradient:
        """Return the gradient of the sum."""
        return ReductionGradient(
            metric=self._metric() if "metric" in self.wrt else None,
            X=self._X() if "X" in self.wrt else None,
            Y=self._column_gradient() if "Y" in self.wrt else None,
            values=self.values,
        )

    def _metric(self) -> Array:
        side, form = self.columns_side, self.problem.form
        own = form.pull(side.W, side.U, self._columns())
        total = self.backend.widen(own) if self.parameter is None else self.parameter + own
        return self.backend.xp.astype(total, self.problem.X.dtype, copy=False)

    def _X(self) -> Array:
        xp, X = self.backend.xp, self.problem.X
        rows = xp.concat(self.rows) if self.rows else xp.zeros_like(X)
        return rows if self.problem.Y is not None else rows + self._column_gradient()

    def _column_gradient(self) -> Array:
        return self.problem.form.pull_points(plus(self._columns(), self.column_points))

    def _columns(self) -> Array:
        """Return the columns' part of the Laplacian product."""
        U = self.columns_side.U
        if self.columns is None:
            return self.backend.xp.zeros_like(U)
        return self.laplacian.of_columns(self.columns, self.columns_side)

    def _add(
        self, total: Array | None, values: Array | None, start: int, like: Array
    ) -> Array | None:
        if values is None:
            return total
        if total is None:
            total = self.backend.xp.zeros_like(like)
        return add_rows(self.backend, total, values, start)


def weighted(weight: float, value: Array | None) -> Any:
    """Return a sum over a tile times its weight; this is faster than weighting the tile."""
    return value if value is None or weight == 1.0 else weight * value


def increased(total: Array | None, value: Array) -> Array:
    """Return the sum of two arrays, in the total's memory if arrays can be written."""
    if total is None:
        return value
    total += value
    return total


def add_rows(backend: Backend, total: Array, values: Array, start: int) -> Array:
    """Return `total` with values added to its rows from `start` on."""
    stop = start + values.shape[0]
    if backend.writable(total):
        total[start:stop, :] += values
        return total
    changed = total[start:stop, :] + values
    return backend.xp.concat([total[:start, :], changed, total[stop:, :]])

"""Folds of all rows of D, put together from those of its tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maha_cupy.library import cp

if TYPE_CHECKING:
    from maha_cupy.expressions import Expressions
    from maha_cupy.visits import Visit

Array = Any


class Folds:
    """Running folds ``(f, n)`` in float64; the order of `add` is the order of folding."""

    def __init__(self, asked: Expressions, n: int) -> None:
        self._fold = asked.fold
        self._joined = {"min": cp.minimum, "sum": cp.add}[asked.fold.method]
        self._totals = cp.full((len(asked.folded), n), asked.fold.neutral, dtype=cp.float64)

    def add(self, visit: Visit) -> None:
        """Add what a tile's visit found, of its rows and of its columns."""
        if not self._totals.shape[0]:
            return
        self._add(visit.place.rows, visit.row_folds)
        if visit.column_folds is not None:
            self._add(visit.place.columns, visit.column_folds)

    def _add(self, part: slice, folds: Array) -> None:
        total = self._totals[:, part]
        self._joined(total, getattr(folds, self._fold.method)(axis=2), out=total)

    def columns(self, dtype: Any) -> tuple[Array, ...]:
        """Return each fold as a column ``(n, 1)``."""
        return tuple(self._totals.astype(dtype)[:, :, None])

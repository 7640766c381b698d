"""Sums of all rows of D, put together from those of its tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maha_core.losses import softmax
from maha_cupy.library import cp, xp

if TYPE_CHECKING:
    from maha_cupy.visits import Visit

Array = Any


class Sums:
    """Running sums ``(f, n)`` in float64; the order of `add` is the order of summation."""

    def __init__(self, number: int, n: int) -> None:
        self._totals = cp.zeros((number, n), dtype=cp.float64)

    def add(self, visit: Visit) -> None:
        """Add what a tile's visit found, of its rows and of its columns."""
        if self._totals.shape[0]:
            for part, found in visit.found():
                total = self._totals[:, part]
                total += found.sum(axis=2)

    def columns(self, dtype: Any) -> tuple[Array, ...]:
        """Return each sum as a column ``(n, 1)``."""
        return tuple(self._totals.astype(dtype)[:, :, None])


class Softmax:
    """Running sums of ``exp(shift - exponent) ...``, and last their shift, ``(f + 1, n)``."""

    def __init__(self, number: int, n: int) -> None:
        self._pieces = cp.zeros((number + 1, n), dtype=cp.float64)
        self._pieces[-1] = float("inf")

    def add(self, visit: Visit) -> None:
        """Add what a tile's visit found, of its rows and of its columns."""
        for part, found in visit.found():
            own = self._pieces[:, part]
            pieces = xp.concat([own[:, :, None], found], axis=2)
            shift, *sums = softmax.joined(xp, pieces[-1], *pieces[:-1])
            own[...] = xp.concat([*sums, shift], axis=1).T

    def columns(self, dtype: Any) -> tuple[Array, ...]:
        """Return the shift, and each sum, as columns ``(n, 1)``."""
        *sums, shift = self._pieces.astype(dtype)[:, :, None]
        return shift, *sums

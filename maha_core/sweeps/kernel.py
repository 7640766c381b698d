"""One tile of D: the product, the guard, and zeros where a point meets itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from maha_core import guard
from maha_core.arrays import device_of
from maha_core.sweeps import tiling

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem
    from maha_core.sweeps.geometry import Points, SelfPairs

Array = Any


class DistanceTile(NamedTuple):
    """A block of D, and what came to light while it was made.

    ``flagged`` is the backend's own note of the entries that the guard recomputed, `Flagged` where
    it does not say otherwise; ``smallest (r, 1)`` is the distance to the nearest point of each row,
    itself left out. None where there are none, or nobody looked.
    """

    D: Array
    flagged: Any
    smallest: Array | None = None


def distance_tile(
    backend: Backend,
    problem: Problem,
    rows: Points,
    columns: Points,
    itself: SelfPairs | None,
) -> DistanceTile:
    """Return a tile of D ``(r, c)``."""
    assert rows.left is not None
    assert columns.right is not None
    with backend.quiet():
        D = backend.xp.astype(rows.left @ columns.right.T, rows.raw.dtype, copy=False)
    return guarded(backend, problem, rows, columns, itself, D)


def guarded(
    backend: Backend,
    problem: Problem,
    rows: Points,
    columns: Points,
    itself: SelfPairs | None,
    D: Array,
) -> DistanceTile:
    """Return a tile of D from its product, which may be overwritten."""
    xp, form = backend.xp, problem.form
    flagged = smallest = None
    if itself is not None:
        D = itself.filled(D, float("inf"))
    if problem.accurate:
        with backend.quiet():
            flagged, smallest = backend.cancelled(D, rows.threshold, columns.threshold, rows.reach)
        if flagged is not None:
            entries = tiling.entries(problem, backend.tile_bytes)
            values = guard.recomputed(backend, form, flagged, rows.raw, columns.raw, entries)
            D = backend.place(D, flagged, values)
            if itself is not None:  # flagged, too, where norms overflow
                D = itself.filled(D, float("inf"))
            smallest = backend.smallest_again(D, flagged, smallest)
    elif form.nonnegative:
        D = xp.maximum(D, xp.zeros((), dtype=D.dtype, device=device_of(D)))
    if itself is not None:
        D = itself.filled(D, 0.0)
    return DistanceTile(D, flagged, smallest)

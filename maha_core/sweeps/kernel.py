"""One tile of D: the product, the guard, and zeros where a point meets itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maha_core import formulas, guard
from maha_core.sweeps import tiling

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem
    from maha_core.sweeps.geometry import Points

Array = Any


def distance_tile(
    backend: Backend,
    problem: Problem,
    rows: Points,
    columns: Points,
    itself: Array | None,
) -> tuple[Array, guard.Flagged | None]:
    """Return a tile of D ``(r, c)`` and the entries that the guard recomputed."""
    xp, form = backend.xp, problem.form
    with backend.quiet():
        left = formulas.symmetric_left(xp, rows.U, rows.norms)
        D = left @ columns.right.T  # type: ignore[union-attr]
    flagged = None
    if problem.accurate:
        flagged = guard.cancelled(backend, D, rows.threshold, columns.threshold, itself)
        if flagged is not None:
            entries = tiling.entries(problem, backend.tile_bytes)
            D = guard.recompute(backend, form, D, flagged, rows.raw, columns.raw, entries)
    elif form.nonnegative:
        D = xp.where(D < 0, xp.zeros_like(D), D)
    if itself is not None:
        D = xp.where(itself, xp.zeros_like(D), D)
    return D, flagged

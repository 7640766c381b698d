"""One tile of D on NumPy: the generic kernel's steps, in place and by rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maha_core import guard
from maha_core.sweeps import tiling

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem
    from maha_core.sweeps.geometry import Points, SelfPairs

Array = Any


def distance_tile(
    backend: Backend,
    problem: Problem,
    rows: Points,
    columns: Points,
    itself: SelfPairs | None,
) -> tuple[Array, guard.Flagged | None]:
    """Return a tile of D ``(r, c)`` and the entries that the guard recomputed."""
    assert rows.left is not None
    assert columns.right is not None
    with backend.quiet():
        D = rows.left @ columns.right.T
    flagged = None
    if itself is not None:
        diagonal(D, itself.offset)[:] = np.inf
    if problem.accurate:
        flagged = cancelled(D, rows.threshold, columns.threshold)
        if flagged is not None:
            entries = tiling.entries(problem, backend.tile_bytes)
            values = guard.recomputed(
                backend, problem.form, flagged, rows.raw, columns.raw, entries
            )
            D[flagged.i, flagged.j] = values
    elif problem.form.nonnegative:
        np.maximum(D, 0, out=D)
    if itself is not None:
        diagonal(D, itself.offset)[:] = 0
    return D, flagged


def diagonal(values: Array, offset: int) -> Array:
    """Return the entries ``(i, i + offset)`` as a view, writable where the array is."""
    part = values[max(-offset, 0) :, max(offset, 0) :]
    side = min(part.shape)
    return np.einsum("ii->i", part[:side, :side])


def cancelled(D: Array, row_threshold: Array, column_threshold: Array) -> guard.Flagged | None:
    """Return the entries below their threshold; most rows are looked at by their minimum only.

    A row whose minimum is no less than its own threshold plus the columns' largest has nothing to
    recompute. The comparisons are written so that NaN, from overflow, counts as cancelled.
    """
    if D.size == 0:
        return None
    suspect = np.flatnonzero(~(D.min(axis=1) >= row_threshold + column_threshold.max()))
    if suspect.size == 0:
        return None
    part = D if suspect.size == D.shape[0] else D[suspect]
    kept = part - column_threshold >= row_threshold[suspect, None]
    i, j = np.divmod(np.flatnonzero(np.logical_not(kept, out=kept)), D.shape[1])
    i = suspect[i]
    negative = D[i, j] < -(row_threshold[i] + column_threshold[j])
    if negative.any():  # an indefinite metric's own, as large as what is kept
        i, j = i[~negative], j[~negative]
    return guard.Flagged(i, j) if i.size else None

"""What NumPy does better on a tile: the diagonal as a view, and the guard by row minima."""

from typing import Any

import numpy as np

from maha_core.guard import Flagged

Array = Any


def diagonal(values: Array, offset: int) -> Array:
    """Return the entries ``(i, i + offset)`` as a view, writable where the array is."""
    part = values[max(-offset, 0) :, max(offset, 0) :]
    side = min(part.shape)
    return np.einsum("ii->i", part[:side, :side])


def cancelled(D: Array, row_threshold: Array, column_threshold: Array) -> Flagged | None:
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
    return Flagged(i, j) if i.size else None

"""What NumPy does better on a tile: the diagonal as a view, and the guard by few passes."""

from typing import Any

import numpy as np

from maha_core.guard import Flagged, Inspection

Array = Any

FEW = 32
"""Candidates are looked at one by one where they are fewer than one entry in this many."""


def fill_diagonal(values: Array, offset: int, fill: float) -> None:
    """Write `fill` to the entries ``(i, i + offset)``."""
    diagonal = values.diagonal(offset)
    diagonal.flags.writeable = True  # NumPy hands out the view as one to read
    diagonal[:] = fill


def cancelled(
    D: Array, row_threshold: Array, column_threshold: Array, row_bound: Array | None = None
) -> Inspection:
    """Find the entries below their threshold, and the rows' smallest entries on the way.

    No entry of a row is, if the row's minimum is no less than its own threshold plus the columns'
    largest, or than its bound; and in the other rows only entries below that are candidates. The
    comparisons are written so that NaN, from overflow, counts as cancelled.
    """
    if D.size == 0:
        return Inspection(None)
    bound = highest(row_threshold, column_threshold, row_bound)
    smallest = row_minima(D)
    suspect = np.flatnonzero(~(smallest >= bound))
    if not suspect.size:
        return Inspection(None, smallest[:, None])
    part = D if 2 * suspect.size > D.shape[0] else D[suspect]
    rows = slice(None) if part is D else suspect
    kept = part >= bound[rows, None]
    if (kept.size - np.count_nonzero(kept)) * FEW > kept.size:
        np.greater_equal(part - column_threshold, row_threshold[rows, None], out=kept)
    i, j = np.divmod(np.flatnonzero(np.logical_not(kept, out=kept)), D.shape[1])
    i = i if part is D else suspect[i]
    flagged = below(D[i, j], i, j, row_threshold[i] + column_threshold[j])
    return Inspection(flagged, smallest[:, None])


def highest(row_threshold: Array, column_threshold: Array, row_bound: Array | None) -> Array:
    """Return for each row a number that none of its cancelled entries reaches."""
    bound = row_threshold + column_threshold.max()
    return bound if row_bound is None else np.minimum(bound, row_bound)


def row_minima(D: Array) -> Array:
    """Return the smallest entry of each row ``(r,)``, in half the time of ``D.min(axis=1)``."""
    if not D.flags.c_contiguous:
        return D.min(axis=1)
    return np.minimum.reduceat(D.reshape(-1), np.arange(0, D.size, D.shape[1]))


def make_symmetric(square: Array) -> None:
    """Replace both entries of each pair by their mean, which is one number."""
    square *= 0.5
    square += square.T.copy()


def minima_after_placing(D: Array, flagged: Flagged, smallest: Array) -> Array:
    """Return the smallest entry of each row, whose flagged entries have been replaced."""
    touched = np.zeros(D.shape[0], dtype=bool)
    touched[flagged.i] = True
    if 2 * np.count_nonzero(touched) > touched.size:
        return row_minima(D)[:, None]
    smallest[touched, 0] = row_minima(D[touched])
    return smallest


def below(values: Array, i: Array, j: Array, threshold: Array) -> Flagged | None:
    """Return the candidates whose size is below their threshold.

    A negative entry as large as that is an indefinite metric's own.
    """
    below = ~(np.abs(values) >= threshold)
    if not below.all():
        i, j = i[below], j[below]
    return Flagged(i, j) if i.size else None

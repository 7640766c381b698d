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


def cancelled(D: Array, row_threshold: Array, column_threshold: Array) -> Inspection:
    """Find the entries below their threshold, and the rows' smallest entries on the way.

    No entry of a row is, if the row's minimum is no less than its own threshold plus the columns'
    largest; and in the other rows only entries below that sum are candidates. The comparisons are
    written so that NaN, from overflow, counts as cancelled.
    """
    if D.size == 0:
        return Inspection(None)
    bound = row_threshold + column_threshold.max()
    smallest = D.min(axis=1)
    safe = smallest >= bound
    if safe.all():
        return Inspection(None, smallest[:, None])
    suspect = np.flatnonzero(~safe)
    part = D if 2 * suspect.size > D.shape[0] else D[suspect]
    rows = slice(None) if part is D else suspect
    kept = part >= bound[rows, None]
    if (kept.size - np.count_nonzero(kept)) * FEW > kept.size:
        np.greater_equal(part - column_threshold, row_threshold[rows, None], out=kept)
    i, j = np.divmod(np.flatnonzero(np.logical_not(kept, out=kept)), D.shape[1])
    i = i if part is D else suspect[i]
    flagged = _below(D[i, j], i, j, row_threshold[i] + column_threshold[j])
    return Inspection(flagged, smallest[:, None])


def cancelled_by_one_bound(
    D: Array, row_threshold: Array, column_threshold: Array
) -> Flagged | None:
    """Find the same entries where nobody asks for the rows' smallest: one bound for all pairs."""
    bound = row_threshold.max() + column_threshold.max()
    if D.min() >= bound:
        return None
    candidates = bound <= D
    np.logical_not(candidates, out=candidates)
    if np.count_nonzero(candidates) * FEW > candidates.size:
        return cancelled(D, row_threshold, column_threshold).flagged
    i, j = np.divmod(np.flatnonzero(candidates), D.shape[1])
    return _below(D[i, j], i, j, row_threshold[i] + column_threshold[j])


def smallest_again(D: Array, flagged: Flagged, smallest: Array) -> Array:
    """Return the smallest entry of each row, whose flagged entries have been replaced."""
    touched = np.zeros(D.shape[0], dtype=bool)
    touched[flagged.i] = True
    if 2 * np.count_nonzero(touched) > touched.size:
        return D.min(axis=1, keepdims=True)
    smallest[touched, 0] = D[touched].min(axis=1)
    return smallest


def _below(values: Array, i: Array, j: Array, threshold: Array) -> Flagged | None:
    """Return the candidates whose size is below their threshold.

    A negative entry as large as that is an indefinite metric's own.
    """
    below = ~(np.abs(values) >= threshold)
    if not below.all():
        i, j = i[below], j[below]
    return Flagged(i, j) if i.size else None

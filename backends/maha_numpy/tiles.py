"""Functions on NumPy tiles: the diagonal as a view, and the guard in few passes."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from maha_core.guard import Flagged, Inspection

Array = Any

FEW = 32
"""Candidates are examined individually if they are fewer than one entry in this many."""

STRETCH = 512
"""The length of a stretch, whose smallest entry tells whether it has candidates."""

TOGETHER = 2**17
"""The number of entries examined at a time."""

Candidates = tuple[Array, tuple[Array, Array] | None]
"""The smallest entry of each row ``(r, 1)``, and rows and columns of the entries below its bound.

Rows and columns are None if these entries are many.
"""

Finder = Callable[[Array, Array], Candidates]

NOTHING = np.empty(0, np.intp), np.empty(0, np.intp)


def fill_diagonal(values: Array, offset: int, fill: float) -> None:
    """Write `fill` to the entries ``(i, i + offset)``."""
    diagonal = values.diagonal(offset)
    diagonal.flags.writeable = True  # NumPy returns a read-only view
    diagonal[:] = fill


def in_stretches(D: Array, bound: Array) -> Candidates:
    """Find candidates in the stretches whose smallest entry is a candidate."""
    least = stretch_minima(D)
    suspect = np.count_nonzero(~(least >= bound[:, None]))
    smallest = np.minimum.reduce(least, axis=1, keepdims=True)
    if 2 * suspect > least.size:
        return smallest, None
    if not suspect:
        return smallest, NOTHING
    found = [(i, j) for i, j, _ in suspects(D, least, bound, STRETCH)]
    i, j = (np.concatenate(numbers) for numbers in zip(*found, strict=True))
    return smallest, (i, j)


def cancelled(
    D: Array,
    row_threshold: Array,
    column_threshold: Array,
    row_bound: Array | None = None,
    find: Finder = in_stretches,
) -> Inspection:
    """Find the entries below their threshold, and the rows' smallest entries.

    Only entries below the row's own threshold plus the columns' largest, or below its bound, are
    candidates. The comparisons are written so that NaN, from overflow, counts as cancelled.
    """
    if D.size == 0:
        return Inspection(None)
    bound = highest(row_threshold, column_threshold, row_bound)
    smallest, found = find(D, bound)
    i, j = _among_all(D, row_threshold, column_threshold, bound) if found is None else found
    flagged = below(D[i, j], i, j, row_threshold[i] + column_threshold[j])
    return Inspection(flagged, smallest)


def _among_all(
    D: Array, row_threshold: Array, column_threshold: Array, bound: Array
) -> tuple[Array, Array]:
    """Return rows and columns of the candidates of a tile, if many stretches have candidates."""
    kept = np.greater_equal(D, bound[:, None])
    if (kept.size - np.count_nonzero(kept)) * FEW > kept.size:
        np.greater_equal(D - column_threshold, row_threshold[:, None], out=kept)
    i, j = np.divmod(np.flatnonzero(np.logical_not(kept, out=kept)), D.shape[1])
    return i, j


def suspects(
    D: Array, least: Array, bound: Array, side: int
) -> Iterator[tuple[Array, Array, Array]]:
    """Yield rows, columns and values of the entries of D ``(r, c)`` below their row's bound.

    ``least (r, t)`` has the smallest of every `side` entries of a row; the last may be fewer.
    """
    whole = D.shape[1] // side
    edge = whole * side
    stretches = D[:, :edge].reshape(D.shape[0], whole, side)
    yield from _in_stretches(stretches, least[:, :whole], bound)
    for i, j, values in _in_stretches(D[:, None, edge:], least[:, whole:], bound):
        yield i, edge + j, values


def _in_stretches(
    stretches: Array, least: Array, bound: Array
) -> Iterator[tuple[Array, Array, Array]]:
    """Yield the same for stretches ``(r, t, side)`` of one length."""
    row, number = np.nonzero(~(least >= bound[:, None]))
    side = stretches.shape[2]
    size = max(1, TOGETHER // max(side, 1))
    for start in range(0, row.size, size):
        i, t = row[start : start + size], number[start : start + size]
        part = stretches[i, t]
        at = np.flatnonzero(~(part >= bound[i, None]))
        which, column = np.divmod(at, side)
        yield i[which], t[which] * side + column, part.reshape(-1)[at]


def highest(row_threshold: Array, column_threshold: Array, row_bound: Array | None) -> Array:
    """Return for each row a number above all of its cancelled entries."""
    bound = row_threshold + column_threshold.max()
    return bound if row_bound is None else np.minimum(bound, row_bound)


def stretch_minima(D: Array) -> Array:
    """Return the smallest of every `STRETCH` entries of a row ``(r, t)``."""
    r, c = D.shape
    starts = np.arange(0, c, STRETCH)
    if not D.flags.c_contiguous:
        return np.minimum.reduceat(D, starts, axis=1)
    every = (np.arange(0, D.size, c)[:, None] + starts).reshape(-1)
    return np.minimum.reduceat(D.reshape(-1), every).reshape(r, -1)


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

    A negative entry of larger size is correct: the metric is indefinite.
    """
    below = ~(np.abs(values) >= threshold)
    if not below.all():
        i, j = i[below], j[below]
    return Flagged(i, j) if i.size else None

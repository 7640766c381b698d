"""Percentiles of all distances between points, in memory linear in their number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from maha_core.distance import sqdist

Matrix = NDArray[np.float64]

ENTRIES = 2**20
"""Distances held at once."""

BINS = 2**12

EPS = float(np.finfo(np.float64).eps)


def distance_percentiles(points: Matrix, percents: Sequence[float]) -> Matrix:
    """Return percentiles of the distances, not squared, of all n^2 ordered pairs of points.

    Parameters
    ----------
    points : array (n, d)
        On the host; a point's distance 0 to itself counts, too.
    percents : sequence of float
        From 0 to 100.

    Returns
    -------
    distances : array
        As `numpy.percentile` of the matrix of distances has them.
    """
    n = len(points)
    found = []
    for percent in percents:
        place = percent / 100 * (n * n - 1)
        low, share = int(place), place - int(place)
        below, above = (np.sqrt(_smallest(points, rank)) for rank in (low, min(low + 1, n * n - 1)))
        found.append(below + share * (above - below))
    return np.array(found)


def _smallest(points: Matrix, rank: int) -> float:
    """Return the squared distance of a rank, counted from 0, by narrowing where it lies."""
    low, high = 0.0, max(float(D.max()) for D in _blocks(points))
    narrowest = EPS * high
    before, inside = 0, len(points) ** 2
    while inside > ENTRIES and high - low > narrowest:
        edges = np.linspace(low, high, BINS + 1)
        counts = np.sum([np.histogram(D, edges)[0] for D in _blocks(points)], axis=0)
        ends = before + np.cumsum(counts)
        found = int(np.searchsorted(ends, rank, side="right"))
        low, high = edges[found], edges[found + 1]
        if found < BINS - 1:  # a histogram's bins leave their upper end out, but for the last
            high = np.nextafter(high, low)
        before, inside = int(ends[found] - counts[found]), int(counts[found])
    if inside > ENTRIES:  # so many are equal
        return min(float(D[low <= D].min(initial=np.inf)) for D in _blocks(points))
    values = np.concatenate([D[(low <= D) & (high >= D)] for D in _blocks(points)])
    return float(np.partition(values, rank - before)[rank - before])


def _blocks(points: Matrix) -> Iterator[Matrix]:
    """Yield squared distances, some rows at a time."""
    rows = max(1, ENTRIES // len(points))
    for start in range(0, len(points), rows):
        yield sqdist(points[start : start + rows], points)

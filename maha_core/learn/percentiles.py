"""Percentiles of all distances between points, in memory linear in their number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from maha_core.distance import sqdist

Matrix = NDArray[np.float64]

ENTRIES = 2**22
"""Distances held at once."""

BINS = 2**14


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
    places = np.asarray(percents) / 100 * (n * n - 1)
    low = np.floor(places).astype(np.int64)
    ranks = np.unique(np.concatenate([low, np.minimum(low + 1, n * n - 1)]))
    if n * n <= ENTRIES:
        ordered = np.partition(sqdist(points).ravel(), ranks)[ranks]
    else:
        ordered = Narrowing(points).ordered(ranks)
    below, above = (
        np.sqrt(ordered[np.searchsorted(ranks, each)])
        for each in (low, np.minimum(low + 1, n * n - 1))
    )
    return np.asarray(below + (places - low) * (above - below))


class Bin(NamedTuple):
    """A bin, by its number, of a range that begins at `low` and is so wide."""

    low: float
    width: float
    number: int


class Narrowing:
    """Order statistics of squared distances: histograms find their bins, which are then sorted.

    A place is a list of bins, each a part of the one before. Distances are assigned to bins by the
    same arithmetic everywhere, so that none is counted twice or lost.
    """

    def __init__(self, points: Matrix) -> None:
        self.points = points
        self._counts: dict[tuple[Bin, ...], NDArray[np.int64]] = {}
        self._sorted: dict[tuple[Bin, ...], Matrix] = {}

    def ordered(self, ranks: NDArray[np.int64]) -> Matrix:
        """Return the squared distances of these ranks, counted from 0."""
        return np.array([self._value(int(rank)) for rank in ranks])

    def _value(self, rank: int) -> float:
        place: tuple[Bin, ...] = ()
        low, width, inside = 0.0, self._bound(), len(self.points) ** 2
        narrowest = np.finfo(np.float64).eps * width
        while inside > ENTRIES and width > narrowest:
            counts = self._histogram(place, low, width)
            ends = np.cumsum(counts)
            found = int(np.searchsorted(ends, rank, side="right"))
            place = (*place, Bin(low, width, found))
            rank, inside = rank - int(ends[found] - counts[found]), int(counts[found])
            low, width = low + found * (width / BINS), width / BINS
        if inside > ENTRIES:  # so many are equal, but for rounding
            return min(float(_within(D, place).min(initial=np.inf)) for D in self._blocks())
        return float(self._values(place)[rank])

    def _bound(self) -> float:
        """Return what no squared distance exceeds."""
        radii = np.sum((self.points - self.points.mean(axis=0)) ** 2, axis=1)
        return float(4.01 * radii.max())

    def _histogram(self, place: tuple[Bin, ...], low: float, width: float) -> NDArray[np.int64]:
        if place not in self._counts:
            self._counts[place] = np.sum(
                [
                    np.bincount(_bins(_within(D, place), low, width), minlength=BINS)
                    for D in self._blocks()
                ],
                axis=0,
            )
        return self._counts[place]

    def _values(self, place: tuple[Bin, ...]) -> Matrix:
        if place not in self._sorted:
            found = np.concatenate([_within(D, place) for D in self._blocks()])
            self._sorted[place] = np.sort(found)
        return self._sorted[place]

    def _blocks(self) -> Iterator[Matrix]:
        """Yield squared distances, some rows at a time."""
        rows = max(1, ENTRIES // (4 * len(self.points)))
        for start in range(0, len(self.points), rows):
            yield sqdist(self.points[start : start + rows], self.points).ravel()


def _bins(D: Matrix, low: float, width: float) -> NDArray[np.int64]:
    """Return the bin of each distance, in a range from `low` cut into equal bins."""
    return np.clip(((D - low) * (BINS / width)).astype(np.int64), 0, BINS - 1)


def _within(D: Matrix, place: tuple[Bin, ...]) -> Matrix:
    """Return the distances that fall into all the bins of a place."""
    for each in place:
        D = D[_bins(D, each.low, each.width) == each.number]
    return D

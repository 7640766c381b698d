"""Linear discriminants of regions of the data, the basis of a metric."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from maha_core.distance import nearest
from maha_core.learn.data import Training
from maha_core.learn.directions import lda

Matrix = NDArray[np.float64]

SIZES = (20, 50)
"""Points of each class in a region: the nearest to its centre."""


def local_directions(X: Matrix, labels: NDArray[Any], n_basis: int, rng: Any) -> Matrix:
    """Return unit directions ``(at most n_basis, d)``, discriminants of regions around centres.

    Parameters
    ----------
    X : array (n, d)
    labels : array of integers (n,)
        Classes, from 0.
    n_basis : int
    rng : RandomState
        For k-means, whose centres are those of the regions.
    """
    classes, counts = np.unique(labels, return_counts=True)
    each = min(len(classes) - 1, X.shape[1])
    regions = min(len(X), -(-n_basis // (len(SIZES) * each)))
    seed = int(rng.randint(2**31 - 1))
    centres = KMeans(regions, n_init=1, random_state=seed).fit(X).cluster_centers_
    found = []
    for size in SIZES:
        rows = [_nearest_rows(X, np.flatnonzero(labels == c), centres, size) for c in classes]
        sizes = np.minimum(counts, size)
        for near in np.concatenate(rows, axis=1):
            region = Training(X[near], labels[near], None, classes, sizes)
            found.append(lda(region)[:each])
    directions = np.concatenate(found)
    lengths = np.linalg.norm(directions, axis=1)
    kept = lengths > 0
    return np.asarray((directions[kept] / lengths[kept, None])[:n_basis])


def _nearest_rows(
    X: Matrix, rows: NDArray[np.int64], centres: Matrix, size: int
) -> NDArray[np.int64]:
    """Return the rows of the points of a class that are nearest to each centre."""
    index: NDArray[np.int64] = nearest(centres, X[rows], k=min(size, len(rows))).index
    return rows[index]

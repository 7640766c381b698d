"""The bandwidth of a kernel: the median distance in a random sample of the points."""

from __future__ import annotations

from typing import Any

import numpy as np

from maha_core.arrays import namespace
from maha_core.distance import sqdist
from maha_core.learn.host import to_host, whole
from maha_core.metrics import Factor

Array = Any

SAMPLE = 1000
"""Points drawn."""


def median_distance(X: Array, metric: Factor, rng: np.random.RandomState) -> float:
    """Return the median distance, not squared, of pairs of points that do not coincide.

    Parameters
    ----------
    X : array (n, d)
        Of any library.
    metric : Factor
        Its array of the library and dtype of X.
    rng : RandomState
        Draws 1000 points, where there are more.

    Returns
    -------
    distance : float
        1 where all points coincide.
    """
    n = int(X.shape[0])
    if n > SAMPLE:
        chosen = np.sort(rng.choice(n, SAMPLE, replace=False))
        X = namespace(X).take(X, whole(chosen, X), axis=0)
    (D,) = to_host(sqdist(X, metric=metric))
    distances = np.sqrt(np.asarray(D, dtype=np.float64)[np.triu_indices(len(D), 1)])
    apart = distances[distances > 0]
    return float(np.median(apart)) if len(apart) else 1.0

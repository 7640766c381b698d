"""Target neighbours: the nearest points of one's own class."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from array_api_compat import is_dask_array

from maha_core import validation
from maha_core.arrays import device_of, index_dtype, namespace
from maha_core.distance import nearest

if TYPE_CHECKING:
    from maha_core.array_types import ArrayProtocol
    from maha_core.metrics import Metric

Array = Any


def target_neighbors(
    X: ArrayProtocol, labels: ArrayProtocol, *, k: int, metric: Metric | None = None
) -> Any:
    """Return the k nearest points of the same label, for every point.

    Parameters
    ----------
    X : array (n, d)
        Points as rows.
    labels : array of integers (n,)
        Their classes, in X's library; for a Dask array X, in its chunks' library.
    k : int
        The number of neighbours, from 1; every class needs at least k + 1 points.
    metric : Full, Factor, Diagonal or Covariance, optional
        The metric of the distances; the Euclidean metric if not given.

    Returns
    -------
    targets : array of integers (n, k)
        Row numbers, the nearest first; ties go to the lower number.

    Raises
    ------
    TypeError, ValueError
        As in `sqdist`; ValueError where a class has no more than k points.

    Notes
    -----
    The targets of `losses.LMNN`. Time O(sum of n_c^2 d) for classes of n_c points, memory linear.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X, labels = np.array([[0.0], [1.0], [5.0], [2.0]]), np.array([0, 1, 0, 1])
    >>> mc.target_neighbors(X, labels, k=1).ravel().tolist()
    [2, 3, 0, 1]
    """
    backend = validation.backend_for(X, "X")
    validation.check_points(X, "X")
    n = X.shape[0]
    accepted = validation.whole_numbers(backend, labels, "labels", X)
    validation.check_shape(accepted, (n,), "labels", f"X with {n} points")
    if is_dask_array(labels):
        raise TypeError("labels is a Dask array, of unknown classes; write labels.compute()")
    xp = namespace(labels)
    with backend.on_device_of(X):
        labels = xp.astype(labels, index_dtype(xp))
        classes = xp.unique_values(labels)
        rows = [xp.nonzero(labels == classes[c])[0] for c in range(classes.shape[0])]
        return nearest_within(X, rows, k, metric)


def nearest_within(X: Array, groups: list[Array], k: int, metric: Metric | None) -> Array:
    """Return the k nearest points within the same group ``(n, k)``, for groups of row numbers."""
    xp, found = namespace(X), []
    if not groups:
        width = validation.count(k, "k", math.inf, "it counts neighbours")
        return xp.empty((0, width), dtype=index_dtype(xp), device=device_of(X))
    for rows in groups:
        validation.count(k, "k", int(rows.shape[0]) - 1, _too_few(rows, k))
        index = nearest(xp.take(X, rows, axis=0), k=k, metric=metric).index
        found.append(xp.reshape(xp.take(rows, xp.reshape(index, (-1,))), index.shape))
    order = xp.argsort(xp.concat(groups))
    return xp.take(xp.concat(found), order, axis=0)


def _too_few(rows: Array, k: int) -> str:
    return (
        f"the smallest class has {rows.shape[0]} point(s), and none is its own neighbour; "
        "choose fewer neighbours, or leave such classes out"
    )

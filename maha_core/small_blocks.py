"""Batches of small matrices, computed as listed pairs of one problem instead of many calls."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from maha_core.arrays import device_of, index_dtype
from maha_core.batches import broadcast, place
from maha_core.metrics import Metric

if TYPE_CHECKING:
    from maha_core.engine import Engine

Array = Any
OfPairs = Callable[..., Array]

LARGEST = 256
"""For blocks of up to this many entries, listed pairs cost less than the overhead of a call."""


def are_small(X: Array, Y: Array | None, metric: Metric | None) -> bool:
    """Tell whether the members of a batch with one metric are faster as listed pairs."""
    if X.ndim < 2 or (Y is not None and Y.ndim < 2):
        return False
    if isinstance(metric, Metric) and metric.is_batch:
        return False
    m = X.shape[-2] if Y is None else Y.shape[-2]
    return bool(0 < X.shape[-2] * m <= LARGEST)


def of_pairs(
    backend: Engine, function: OfPairs, X: Array, Y: Array | None, metric: Metric | None
) -> Array:
    """Return the matrices ``(..., n, m)`` of a batch, computed by a function of listed pairs."""
    xp, leading = backend.xp, {"X": tuple(X.shape[:-2])}
    if Y is not None:
        leading["Y"] = tuple(Y.shape[:-2])
    shape = broadcast(leading)
    n, m = X.shape[-2], (X if Y is None else Y).shape[-2]
    starts = [
        (place(leading["X"], index) * n, place(leading.get("Y", leading["X"]), index) * m)
        for index in product(*map(range, shape))
    ]
    dtype, device = index_dtype(xp), device_of(X)
    first = xp.asarray(starts, dtype=dtype, device=device)
    rows, columns = (xp.arange(size, dtype=dtype, device=device) for size in (n, m))
    nothing = xp.zeros((len(starts), n, m), dtype=dtype, device=device)
    i = nothing + first[:, 0][:, None, None] + rows[None, :, None]
    j = nothing + first[:, 1][:, None, None] + columns[None, None, :]
    points = [_flat(xp, array) for array in (X, Y)]
    pairs = xp.reshape(i, (-1,)), xp.reshape(j, (-1,))
    found = function(*points, metric=metric, pairs=pairs)
    return xp.reshape(found, (*shape, n, m))


def _flat(xp: Any, points: Array | None) -> Array | None:
    """Return the points of all members as rows."""
    if points is None:
        return None
    *leading, n, d = points.shape
    return xp.reshape(points, (prod(leading) * n, d))

"""Prediction by the mean over training points with the weights softmax(-D)."""

from __future__ import annotations

from typing import Any

from maha_core import distance
from maha_core.arrays import namespace
from maha_core.learn.host import computed, is_lazy
from maha_core.sweeps import tiling

Array = Any
ENTRIES = 2**22
"""Distances held at once."""


def kernel_regression(Z: Array, Z_train: Array, y_train: Array) -> Array:
    """Return ``yhat_i = sum_j p_ij y_j`` ``(n,)`` with p the softmax of ``-|z_i - z_j|^2``.

    Rows are taken a block at a time; of Dask arrays everything is computed at once, by chunks.
    """
    if is_lazy(Z) or is_lazy(Z_train):
        Z, Z_train = _without_empty_chunks(Z), _without_empty_chunks(Z_train)
        (predicted,) = computed(_block(Z, Z_train, y_train))
        return predicted
    xp = namespace(Z)
    parts = tiling.blocks(Z.shape[0], max(1, ENTRIES // max(1, Z_train.shape[0])))
    blocks = [_block(Z[part, :], Z_train, y_train) for part in parts]
    return xp.concat(blocks) if blocks else Z[:, 0]


def _without_empty_chunks(Z: Array) -> Array:
    """Return a Dask array whose chunks all have a smallest entry."""
    return Z.rechunk(Z.chunksize) if is_lazy(Z) else Z


def _block(Z: Array, Z_train: Array, y_train: Array) -> Array:
    xp = namespace(Z)
    D = distance.sqdist(Z, Z_train)
    weights = xp.exp(xp.min(D, axis=1, keepdims=True) - D)
    return (weights @ y_train) / xp.sum(weights, axis=1)

"""Prediction by the mean over training points with the weights softmax(-D)."""

from __future__ import annotations

from typing import Any

from maha_core.learn.host import computed, is_lazy
from maha_core.reducing import reduce
from maha_core.reductions import SoftmaxMean

Array = Any


def kernel_regression(Z: Array, Z_train: Array, y_train: Array) -> Array:
    """Return ``yhat_i = sum_j p_ij y_j`` ``(n,)`` with p the softmax of ``-|z_i - z_j|^2``.

    Where one of them is a Dask array, everything is computed at once, by chunks.
    """
    if is_lazy(Z_train) and not is_lazy(Z):
        import dask.array as da

        Z = da.from_array(Z, asarray=False)
    (predicted,) = computed(reduce(SoftmaxMean(y_train), Z, Z_train))
    return predicted

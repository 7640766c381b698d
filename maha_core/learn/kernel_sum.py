"""Sums of kernels over training points, at further points: what kernel machines predict."""

from __future__ import annotations

from typing import Any

import numpy as np

from maha_core.kernel_operator import KernelOperator
from maha_core.kernels import Kernel
from maha_core.learn.host import computed, is_lazy
from maha_core.metrics import Metric

Array = Any


def kernel_sum(
    kernel: Kernel, X: Array, X_train: Array, dual: Array, metric: Metric | None
) -> Array:
    """Return ``f(x_i) = sum_j k(x_i, x_j) alpha_j``, streamed.

    NumPy arrays are brought to the widest dtype of X and the training points; where one of both is
    a Dask array, everything is computed at once, by chunks.
    """
    if isinstance(X, np.ndarray) and isinstance(X_train, np.ndarray):
        dtype = np.result_type(X, X_train)
        X, X_train, dual = (each.astype(dtype, copy=False) for each in (X, X_train, dual))
        metric = in_dtype(metric, dtype)
    elif is_lazy(X_train) and not is_lazy(X):
        import dask.array as da

        X = da.from_array(X, asarray=False)
    (found,) = computed(KernelOperator(kernel, X, X_train, metric=metric) @ dual)
    return found


def in_dtype(metric: Metric | None, dtype: Any) -> Metric | None:
    """Return a metric with its NumPy array in a dtype; arrays of other libraries are unchanged."""
    if metric is None or not isinstance(metric.parameter, np.ndarray):
        return metric
    parameter = metric.parameter
    if parameter.dtype == dtype:
        return metric
    return type(metric)(parameter.astype(dtype))

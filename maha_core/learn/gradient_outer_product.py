"""The average outer product of the gradients of a sum of kernels, streamed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maha_core.arrays import itemsize, namespace
from maha_core.kernel_gradients import kernel_gradient
from maha_core.kernels import Kernel
from maha_core.learn.host import computed, is_lazy, to_host
from maha_core.metrics import Metric
from maha_core.validation import backend_for

Array = Any
Matrix = NDArray[np.float64]

BYTES = 2**25
"""Gradients held at once; Dask has chunks of its own."""


def gradient_outer_product(
    kernel: Kernel,
    X: Array,
    dual: Array,
    metric: Metric,
    *,
    sample_weight: Array | None,
    centering: bool,
) -> Matrix:
    """Return ``M = sum_ic w_i g_ic g_ic^T / sum_i w_i`` ``(d, d)``, on the host in float64.

    Parameters
    ----------
    kernel : Kernel
    X : array (n, d)
        All training points.
    dual : array (n, c)
        Their coefficients: ``g_ic`` is the gradient at ``x_i`` of ``sum_j k(x, x_j) alpha_jc``.
    metric : Metric
    sample_weight : array (n,) or None
    centering : bool
        Whether the mean gradient of each output is subtracted first.

    Notes
    -----
    Time O(n^2 k c), memory O(n (d + c)). A point does not contribute to its own gradient: that of a
    smooth kernel is 0 there, that of Laplace's, which has a cusp, is taken as 0.
    """
    d, c = int(X.shape[1]), int(dual.shape[1])
    second, first, total = np.zeros((d, d)), np.zeros((c, d)), 0.0
    for part in _parts(X, c):
        G = kernel_gradient(kernel, X[part, :], X, values=dual, metric=metric)
        weight = None if sample_weight is None else sample_weight[part]
        products, sums, size = to_host(*_sums(G, weight))
        second, first, total = second + products, first + sums, total + float(size)
    M = second / total
    if centering:
        M -= first.T @ first / total**2
    return np.asarray((M + M.T) / 2)


def _parts(X: Array, c: int) -> list[slice]:
    n, d = X.shape
    rows = int(n) if is_lazy(X) else max(1, BYTES // (int(d) * c * itemsize(X)))
    return [slice(start, min(start + rows, int(n))) for start in range(0, int(n), rows)]


def _sums(G: Array, weight: Array | None) -> tuple[Array, Array, Array]:
    """Return sums over points of ``w g g^T`` ``(d, d)``, of ``w g`` ``(c, d)`` and of w."""
    xp = namespace(G)
    widen = backend_for(G, "G").widen
    G = widen(G)
    w = xp.ones_like(G[:, 0, 0]) if weight is None else widen(weight)
    second = sum(G[:, j, :].T @ (w[:, None] * G[:, j, :]) for j in range(G.shape[1]))
    return computed(second, xp.sum(w[:, None, None] * G, axis=0), xp.sum(w))

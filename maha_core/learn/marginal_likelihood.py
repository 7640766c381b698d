"""The log marginal likelihood of a Gaussian process, and its gradient, on the host."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from maha_core.kernel_matrices import kernel_matrix
from maha_core.kernels import Kernel
from maha_core.metrics import Metric
from maha_core.reducing import reduce_vjp
from maha_core.reductions import Sum

Matrix = NDArray[np.float64]


class Likelihood(NamedTuple):
    """The log likelihood, and its derivatives in the metric's array, log signal and log noise.

    `error` is the standard error of a value that is estimated.
    """

    value: float
    metric: Matrix
    log_signal: float
    log_noise: float
    error: float = 0.0


def marginal_likelihood(
    kernel: Kernel, X: Matrix, y: Matrix, metric: Metric, signal: float, noise: float
) -> Likelihood:
    """Return the log likelihood of targets of a Gaussian process of mean 0, with its gradient.

    Parameters
    ----------
    kernel : Kernel
    X : array (n, d)
        Points, in float64.
    y : array (n,)
        Their targets, of the covariance ``C = signal K + noise I``.
    metric : Metric
    signal, noise : float
        Variances.

    Returns
    -------
    Likelihood
        ``-(y^T C^-1 y + log |C| + n log 2 pi) / 2``; minus infinity, where C is not positive
        definite in float64.

    Notes
    -----
    With ``a = C^-1 y`` the derivative in D is ``signal (a a^T - C^-1) / 2 * k'(D)``; it is pulled
    back to the metric as that of ``sum_i c_i . (K B)_i`` for ``B = [a, I]`` and
    ``c = signal / 2 [a, -C^-1]``. Time O(n^3), memory O(n^2). Rasmussen & Williams 2006, *Gaussian
    Processes for Machine Learning*, equations 2.30 and 5.9.
    """
    n = len(X)
    C = signal * kernel_matrix(kernel, X, metric=metric)
    C[np.diag_indices(n)] += noise
    try:
        factor = cho_factor(C, lower=True, overwrite_a=True)
    except LinAlgError:
        return Likelihood(-np.inf, np.zeros_like(metric.parameter), 0.0, 0.0)
    a, inverse = cho_solve(factor, y), cho_solve(factor, np.eye(n))
    fit, log_determinant = float(y @ a), 2 * float(np.log(np.diag(factor[0])).sum())
    log_noise = noise * float(a @ a - np.trace(inverse)) / 2
    B = np.column_stack([a, np.eye(n)])
    cotangent = signal / 2 * np.column_stack([a, -inverse])
    pulled = reduce_vjp(Sum(kernel, B), X, metric=metric, cotangent=cotangent).metric
    return Likelihood(
        -(fit + log_determinant + n * float(np.log(2 * np.pi))) / 2,
        np.asarray(pulled),
        (fit - n) / 2 - log_noise,
        log_noise,
    )

"""The log marginal likelihood of a Gaussian process, and its gradient, on the host."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_solve, cholesky, lapack

from maha_core.call import prepare
from maha_core.expressions import derivative
from maha_core.kernel_matrices import kernel_matrix
from maha_core.kernels import Kernel
from maha_core.kernels.base import DISTANCE
from maha_core.metrics import Metric
from maha_core.sweeps.kernel_pullbacks import KernelPullback

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
    With ``a = C^-1 y`` the derivative in K is ``G = signal (a a^T - C^-1) / 2``, which is pulled
    back to the metric. Time O(n^3), memory O(n^2). Rasmussen & Williams 2006, *Gaussian Processes
    for Machine Learning*, equations 2.30 and 5.9.
    """
    n = len(X)
    C = signal * kernel_matrix(kernel, X, metric=metric)
    C[np.diag_indices(n)] += noise
    try:  # the transposed matrix is the same one, in the order that LAPACK needs no copy of
        factor = cholesky(C.T, lower=True, overwrite_a=True)
    except LinAlgError:
        return Likelihood(-np.inf, np.zeros_like(metric.parameter), 0.0, 0.0)
    a = cho_solve((factor, True), y)
    fit, log_determinant = float(y @ a), 2 * float(np.log(np.diag(factor)).sum())
    G = _inverse(factor)
    log_noise = noise * float(a @ a - np.trace(G)) / 2
    G *= -signal / 2
    G += np.outer(signal / 2 * a, a)
    return Likelihood(
        -(fit + log_determinant + n * float(np.log(2 * np.pi))) / 2,
        _pulled(kernel, X, metric, G),
        (fit - n) / 2 - log_noise,
        log_noise,
    )


def _inverse(factor: Matrix) -> Matrix:
    """Return ``(L L^T)^-1`` from L, which may be overwritten."""
    lower, _ = lapack.dpotri(factor, lower=True, overwrite_c=True)
    found: Matrix = np.tril(lower, -1)
    found += found.T.copy()
    found[np.diag_indices(len(found))] = np.diag(lower)
    return found


def _pulled(kernel: Kernel, X: Matrix, metric: Metric, G: Matrix) -> Matrix:
    """Return the derivative in the metric's array from that in K."""
    call = prepare(X, None, metric)
    slope = derivative(kernel.expression, DISTANCE)
    found = call.backend.run(call.problem, KernelPullback(slope, G, frozenset({"metric"})))
    return np.asarray(found.metric)

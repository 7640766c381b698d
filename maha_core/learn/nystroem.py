"""A preconditioner of ``S K S + ridge I`` by a sample of the points: Nystroem's approximation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve, cholesky, solve_triangular

from maha_core.arrays import itemsize, namespace
from maha_core.kernel_matrices import kernel_matrix
from maha_core.kernels import Kernel
from maha_core.learn.host import computed, like, to_host, whole
from maha_core.metrics import Metric

Array = Any
Matrix = NDArray[np.float64]

BYTES = 160 * 2**20
"""The largest factor L ``(n, r)``."""

LARGEST_RANK = 1000
SEED = 0
"""Which points are drawn changes the number of iterations alone."""


def rank(n: int, size: int) -> int:
    """Return the rank for n points of numbers of so many bytes: by shapes and dtype alone."""
    return max(1, min(LARGEST_RANK, n // 4, BYTES // (n * size)))


class Nystroem:
    """The inverse of ``P = L L^T + mu I`` with ``L L^T = S K_nr K_rr^-1 K_rn S``.

    mu is the ridge plus the mean of the diagonal of ``S K S - L L^T``. So the preconditioned
    eigenvalues of the sampled part lie within the rest of the spectrum.

    Notes
    -----
    Building takes time O(n r^2) and a solve O(n r c) by Woodbury's identity. Williams & Seeger
    2000, "Using the Nystroem method to speed up kernel machines"; Frangella, Tropp & Udell 2021,
    "Randomized Nystroem preconditioning".
    """

    def __init__(self, L: Array, mu: float, core: Any) -> None:
        self.L = L
        self.mu = mu
        self.core = core

    def __call__(self, R: Array) -> Array:
        """Return ``P^-1 R`` ``(n, c)``."""
        inner = cho_solve(self.core, _wide(self.L.T @ R))
        return (R - self.L @ like(inner, R)) / self.mu

    @property
    def log_determinant(self) -> float:
        """``log |P|``, by Sylvester's identity."""
        n, r = self.L.shape
        diagonal = np.diag(self.core[0])
        return float(2 * np.log(diagonal).sum() + (n - r) * np.log(self.mu))

    def coloured(self, inner: Matrix, outer: Matrix) -> Array:
        """Return ``L g + sqrt(mu) h`` ``(n, c)`` for g ``(r, c)`` and h ``(n, c)``.

        Of independent standard normal numbers it has the covariance P.
        """
        return self.L @ like(inner, self.L) + like(np.sqrt(self.mu) * outer, self.L)


def nystroem(
    kernel: Kernel, X: Array, metric: Metric | None, ridge: float, scale: Array | None
) -> Nystroem | None:
    """Return the preconditioner, or None for a kernel that is not positive definite.

    Parameters
    ----------
    kernel, X, metric
        Of the matrix K.
    ridge : float
    scale : array (n, 1) or None
        S, one number a point; 1 if None.
    """
    n = int(X.shape[0])
    r = rank(n, itemsize(X))
    chosen = np.sort(np.random.default_rng(SEED).choice(n, r, replace=False))
    (points,) = computed(namespace(X).take(X, whole(chosen, X), axis=0))
    if metric is not None:
        metric = type(metric)(*computed(metric.parameter))
    try:
        root = _inverse_root(_wide(kernel_matrix(kernel, points, metric=metric)), _eps(points))
        (L,) = computed(kernel_matrix(kernel, X, points, metric=metric))
        L = L @ like(root, L)
        return _of_factor(L if scale is None else scale * L, kernel, ridge, scale)
    except LinAlgError:
        return None


def _of_factor(L: Array, kernel: Kernel, ridge: float, scale: Array | None) -> Nystroem:
    inner = _wide(L.T @ L)
    known = float(np.trace(inner))
    diagonal = float(kernel(np.zeros(1))[0])
    n = int(L.shape[0])
    share = n if scale is None else float(np.sum(_wide(scale) ** 2))
    left = max(diagonal * share - known, 0.0) / n
    mu = max(ridge + left, _eps(L) * known)
    core = cho_factor(inner + mu * np.eye(len(inner)), lower=True)
    return Nystroem(L, mu, core)


def _inverse_root(K: Matrix, eps: float) -> Matrix:
    """Return ``C^-T`` for ``C C^T = K``, K's diagonal raised by its rounding."""
    r = len(K)
    raised = K + r * eps * float(np.max(np.diag(K))) * np.eye(r)
    inverse: Matrix = solve_triangular(cholesky(raised, lower=True), np.eye(r), lower=True).T
    return inverse


def _wide(values: Array) -> Matrix:
    return np.asarray(to_host(values)[0], dtype=np.float64)


def _eps(values: Array) -> float:
    return float(namespace(values).finfo(values.dtype).eps)

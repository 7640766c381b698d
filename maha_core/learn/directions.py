"""Principal and discriminant directions of points, as NumPy rows ``(k, d)`` in float64.

Both come from a product of the centred points ``W (n, d)`` with themselves over the longer of their
sides: ``W^T W (d, d)`` where there are at least as many points as columns, else ``W W^T (n, n)``,
whose eigenvectors u stand for the directions ``W^T u``. Time is O(n d min(n, d)), and nothing is
larger than W. Products are taken where the points live; equations are solved on the host.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from maha_core.arrays import namespace
from maha_core.learn.data import Training, class_means
from maha_core.learn.host import like, to_host

Array = Any
Matrix = NDArray[np.float64]

NEGLIGIBLE = 1e-4
"""Directions with less of a standard deviation within the classes are left out, as LDA does."""

ROUNDING = 64
"""A column is constant whose deviation is no more than so many units of rounding of its means."""


def pca(data: Training, k: int) -> Matrix:
    """Return the first k principal directions, orthonormal, the largest variance first.

    There are at most ``min(n, d)``.
    """
    X = data.X
    W = X - namespace(X).mean(X, axis=0, keepdims=True)
    n, d = W.shape
    if d <= n:
        rows = _leading(W.T @ W, k)
    else:
        (rows,) = _host(like(_leading(W @ W.T, k), W) @ W)
    return with_signs(np.linalg.qr(rows.T)[0].T)


def lda(data: Training) -> Matrix:
    """Return the linear discriminants, within the classes of unit variance.

    The best separation first; directions without any variance within the classes are left out, so
    that there may be fewer than classes less one.
    """
    assert data.counts is not None
    n, d = data.X.shape
    means, W = class_means(data)
    side = (ByColumns if d <= n else ByRows)(means, W, data.counts)
    values, vectors = eigh(side.correlation)
    kept = values > max(NEGLIGIBLE**2, len(values) * _eps(W) * values.max(initial=0))
    whitening = side.whitening(values[kept], vectors[:, kept])
    _, sizes, directions = np.linalg.svd(side.between @ whitening, full_matrices=False)
    separating = sizes > NEGLIGIBLE * sizes.max(initial=0)
    return with_signs(side.rows(directions[separating] @ whitening.T))


class ByColumns:
    """The correlations of the columns of W: ``S^T S (d, d)`` for the standardised columns S."""

    def __init__(self, means: Array, W: Array, counts: NDArray[Any]) -> None:
        means, scatter = _host(means, W.T @ W)
        variances = scatter / W.shape[0]
        self.deviation = _deviation(np.diag(variances), means, _eps(W))
        self.correlation = variances / np.outer(self.deviation, self.deviation)
        self.between = _between(means, counts) / self.deviation

    def whitening(self, values: Matrix, vectors: Matrix) -> Matrix:
        """Return what makes the columns of S uncorrelated and of unit variance ``(d, r)``."""
        return vectors / np.sqrt(values)

    def rows(self, combinations: Matrix) -> Matrix:
        """Return directions ``(q, d)`` of W from combinations of the columns of S."""
        return combinations / self.deviation


class ByRows:
    """The products of the rows of S: ``S S^T (n, n)``, with the eigenvalues of `ByColumns`.

    `ByColumns` has coordinates of the columns where this has products with the rows.
    """

    def __init__(self, means: Array, W: Array, counts: NDArray[Any]) -> None:
        n = W.shape[0]
        means, squares = _host(means, namespace(W).sum(W * W, axis=0))
        self.deviation = _deviation(squares / n, means, _eps(W))
        self.S = W / like(np.sqrt(n) * self.deviation, W)
        between = like(_between(means, counts) / self.deviation, W)
        self.correlation, self.between = _host(self.S @ self.S.T, between @ self.S.T)

    def whitening(self, values: Matrix, vectors: Matrix) -> Matrix:
        """Return combinations of the rows of S that do what those of `ByColumns` do ``(n, r)``."""
        return vectors / values

    def rows(self, combinations: Matrix) -> Matrix:
        """Return directions ``(q, d)`` of W from combinations of the rows of S."""
        (found,) = _host(like(combinations, self.S) @ self.S)
        return found / self.deviation


def _between(means: Matrix, counts: NDArray[Any]) -> Matrix:
    """Return the means of the classes ``(C, d)`` less that of all, by the roots of their sizes."""
    sizes = counts[:, None]
    return np.asarray(np.sqrt(sizes) * (means - (sizes * means).sum(axis=0) / sizes.sum()))


def _leading(product: Array, k: int) -> Matrix:
    """Return k eigenvectors as rows, the largest eigenvalue first."""
    (matrix,) = _host(product)
    size = len(matrix)
    vectors: Matrix = eigh(matrix, subset_by_index=[size - k, size - 1])[1]
    return vectors.T[::-1]


def _deviation(variances: Matrix, means: Matrix, eps: float) -> Matrix:
    """Return standard deviations ``(d,)``, and 1 for columns that are constant in each class."""
    deviation = np.sqrt(variances)
    constant = deviation <= ROUNDING * eps * np.abs(means).max(axis=0)
    return np.where(constant, 1.0, deviation)


def _host(*values: Array) -> list[Matrix]:
    return [np.asarray(value, dtype=np.float64) for value in to_host(*values)]


def _eps(values: Array) -> float:
    return float(namespace(values).finfo(values.dtype).eps)


def with_signs(rows: Matrix) -> Matrix:
    """Return rows whose entry of largest size is positive, so that signs are not arbitrary."""
    largest = np.argmax(np.abs(rows), axis=1)
    signs = np.sign(rows[np.arange(len(rows)), largest])
    return np.ascontiguousarray(rows * signs[:, None], dtype=np.float64)

"""Symmetric matrices of the host ``(d, d)`` by their eigenvalues: factors, powers, inverses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

Matrix = NDArray[np.float64]


def rounding(values: Matrix) -> float:
    """Return the size below which eigenvalues may be rounding errors."""
    return float(len(values) * np.finfo(np.float64).eps * np.abs(values).max(initial=0))


def is_definite(M: Matrix) -> bool:
    """Tell whether M is positive definite beyond rounding."""
    values = eigh(M, eigvals_only=True)
    return bool(values.min(initial=np.inf) > rounding(values))


def factor(M: Matrix) -> Matrix:
    """Return the symmetric A ``(d, d)`` with ``A^T A = M`` of a positive semi-definite M.

    It is unique, where signs of eigenvectors are not. Negative eigenvalues, which can be nothing
    but rounding, count as 0.
    """
    values, vectors = eigh(M)
    return symmetric((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)


def power(M: Matrix, exponent: float) -> Matrix:
    """Return ``M^exponent`` of a positive definite M."""
    values, vectors = eigh(M)
    scaled: Matrix = (vectors * values**exponent) @ vectors.T
    return symmetric(scaled)


def pseudo_inverse_root(M: Matrix) -> Matrix:
    """Return the symmetric root of the pseudo-inverse of a positive semi-definite M."""
    values, vectors = eigh(M)
    kept = values > rounding(values)
    return symmetric((vectors[:, kept] / np.sqrt(values[kept])) @ vectors[:, kept].T)


def symmetric(M: Matrix) -> Matrix:
    """Return ``(M + M^T) / 2``."""
    return np.asarray((M + M.T) / 2)

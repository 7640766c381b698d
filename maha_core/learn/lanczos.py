"""Lanczos' matrix of conjugate gradients, and the quadrature of a logarithm that it gives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal

Numbers = NDArray[np.float64]


def log_quadratures(steps: Numbers, ratios: Numbers) -> Numbers:
    """Return ``e_1^T log(T) e_1`` for every column's tridiagonal matrix T.

    Parameters
    ----------
    steps, ratios : array (k, c)
        The coefficients of preconditioned conjugate gradients: step lengths, 0 where a column was
        done, and ratios of slopes.

    Returns
    -------
    quadratures : array (c,)
        For the right side z, times ``z^T P^-1 z``, they are Gauss's quadrature of
        ``w^T log(P^-1/2 A P^-1/2) w`` with ``w = P^-1/2 z``.

    Notes
    -----
    Golub & Meurant 2010, *Matrices, Moments and Quadrature with Applications*, section 6.6; Ubaru,
    Chen & Saad 2017, "Fast estimation of tr(f(A)) via stochastic Lanczos quadrature".
    """
    return np.array([_quadrature(*column) for column in zip(steps.T, ratios.T, strict=True)])


def _quadrature(steps: Numbers, ratios: Numbers) -> float:
    k = int(np.count_nonzero(steps))
    if not k:
        return 0.0
    steps, ratios = steps[:k], ratios[: k - 1]
    diagonal = 1 / steps
    diagonal[1:] += ratios / steps[:-1]
    values, vectors = eigh_tridiagonal(diagonal, np.sqrt(ratios) / steps[:-1])
    smallest = np.finfo(np.float64).tiny  # what is not above 0 is rounding
    return float(vectors[0] ** 2 @ np.log(np.maximum(values, smallest)))

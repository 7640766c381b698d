"""Tests whether a matrix is symmetric and positive definite, up to rounding.

All tests except symmetry use the correlation matrix R of S, ``S_ij = s_i R_ij s_j``. Rounding
errors of S are relative to ``s_i s_j``, so the units of the columns do not matter.
"""

from __future__ import annotations

from math import sqrt
from typing import Any, NamedTuple

from maha_core.arrays import device_of

Array = Any

OWN_ROUNDING = 4.0
"""An eigenvalue of R below this many eps of S's dtype may be due to the rounding of S alone."""

FACTORING = 50.0
"""D is right to two digits where R's eigenvalues exceed ``FACTORING sqrt(d) eps``.

Its relative error was measured as 0.35 sqrt(d) eps over R's smallest eigenvalue, or less
(docs/accuracy.md), eps that of the dtype in which S is factored.
"""


class Correlation(NamedTuple):
    """R ``(d, d)`` of unit diagonal and deviations s ``(d,)`` with ``S_ij = s_i R_ij s_j``.

    Where a diagonal entry of S is not positive, R has the same entry.
    """

    R: Array
    deviation: Array


def is_symmetric(xp: Any, S: Array) -> Array:
    """Tell whether S ``(d, d)`` is asymmetric by no more than rounding."""
    level = 100 * S.shape[0] * float(xp.finfo(S.dtype).eps)
    return xp.max(xp.abs(S - S.T)) <= level * xp.max(xp.abs(S))


def refuse_asymmetric(xp: Any, S: Array) -> None:
    """Raise ValueError with the largest asymmetry of S."""
    worst, size = float(xp.max(xp.abs(S - S.T))), float(xp.max(xp.abs(S)))
    raise ValueError(
        f"S is not symmetric: |S - S^T| reaches {worst:.3g} where |S| reaches {size:.3g}; "
        "pass (S + S.T) / 2 if that is meant"
    )


def correlation(xp: Any, S: Array) -> Correlation:
    """Return the correlation matrix and the deviations of a covariance."""
    variance = xp.linalg.diagonal(S)
    one = xp.ones_like(variance)
    deviation = xp.sqrt(xp.where(variance > 0, variance, one))
    return Correlation(S / deviation[:, None] / deviation[None, :], deviation)


def rounding_level(xp: Any, R: Array, dtype: Any) -> float:
    """Return the level that R's eigenvalues must exceed if S was rounded to a dtype."""
    rounded, factored = float(xp.finfo(dtype).eps), float(xp.finfo(R.dtype).eps)
    return max(OWN_ROUNDING * rounded, FACTORING * sqrt(R.shape[0]) * factored)


def exceeds(xp: Any, R: Array, level: Array | float) -> Array | bool:
    """Tell whether ``R - diag(level)`` is positive definite; the level is a number or ``(d,)``."""
    less = R - level * xp.eye(R.shape[0], dtype=R.dtype, device=device_of(R))
    C = _cholesky_or_none(xp, less)
    return False if C is None else _is_cholesky_factor(xp, C, less)


def _cholesky_or_none(xp: Any, R: Array) -> Array | None:
    """Return the lower Cholesky factor, or None where the library finds none."""
    try:
        return xp.linalg.cholesky(R)
    except Exception as error:  # every library has a class of its own for this
        if "LinAlgError" not in type(error).__name__:
            raise
        return None


def _is_cholesky_factor(xp: Any, C: Array, R: Array) -> Array:
    """Tell whether C is R's factor, by its pivots and by its row norms, which are R's diagonal.

    Some libraries return a partial result when the factorisation fails.
    """
    error = xp.abs(xp.vecdot(C, C) - xp.linalg.diagonal(R))
    level = 4 * (R.shape[0] + 2) * float(xp.finfo(R.dtype).eps)
    return xp.all((xp.linalg.diagonal(C) > 0) & (error <= level))

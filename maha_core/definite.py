"""Whether a matrix is symmetric and positive definite, as far as rounding lets that be known."""

from __future__ import annotations

from typing import Any

Array = Any


def is_symmetric(xp: Any, S: Array) -> Array:
    """Tell whether S ``(d, d)`` is asymmetric by no more than rounding."""
    level = 100 * S.shape[0] * float(xp.finfo(S.dtype).eps)
    return xp.max(xp.abs(S - S.T)) <= level * xp.max(xp.abs(S))


def refuse_asymmetric(xp: Any, S: Array) -> None:
    """Raise ValueError with how asymmetric S is."""
    worst, size = float(xp.max(xp.abs(S - S.T))), float(xp.max(xp.abs(S)))
    raise ValueError(
        f"S is not symmetric: |S - S^T| reaches {worst:.3g} where |S| reaches {size:.3g}; "
        "pass (S + S.T) / 2 if that is meant"
    )


def cholesky_or_none(xp: Any, S: Array) -> Array | None:
    """Return the lower Cholesky factor, or None where the library says that there is none."""
    try:
        return xp.linalg.cholesky(S)
    except Exception as error:  # every library has a class of its own for this
        if "LinAlgError" not in type(error).__name__:
            raise
        return None


def is_cholesky_factor(xp: Any, C: Array, S: Array, dtype: Any) -> Array:
    """Tell whether C is the Cholesky factor of a matrix that is positive definite in a dtype.

    Some libraries return what their algorithm had reached when it failed, so that the product is
    compared; and a pivot may be rounding only, beside the diagonal entry that it came from.
    """
    pivots, entries = xp.linalg.diagonal(C), xp.linalg.diagonal(S)
    level = 64 * S.shape[0] * float(xp.finfo(dtype).eps)
    positive = xp.all((pivots > 0) & (pivots * pivots > level * entries))
    return positive & xp.all(xp.abs(C @ C.T - S) <= level * xp.max(entries))


def refuse_indefinite() -> None:
    """Raise ValueError for an S that is not positive definite."""
    raise ValueError(
        "S is singular or not positive definite, so that S^-1 is no metric; add a ridge: "
        "Covariance.from_points(X, ridge=...) or S + ridge * identity"
    )

"""Which columns make a covariance singular, and the errors that name them."""

from __future__ import annotations

from typing import Any

from maha_core.definite import Correlation

Array = Any

WEIGHT = 0.02
"""A column takes part in a combination with a weight of at least this share of the largest."""

NAMED = 8
"""The largest number of columns named in an error."""


def refuse_covariance(xp: Any, S: Array, of: Correlation, level: float) -> None:
    """Raise ValueError for an S that is not positive definite beyond rounding."""
    variances = _where(xp.linalg.diagonal(S) <= 0)
    if variances:
        k = variances[0]
        why = f"S[{k}, {k}] = {float(S[k, k]):.3g}, and a variance is positive"
    else:
        smallest = float(xp.linalg.eigvalsh(of.R)[0])
        dependent = _dependent(xp, of.R, xp.full_like(of.deviation, level))
        why = (
            f"scaled to a unit diagonal it has an eigenvalue of {smallest:.3g}, where rounding may "
            f"be {level:.2g}, by columns {_listed(dependent)}"
        )
    raise ValueError(
        f"S is singular or not positive definite, so that S^-1 is no metric: {why}; add a ridge: "
        "Covariance.from_points(X, ridge=...) or S + ridge * identity"
    )


def refuse_points(xp: Any, S: Array, of: Correlation, level: Array) -> None:
    """Raise ValueError for points whose columns are constant or combinations of one another."""
    constant = _where(xp.linalg.diagonal(of.R) <= level)
    if constant:
        why = f"constant up to rounding: {_listed(constant)}"
    else:
        dependent = _dependent(xp, of.R, level)
        why = f"linear combinations of one another up to rounding: {_listed(dependent)}"
    raise ValueError(
        f"X has columns that are {why} (counted from 0), so that its covariance is singular; "
        "drop such columns, or pass a ridge, e.g. Covariance.from_points(X, ridge=1e-3)"
    )


def has_variance(xp: Any, S: Array, dtype: Any) -> Array:
    """Tell for every column ``(d,)`` whether its variance is a normal number of a dtype."""
    variance, limits = xp.linalg.diagonal(S), xp.finfo(dtype)
    normal = (variance >= float(limits.smallest_normal)) & (variance <= float(limits.max))
    return normal | (variance == 0)


def refuse_scale(xp: Any, S: Array, dtype: Any) -> None:
    """Raise ValueError for columns whose variance is not a normal number of a dtype."""
    k = _where(~has_variance(xp, S, dtype))[0]
    raise ValueError(
        f"X's column {k} (counted from 0) has a variance of {float(S[k, k]):.3g}, outside of the "
        f"normal numbers of {dtype}; give it in another unit"
    )


def _dependent(xp: Any, R: Array, level: Array) -> list[int]:
    """Return the columns of all linear combinations whose variance does not exceed the level.

    Each column is scaled by its level, so that one level holds for all directions; eigenvectors
    with eigenvalues below it are these combinations.
    """
    unit = xp.sqrt(level)
    values, vectors = xp.linalg.eigh(R / unit[:, None] / unit[None, :])
    count = max(1, len(_where(values <= 1)))
    weights = xp.abs(vectors[:, :count]) / unit[:, None]
    largest = xp.max(weights, axis=0, keepdims=True)
    return _where(xp.any(weights >= WEIGHT * largest, axis=1))


def _where(mask: Array) -> list[int]:
    return [k for k in range(mask.shape[0]) if bool(mask[k])]


def _listed(columns: list[int]) -> str:
    named, more = columns[:NAMED], len(columns) - NAMED
    return ", ".join(map(str, named)) + (f" and {more} more" if more > 0 else "")

"""SciPy's names of Mahalanobis distances, and their parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from maha_core.distance import dist, sqdist
from maha_core.metrics import Covariance, Diagonal, Full, Metric
from maha_core.options import options

Array = Any

ALIASES = {
    "euclidean": ("euclid", "eu", "e"),
    "sqeuclidean": ("sqe", "sqeuclid"),
    "seuclidean": ("se", "s"),
    "mahalanobis": ("mahal", "mah"),
}
NAMES = {alias: name for name, others in ALIASES.items() for alias in (name, *others)}
PARAMETER = {"euclidean": "w", "sqeuclidean": "w", "seuclidean": "V", "mahalanobis": "VI"}

MODULES = ("scipy.spatial.distance", "maha_core.compat.scipy")
"""The modules whose functions are accepted in place of names."""

PAIRS = 2**20
"""The number of pairs with points that are not finite computed at a time."""


class Named(NamedTuple):
    """A SciPy distance as a metric and a function of maha_core.

    Attributes
    ----------
    metric : Metric or None
        None for the Euclidean one.
    distance : callable
        `maha_core.sqdist` or `maha_core.dist`.
    """

    metric: Metric | None
    distance: Callable[..., Array]

    def between(self, XA: Array, XB: Array) -> Array:
        """Return the distances ``(n, m)``; for points that are not finite, by IEEE arithmetic."""
        shape = len(XA), len(XB)
        if not XA.shape[1]:
            return np.zeros(shape, XA.dtype)
        finite_A, finite_B = np.isfinite(XA).all(axis=1), np.isfinite(XB).all(axis=1)
        if finite_A.all() and finite_B.all():
            return self.distance(XA, XB, metric=self.metric)
        found = np.empty(shape, XA.dtype)
        own = self.distance(XA[finite_A], XB[finite_B], metric=self.metric)
        found[np.ix_(finite_A, finite_B)] = own
        i, j = np.nonzero(~(finite_A[:, None] & finite_B[None, :]))
        for start in range(0, len(i), PAIRS):
            pairs = i[start : start + PAIRS], j[start : start + PAIRS]
            with options(check_finite=False), np.errstate(invalid="ignore", over="ignore"):
                found[pairs] = self.distance(XA, XB, metric=self.metric, pairs=pairs)
        return found


def named(metric: object, points: Callable[[], Array], d: int, given: Mapping[str, Any]) -> Named:
    """Return a distance by its name, or for SciPy's function of that name.

    Parameters
    ----------
    metric : str or callable
    points : callable
        Returns all points ``(n, d)``, from which a default V or VI is computed.
    d : int
        The number of columns.
    given : mapping
        `V`, `VI` or `w`.

    Raises
    ------
    TypeError
        `given` has an argument that the distance does not take.
    ValueError
        The distance is not one of these, or its parameter does not fit.
    """
    name = _canonical(metric)
    parameter = PARAMETER[name]
    unknown = sorted(set(given) - {parameter})
    if unknown:
        raise TypeError(f"metric={name!r} takes {parameter}=, and not {', '.join(unknown)}")
    value, distance = given.get(parameter), sqdist if name == "sqeuclidean" else dist
    if name == "mahalanobis":
        return Named(_covariance(points()) if value is None else _inverse(value, d), distance)
    if name == "seuclidean":
        return Named(_variances(_spread(points()) if value is None else value, d), distance)
    return Named(None if value is None else _weights(value, d), distance)


def _canonical(metric: Any) -> str:
    name = metric
    if callable(metric) and getattr(metric, "__module__", "").startswith(MODULES):
        name = metric.__name__
    if not isinstance(name, str) or name.lower() not in NAMES:
        known = ", ".join(map(repr, ALIASES))
        raise ValueError(f"metric={metric!r} is no Mahalanobis distance; here are {known}")
    return NAMES[name.lower()]


def _weights(w: Any, d: int) -> Metric:
    w = _vector(w, "w", d)
    if (w < 0).any():
        raise ValueError(f"Input weights should be all non-negative: w has {float(w.min())!r}")
    return Diagonal(w)


def _variances(V: Any, d: int) -> Metric:
    V = _vector(V, "V", d)
    if not (V > 0).all():
        column = int(np.flatnonzero(~(V > 0))[0])
        raise ValueError(
            f"V[{column}] is {float(V[column])!r}: a variance must be positive; drop that column, "
            "or give V="
        )
    return Diagonal(1 / V)


def _inverse(VI: Any, d: int) -> Metric:
    VI = np.asarray(VI, dtype=np.float64)
    if VI.shape != (d, d):
        raise ValueError(f"VI has shape {VI.shape}, and points of {d} columns ask for {(d, d)}")
    return Full(VI)


def _covariance(points: Array) -> Metric:
    n, d = points.shape
    if n <= d:
        raise ValueError(
            f"The number of observations ({n}) is too small; the covariance matrix is singular. "
            f"For observations with {d} dimensions, at least {d + 1} observations are required."
        )
    return Covariance.from_points(points)


def _spread(points: Array) -> Array:
    return np.var(points, axis=0, ddof=1)


def _vector(value: Any, name: str, d: int) -> Array:
    vector = np.asarray(value, dtype=np.float64)
    if vector.shape != (d,):
        raise ValueError(
            f"{name} has shape {vector.shape}, and points of {d} columns ask for {(d,)}"
        )
    return vector

"""`scipy.spatial.distance` for Mahalanobis distances: the same signatures, accurate and fast.

Arguments are converted as in SciPy, and results are float64. The distances are ``"euclidean"``,
``"sqeuclidean"``, ``"seuclidean"`` and ``"mahalanobis"``; use SciPy for others.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from maha_core.compat.named_metrics import Named, named

Array = Any

ROWS, COLUMNS = 512, 2048
"""The blocks in which `pdist` computes."""

__all__ = ["cdist", "mahalanobis", "pdist", "seuclidean", "sqeuclidean"]


def cdist(
    XA: Any, XB: Any, metric: Any = "euclidean", *, out: Array | None = None, **kwargs: Any
) -> Array:
    """Return the distances between each pair of two collections of points.

    Parameters
    ----------
    XA : array_like (n, d)
    XB : array_like (m, d)
    metric : {"euclidean", "sqeuclidean", "seuclidean", "mahalanobis"} or SciPy's function
    out : array (n, m) of float64, optional
        Where to write the result.
    **kwargs
        ``w (d,)``, weights of "euclidean" and "sqeuclidean"; ``V (d,)``, the variances of
        "seuclidean", by default those of all points with ddof = 1; ``VI (d, d)``, the inverse
        covariance of "mahalanobis", by default that of all points.

    Returns
    -------
    array (n, m) of float64

    Raises
    ------
    TypeError
        An argument that the metric does not take.
    ValueError
        Shapes that do not fit; a metric that is none of these; too few points for a covariance, or
        points on a plane; a VI that makes a squared distance negative.

    See Also
    --------
    scipy.spatial.distance.cdist
    maha_core.dist : on arrays of any library, in their dtype.

    Examples
    --------
    >>> import maha_core as mc
    >>> mc.compat.scipy.cdist([[0, 0]], [[3, 4], [0, 1]])
    array([[5., 1.]])
    """
    XA, XB = _points(XA, "XA"), _points(XB, "XB")
    if XA.shape[1] != XB.shape[1]:
        raise ValueError(
            "XA and XB must have the same number of columns (i.e. feature dimension); they have "
            f"{XA.shape[1]} and {XB.shape[1]}"
        )
    asked = named(metric, lambda: np.vstack([XA, XB]), XA.shape[1], _given(kwargs))
    shape = len(XA), len(XB)
    if out is None:
        return asked.between(XA, XB)
    _check_out(out, shape)
    out[...] = asked.between(XA, XB)
    return out


def pdist(X: Any, metric: Any = "euclidean", *, out: Array | None = None, **kwargs: Any) -> Array:
    """Return the distances between all pairs of points, condensed.

    Parameters
    ----------
    X : array_like (n, d)
    metric, **kwargs
        As in `cdist`; a default V or VI is that of X.
    out : array (n (n - 1) / 2,) of float64, optional
        Where to write the result.

    Returns
    -------
    array (n (n - 1) / 2,) of float64
        The distance of points i < j is entry ``n i + j - (i + 2) (i + 1) / 2``, as in
        `scipy.spatial.distance.squareform`.

    Raises
    ------
    TypeError, ValueError
        As in `cdist`.

    Notes
    -----
    Memory for the result and a block of 512 x 2048 distances.

    See Also
    --------
    scipy.spatial.distance.pdist

    Examples
    --------
    >>> import maha_core as mc
    >>> mc.compat.scipy.pdist([[0, 0], [3, 4], [0, 1]])
    array([5.        , 1.        , 4.24264069])
    """
    X = _points(X, "X")
    asked = named(metric, lambda: X, X.shape[1], _given(kwargs))
    shape = (len(X) * (len(X) - 1) // 2,)
    if out is None:
        out = np.empty(shape)
    _check_out(out, shape)
    _write_condensed(asked, X, out)
    return out


def mahalanobis(u: Any, v: Any, VI: Any) -> float:
    """Return ``sqrt((u - v) VI (u - v)^T)`` of two points.

    Parameters
    ----------
    u, v : array_like (d,)
    VI : array_like (d, d)
        The inverse covariance; only its symmetric part has an effect.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As in `cdist`.

    Examples
    --------
    >>> import maha_core as mc
    >>> mc.compat.scipy.mahalanobis([1, 0], [0, 0], [[4, 0], [0, 1]])
    2.0
    """
    return _between(u, v, "mahalanobis", VI=VI)


def sqeuclidean(u: Any, v: Any, w: Any = None) -> float:
    """Return ``sum_k w_k (u_k - v_k)^2`` of two points.

    Parameters
    ----------
    u, v : array_like (d,)
    w : array_like (d,), optional
        Nonnegative weights; 1 if not given.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As in `cdist`.

    Examples
    --------
    >>> import maha_core as mc
    >>> mc.compat.scipy.sqeuclidean([1, 0], [0, 1])
    2.0
    """
    return _between(u, v, "sqeuclidean", w=w)


def seuclidean(u: Any, v: Any, V: Any) -> float:
    """Return ``sqrt(sum_k (u_k - v_k)^2 / V_k)`` of two points.

    Parameters
    ----------
    u, v : array_like (d,)
    V : array_like (d,)
        Variances, all positive.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As in `cdist`.

    Examples
    --------
    >>> import maha_core as mc
    >>> mc.compat.scipy.seuclidean([1, 0], [0, 0], [0.25, 1])
    2.0
    """
    return _between(u, v, "seuclidean", V=V)


def _between(u: Any, v: Any, metric: str, **given: Any) -> float:
    u, v = _vector(u, "u"), _vector(v, "v")
    if u.shape != v.shape:
        raise ValueError(f"u has {len(u)} entries and v {len(v)}; they must have as many")
    return float(cdist(u[None, :], v[None, :], metric, **given)[0, 0])


def _write_condensed(asked: Named, X: Array, out: Array) -> None:
    """Write the distances above the diagonal, block by block."""
    n = len(X)
    for top in range(0, n, ROWS):
        rows = X[top : top + ROWS]
        for left in range(top, n, COLUMNS):
            block = asked.between(rows, X[left : left + COLUMNS])
            for i, distances in enumerate(block, top):
                first = max(i + 1, left)  # of the columns that are above the diagonal
                above = distances[first - left :]
                place = n * i - i * (i + 1) // 2 + first - i - 1
                out[place : place + len(above)] = above


def _given(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in kwargs.items() if value is not None}


def _points(value: Any, name: str) -> Array:
    array = _real(value, name)
    if array.ndim != 2:
        raise ValueError(f"{name} must be a 2-dimensional array; its shape is {array.shape}")
    return array


def _vector(value: Any, name: str) -> Array:
    array = _real(value, name)
    if array.ndim != 1:
        raise ValueError(f"{name} must be a 1-dimensional array; its shape is {array.shape}")
    return array


def _real(value: Any, name: str) -> Array:
    array = np.asarray(value)
    if array.dtype.kind not in "buifO":
        raise ValueError(f"{name}: Unsupported dtype {array.dtype}; real numbers are accepted")
    return np.ascontiguousarray(array, dtype=np.float64)


def _check_out(out: Array, shape: tuple[int, ...]) -> None:
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a numpy.ndarray; got {type(out).__name__}")
    if out.shape != shape:
        raise ValueError(f"Output array has incorrect shape {out.shape}; the result has {shape}")
    if out.dtype != np.float64 or not out.flags.c_contiguous:
        raise ValueError(f"out must be C-contiguous and of float64; it is of {out.dtype}")

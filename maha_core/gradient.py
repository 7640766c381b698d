"""Derivatives of D: slices, the whole Jacobian, and the two contractions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from maha_core import validation
from maha_core.call import Call, prepare, wanted
from maha_core.problem import Gradient, Tangents

if TYPE_CHECKING:
    from maha_core.metrics import Metric

Array = Any


def jacobian(X: Array, Y: Array | None = None, *, metric: Metric) -> Array:
    """Return the whole derivative of D with respect to the metric's parameter.

    Parameters
    ----------
    X, Y
        As in `sqdist`.
    metric : Full, Factor, Diagonal or Covariance
        The metric; entries of its parameter count as independent variables.

    Returns
    -------
    J : array (n, m) + parameter.shape
        ``dD_ij / dparameter``, in X's library, device and dtype.

    Raises
    ------
    TypeError, ValueError
        As in `sqdist`; ValueError where there is no metric.
    MemoryError
        J cannot fit in memory: use `jacobian_slice`, `jvp`, `vjp` or `value_and_grad`.

    Notes
    -----
    With ``d = x_i - y_j``: ``d d^T`` for M, ``2 (A d) d^T`` for A, ``d * d`` for w and
    ``-(S^-1 d)(S^-1 d)^T`` for S.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X = np.array([[0.0, 0.0], [1.0, 2.0]])
    >>> mc.jacobian(X, metric=mc.Full(np.eye(2)))[0, 1]
    array([[1., 2.],
           [2., 4.]])
    """
    call = prepare(X, Y, _needed(metric))
    return call.backend.jacobian(call.problem, tuple(metric.parameter.shape))


def jacobian_slice(
    X: Array, Y: Array | None = None, *, metric: Metric, index: int | tuple[int, ...]
) -> Array:
    """Return the derivative of D with respect to one entry of the metric's parameter.

    Parameters
    ----------
    X, Y, metric
        As in `jacobian`.
    index : int or tuple of int
        The entry: ``(k, l)`` for M, A and S, ``k`` for w; counted from 0.

    Returns
    -------
    slice : array (n, m)
        ``dD_ij / dparameter[index]``, from direct differences of two columns.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As in `sqdist`; ValueError where the index is out of range.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X = np.array([[0.0, 0.0], [1.0, 2.0]])
    >>> mc.jacobian_slice(X, metric=mc.Full(np.eye(2)), index=(0, 1))
    array([[0., 2.],
           [2., 0.]])
    """
    call = prepare(X, Y, _needed(metric))
    entry = validation.entry_index(index, tuple(metric.parameter.shape), "index")
    return call.backend.jacobian_slice(call.problem, entry)


def jvp(
    X: Array,
    Y: Array | None = None,
    *,
    metric: Metric | None = None,
    metric_tangent: Array | None = None,
    X_tangent: Array | None = None,
    Y_tangent: Array | None = None,
    pairs: tuple[Array, Array] | None = None,
) -> Array:
    """Return the pushforward dD along directions of the metric and of the points.

    Parameters
    ----------
    X, Y, metric, pairs
        As in `sqdist`.
    metric_tangent : array, optional
        A direction of the metric's parameter, of its shape.
    X_tangent : array (n, d), optional
        A direction of X; without Y it moves both roles.
    Y_tangent : array (m, d), optional
        A direction of Y.

    Returns
    -------
    dD : array (n, m) or (p,)
        The derivative of D, summed over the directions given.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As in `sqdist`; ValueError where no direction is given, or one of what is not there.

    Notes
    -----
    Exact up to rounding relative to ``|u_i| |v_i| + |u_j| |v_j|`` after centring; with `pairs`
    relative to the terms of the sum itself.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X = np.array([[0.0], [3.0]])
    >>> mc.jvp(X, X_tangent=np.array([[0.0], [1.0]]))
    array([[0., 6.],
           [6., 0.]])
    """
    call = prepare(X, Y, metric)
    directions = _tangents(call, metric_tangent, X_tangent, Y_tangent)
    if pairs is not None:
        return call.backend.pair_jvp(call.problem, directions, call.pairs(pairs))
    return call.backend.jvp(call.problem, directions)


def vjp(
    X: Array,
    Y: Array | None = None,
    *,
    metric: Metric | None = None,
    cotangent: Array,
    wrt: str | Sequence[str] | None = None,
    pairs: tuple[Array, Array] | None = None,
) -> Gradient:
    """Pull a cotangent ``G = dphi/dD`` back to the metric and to the points.

    Parameters
    ----------
    X, Y, metric, pairs
        As in `sqdist`.
    cotangent : array (n, m) or (p,)
        G; without Y its diagonal is ignored, whatever it holds.
    wrt : {"metric", "X", "Y"} or tuple of them, optional
        What to differentiate with respect to; the metric if one is given, else X.

    Returns
    -------
    Gradient
        ``metric``, ``X`` and ``Y``; None for what was not asked for. Without Y, ``X`` holds both
        roles.

    Raises
    ------
    TypeError, ValueError
        As in `sqdist`; ValueError where wrt names what is not there.

    Notes
    -----
    With the Laplacian product L: ``dphi/dM = W^T (L W)``, ``dphi/dA = 2 (L Z)^T W``, ``dphi/dw`` =
    column sums of ``W * (L W)``, ``dphi/dS = -S^-1 (W^T L W) S^-1``, ``dphi/dX = 2 (L W) Ms``.
    Rounding is relative to ``sum |G_ij| (|x_i|^2 + |y_j|^2)`` after centring.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X = np.array([[0.0, 0.0], [1.0, 2.0]])
    >>> mc.vjp(X, metric=mc.Full(np.eye(2)), cotangent=np.ones((2, 2))).metric
    array([[2., 4.],
           [4., 8.]])
    """
    call = prepare(X, Y, metric)
    names = wanted(wrt, call)
    problem = call.problem
    if pairs is not None:
        listed = call.pairs(pairs)
        shape = tuple(listed.i.shape)
        G = call.operand(cotangent, "cotangent", shape, "one number per pair")
        return call.backend.pair_vjp(problem, G, names, listed)
    G = call.operand(cotangent, "cotangent", (problem.n, problem.m), "the shape of D")
    return call.backend.vjp(problem, G, names)


def _needed(metric: Metric | None) -> Metric:
    if metric is None:
        raise ValueError("metric=None has no parameter to differentiate by; pass a metric")
    return metric


def _tangents(
    call: Call, metric_tangent: Array | None, X_tangent: Array | None, Y_tangent: Array | None
) -> Tangents:
    problem = call.problem
    if metric_tangent is None and X_tangent is None and Y_tangent is None:
        raise ValueError("no direction is given: pass metric_tangent, X_tangent or Y_tangent")
    if metric_tangent is not None:
        if problem.metric is None:
            raise ValueError("metric_tangent is given, and metric=None has no parameter to move")
        shape = tuple(problem.metric.parameter.shape)
        why = "the metric's parameter"
        metric_tangent = call.finite_operand(metric_tangent, "metric_tangent", shape, why)
    if X_tangent is not None:
        shape = tuple(problem.X.shape)
        X_tangent = call.finite_operand(X_tangent, "X_tangent", shape, "X")
    if Y_tangent is not None:
        if problem.Y is None:
            raise ValueError("Y_tangent is given, and there is no Y; X_tangent moves both roles")
        shape = tuple(problem.Y.shape)
        Y_tangent = call.finite_operand(Y_tangent, "Y_tangent", shape, "Y")
    return Tangents(metric_tangent, X_tangent, Y_tangent)

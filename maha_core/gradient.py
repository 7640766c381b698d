"""Derivatives of D: slices, the whole Jacobian, and the two contractions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from maha_core import formulas, validation
from maha_core.batches import given, is_batch, over_members
from maha_core.call import Call, prepare, wanted
from maha_core.problem import Gradient, Pairs, Tangents
from maha_core.sweeps.distances import Root
from maha_core.sweeps.jacobians import Jacobian, JacobianSlice
from maha_core.sweeps.pairs import PairPullback, PairPushforward, PairSqdist
from maha_core.sweeps.pullbacks import Pullback
from maha_core.sweeps.roots import Dist, RootPullback
from maha_core.sweeps.tangents import Pushforward

if TYPE_CHECKING:
    from maha_core.array_types import ArrayProtocol, ArrayT, PairIndices, Quantity, Wrt
    from maha_core.metrics import Metric

Array = Any


def jacobian(X: ArrayT, Y: ArrayProtocol | None = None, *, metric: Metric) -> ArrayT:
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
        As in `sqdist`; ValueError without a metric.
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
    return call.backend.run(call.problem, Jacobian(tuple(metric.parameter.shape)))


def jacobian_slice(
    X: ArrayT, Y: ArrayProtocol | None = None, *, metric: Metric, index: int | tuple[int, ...]
) -> ArrayT:
    """Return the derivative of D with respect to one entry of the metric's parameter.

    Parameters
    ----------
    X, Y, metric
        As in `jacobian`.
    index : int or tuple of int
        The index of the entry, from 0: ``(k, l)`` for M, A and S, ``k`` for w.

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
    return call.backend.run(call.problem, JacobianSlice(entry))


def jvp(
    X: ArrayT,
    Y: ArrayProtocol | None = None,
    *,
    metric: Metric | None = None,
    metric_tangent: ArrayProtocol | None = None,
    X_tangent: ArrayProtocol | None = None,
    Y_tangent: ArrayProtocol | None = None,
    pairs: PairIndices | None = None,
    of: Quantity = "sqdist",
) -> ArrayT:
    """Return the derivative dD along directions of the metric and of the points (pushforward).

    Parameters
    ----------
    X, Y, metric, pairs
        As in `sqdist`.
    metric_tangent : array, optional
        A direction of the metric's parameter, of the same shape.
    X_tangent : array (n, d), optional
        A direction of X; without Y, both points of a pair move along it.
    Y_tangent : array (m, d), optional
        A direction of Y.
    of : {"sqdist", "dist"}
        The function to differentiate: D, or its square root.

    Returns
    -------
    dD : array (n, m) or (p,)
        The derivative of D, summed over the directions given. For ``of="dist"`` it is
        ``dD / (2 dist)``, and 0 where the distance is 0.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As in `sqdist` (`dist`); ValueError without any direction, or for a direction of a metric
        or Y that is not given.

    Notes
    -----
    Rounding errors are relative to ``|u_i| |v_i| + |u_j| |v_j|`` after centring; with `pairs`,
    relative to the terms of the sum.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X = np.array([[0.0], [3.0]])
    >>> mc.jvp(X, X_tangent=np.array([[0.0], [1.0]]))
    array([[0., 6.],
           [6., 0.]])
    """
    if is_batch(X, Y, metric):

        def member(X: Array, Y: Array | None, metric: Metric | None, **tangents: Array) -> Array:
            return jvp(X, Y, metric=metric, of=of, **tangents)

        return over_members(
            member,
            X,
            Y,
            metric,
            alone=given(pairs=pairs),
            metric_tangent=(metric_tangent, 0 if metric is None else metric.ndim),
            X_tangent=(X_tangent, 2),
            Y_tangent=(Y_tangent, 2),
        )
    call, squared = prepare(X, Y, metric), _squared(of)
    directions = checked_tangents(call, metric_tangent, X_tangent, Y_tangent)
    listed = None if pairs is None else call.pairs(pairs)
    dD = _pushed(call, directions, listed)
    return dD if squared else _of_root(call, dD, listed)


def _pushed(call: Call, directions: Tangents, listed: Pairs | None) -> Array:
    if listed is None:
        return call.backend.run(call.problem, Pushforward(directions))
    return call.backend.run(call.problem, PairPushforward(directions, listed))


def _of_root(call: Call, values: Array, listed: Pairs | None) -> Array:
    """Return ``values / (2 dist)``, the derivative of dist from that of D; 0 where dist is 0."""
    backend, problem = call.backend, call.problem
    asked = Dist() if listed is None else Root(backend.run(problem, PairSqdist(listed)))
    dist = backend.run(problem, asked)
    with backend.on_device_of(problem.X), backend.quiet():
        return formulas.of_root(backend.xp, dist, values)


def _squared(of: object) -> bool:
    """Tell whether `of` selects D (True) or its square root (False)."""
    if of not in ("sqdist", "dist"):
        raise ValueError(f"of must be 'sqdist' or 'dist'; got {of!r}")
    return of == "sqdist"


def vjp(
    X: ArrayT,
    Y: ArrayProtocol | None = None,
    *,
    metric: Metric | None = None,
    cotangent: ArrayProtocol,
    wrt: Wrt | Sequence[Wrt] | None = None,
    pairs: PairIndices | None = None,
    of: Quantity = "sqdist",
) -> Gradient[ArrayT]:
    """Pull a cotangent ``G = dphi/dD`` back to the metric and to the points.

    Parameters
    ----------
    X, Y, metric, pairs
        As in `sqdist`.
    cotangent : array (n, m) or (p,)
        G. Without Y, its diagonal is ignored. Where points coincide (D is 0), an entry that is not
        finite counts as 0.
    wrt : {"metric", "X", "Y"} or tuple of them, optional
        What to differentiate with respect to; the metric if one is given, else X.
    of : {"sqdist", "dist"}
        The function whose cotangent is given: D, or its square root, whose derivative counts as 0
        where the distance is 0.

    Returns
    -------
    Gradient
        ``metric``, ``X`` and ``Y``; None for those not in `wrt`. Without Y, ``X`` is the gradient
        with respect to X as both arguments.

    Raises
    ------
    TypeError, ValueError
        As in `sqdist` (`dist`); ValueError where `wrt` names an argument that is not given, or the
        cotangent is not finite where D is not 0.

    Notes
    -----
    With the Laplacian product L: ``dphi/dM = W^T (L W)``, ``dphi/dA = 2 (L Z)^T W``, ``dphi/dw`` =
    column sums of ``W * (L W)``, ``dphi/dS = -S^-1 (W^T L W) S^-1``, ``dphi/dX = 2 (L W) Ms``.
    Rounding errors are relative to ``sum |G_ij| (|x_i|^2 + |y_j|^2)`` after centring. For
    ``of="dist"``, D is computed tile by tile, and pairs that are much closer to each other than
    the points are spread enter by their differences.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X = np.array([[0.0, 0.0], [1.0, 2.0]])
    >>> mc.vjp(X, metric=mc.Full(np.eye(2)), cotangent=np.ones((2, 2))).metric
    array([[2., 4.],
           [4., 8.]])
    """
    if is_batch(X, Y, metric):

        def member(X: Array, Y: Array | None, metric: Metric | None, cotangent: Array) -> Gradient:
            return vjp(X, Y, metric=metric, cotangent=cotangent, wrt=wrt, of=of)

        alone = given(pairs=pairs)
        return over_members(member, X, Y, metric, alone=alone, cotangent=(cotangent, 2))
    call = prepare(X, Y, metric)
    names, squared = wanted(wrt, call), _squared(of)
    problem = call.problem
    if pairs is not None:
        listed = call.pairs(pairs)
        shape = tuple(listed.i.shape)
        G = call.operand(cotangent, "cotangent", shape, "one number per pair")
        G = G if squared else _of_root(call, G, listed)
        return call.backend.run(problem, PairPullback(G, names, listed))
    G = call.operand(cotangent, "cotangent", (problem.n, problem.m), "the shape of D")
    pullback = Pullback if squared else RootPullback
    return call.backend.run(problem, pullback(G, names))


def _needed(metric: Metric | None) -> Metric:
    if metric is None:
        raise ValueError("metric=None has no parameter to differentiate by; pass a metric")
    return metric


def checked_tangents(
    call: Call, metric_tangent: Array | None, X_tangent: Array | None, Y_tangent: Array | None
) -> Tangents:
    """Return directions of the metric's parameter and of the points, checked; at least one."""
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

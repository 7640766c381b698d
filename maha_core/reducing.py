"""Reductions of the rows of D, and their pullback, streamed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from maha_core.batches import is_batch, over_members
from maha_core.call import Call, prepare, wanted
from maha_core.objective import point_data
from maha_core.problem import ReductionGradient
from maha_core.reductions import Reduction
from maha_core.sweeps.objective import Objective
from maha_core.sweeps.objectives import Reduced
from maha_core.sweeps.reduction_derivatives import ReducedPullback
from maha_core.sweeps.terms import reduction_terms

if TYPE_CHECKING:
    from maha_core.array_types import ArrayProtocol, ArrayT, ReductionWrt
    from maha_core.metrics import Metric

Array = Any


def reduce(
    reduction: Reduction,
    X: ArrayT,
    Y: ArrayProtocol | None = None,
    *,
    metric: Metric | None = None,
    self_pairs: bool = True,
) -> ArrayT:
    """Return a reduction of every row of D, such as a sum, without storing D.

    Parameters
    ----------
    reduction : Reduction
        One of `maha_core.reductions`.
    X, Y, metric
        As in `sqdist`.
    self_pairs : bool
        Whether the pair of a point with itself counts where there is no Y.

    Returns
    -------
    array (n,) or (n, w)
        The reduction of each row, of X's library, device and dtype; ``(n, w)`` for values
        ``(m, w)``.

    Raises
    ------
    TypeError, ValueError
        As in `sqdist`; also where the reduction's arrays do not fit, or its functions cannot be
        traced.

    Notes
    -----
    Time O(n m k) for a metric of k rows, memory O((n + m)(d + w)) and a few tiles per thread.

    Examples
    --------
    Kernel regression, and a sum of kernels:

    >>> import numpy as np, maha_core as mc
    >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 2.0])
    >>> mc.reduce(mc.reductions.SoftmaxMean(y), X, self_pairs=False).round(4)
    array([1.0474, 1.    , 0.9526])
    >>> mc.reduce(mc.reductions.Sum(mc.kernels.Gaussian()), X).round(4)
    array([1.7419, 2.2131, 1.7419])
    """
    _check_reduction(reduction)
    if is_batch(X, Y, metric):

        def member(X: Array, Y: Array | None, metric: Metric | None) -> Array:
            return reduce(reduction, X, Y, metric=metric, self_pairs=self_pairs)

        return over_members(member, X, Y, metric)
    call = prepare(X, Y, metric)
    objective = _objective(reduction, call, self_pairs)
    found = call.backend.run(call.problem, Reduced(objective))
    return found if _are_vectors(reduction) else found[:, 0]


def reduce_vjp(
    reduction: Reduction,
    X: ArrayT,
    Y: ArrayProtocol | None = None,
    *,
    metric: Metric | None = None,
    self_pairs: bool = True,
    cotangent: ArrayProtocol,
    wrt: ReductionWrt | Sequence[ReductionWrt] | None = None,
) -> ReductionGradient[ArrayT]:
    """Return the gradient of ``sum_i g_i^T s_i`` for the reduction s of every row.

    Parameters
    ----------
    reduction, X, Y, metric, self_pairs
        As in `reduce`.
    cotangent : array (n,) or (n, w)
        g, of the shape of `reduce`'s result.
    wrt : {"metric", "X", "Y", "values"} or tuple of them, optional
        What to differentiate with respect to; the metric if one is given, else X.

    Returns
    -------
    gradient : ReductionGradient
        ``metric``, ``X``, ``Y`` and ``values``; None for those not in `wrt`.

    Raises
    ------
    TypeError, ValueError
        As in `reduce`; ValueError where `wrt` names an argument that is not given.

    Notes
    -----
    Between coincident points a cotangent of D that is not finite counts as 0, because the first
    derivative of D is 0 there.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X, y = np.array([[0.0], [1.0]]), np.array([0.0, 1.0])
    >>> mean = mc.reductions.SoftmaxMean(y)
    >>> gradient = mc.reduce_vjp(mean, X, cotangent=np.array([1.0, 0.0]), wrt=("X", "values"))
    >>> gradient.values.round(4)
    array([0.7311, 0.2689])
    """
    _check_reduction(reduction)
    if is_batch(X, Y, metric):

        def member(
            X: Array, Y: Array | None, metric: Metric | None, cotangent: Array
        ) -> ReductionGradient:
            return reduce_vjp(
                reduction,
                X,
                Y,
                metric=metric,
                self_pairs=self_pairs,
                cotangent=cotangent,
                wrt=wrt,
            )

        axes = 2 if _are_vectors(reduction) else 1
        return over_members(member, X, Y, metric, cotangent=(cotangent, axes))
    call = prepare(X, Y, metric)
    names = wanted(wrt, call, _values_of(reduction))
    width = reduction.values.shape[1:] if _are_vectors(reduction) else ()
    shape = (call.problem.n, *width)
    why = f"X with {call.problem.n} points"
    given = call.finite_operand(cotangent, "cotangent", shape, why)
    objective = _objective(reduction, call, self_pairs)
    gradient = call.backend.run(call.problem, ReducedPullback(objective, given, names))
    if gradient.values is None or _are_vectors(reduction):
        return gradient
    return gradient._replace(values=gradient.values[:, 0])


def _objective(reduction: Reduction, call: Call, self_pairs: bool) -> Objective:
    with call.backend.on_device_of(call.problem.X):
        data = reduction.point_data()
        rows, columns = point_data(data, call, type(reduction).__name__)
    return Objective(reduction_terms(reduction, data), rows, columns, self_pairs=bool(self_pairs))


def _check_reduction(reduction: object) -> None:
    if not isinstance(reduction, Reduction):
        raise TypeError(
            f"reduction must be one of maha_core.reductions; got {reduction!r:.80}: write e.g. "
            "maha_core.reductions.Sum(maha_core.kernels.Gaussian())"
        )


def _values_of(reduction: Reduction) -> bool:
    """Tell whether a reduction has values that are an array."""
    return reduction.values is not None and not callable(reduction.values)


def _are_vectors(reduction: Reduction) -> bool:
    return _values_of(reduction) and getattr(reduction.values, "ndim", 1) == 2

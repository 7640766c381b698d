"""Products of a loss's Hessian with a direction, streamed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from maha_core.batches import is_batch, over_members
from maha_core.call import prepare, wanted
from maha_core.gradient import checked_tangents
from maha_core.objective import check_loss, objective_of
from maha_core.problem import Gradient
from maha_core.sweeps.hessian_products import HessianProduct

if TYPE_CHECKING:
    from maha_core.array_types import ArrayProtocol, ArrayT, Wrt
    from maha_core.losses import Loss
    from maha_core.metrics import Metric

Array = Any


def hvp(
    loss: Loss,
    X: ArrayT,
    Y: ArrayProtocol | None = None,
    *,
    metric: Metric | None = None,
    metric_tangent: ArrayProtocol | None = None,
    X_tangent: ArrayProtocol | None = None,
    Y_tangent: ArrayProtocol | None = None,
    wrt: Wrt | Sequence[Wrt] | None = None,
) -> Gradient[ArrayT]:
    """Return a loss's Hessian times a direction, without storing D or the Hessian.

    Parameters
    ----------
    loss, X, Y, metric
        As in `value_and_grad`.
    metric_tangent : array, optional
        A direction of the metric's parameter, of the same shape.
    X_tangent : array (n, d), optional
        A direction of X; without Y, both points of a pair move along it.
    Y_tangent : array (m, d), optional
        A direction of Y.
    wrt : {"metric", "X", "Y"} or tuple of them, optional
        The gradient to differentiate; the metric's if one is given, else X's.

    Returns
    -------
    Gradient
        ``metric``, ``X`` and ``Y``: the derivative of each gradient along all directions given;
        None for those not in `wrt`.

    Raises
    ------
    TypeError, ValueError
        As in `value_and_grad` and `jvp`; TypeError for a loss whose functions cannot be traced, as
        their second derivatives are not known.

    Notes
    -----
    With the cotangent G of D and its change dG, for ``M = A^T A``:
    ``d(dphi/dA) = 2 (L(dG) Z + L(G) Z_t)^T W + 2 (L(G) Z)^T W_t``. Where rows are long, it needs
    one sweep over D more than the gradient; the memory is the same. Between coincident points,
    values that are not finite count as 0.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X = np.array([[0.0], [1.0], [3.0]])
    >>> loss = mc.losses.Pairwise(lambda D: D**2, symmetric=True)
    >>> mc.hvp(loss, X, X_tangent=np.array([[1.0], [0.0], [0.0]])).X.ravel().tolist()
    [240.0, -24.0, -216.0]
    """
    check_loss(loss)
    if is_batch(X, Y, metric):

        def member(X: Array, Y: Array | None, metric: Metric | None, **tangents: Array) -> Gradient:
            return hvp(loss, X, Y, metric=metric, wrt=wrt, **tangents)

        return over_members(
            member,
            X,
            Y,
            metric,
            metric_tangent=(metric_tangent, 0 if metric is None else metric.ndim),
            X_tangent=(X_tangent, 2),
            Y_tangent=(Y_tangent, 2),
        )
    call = prepare(X, Y, metric)
    names = wanted(wrt, call)
    directions = checked_tangents(call, metric_tangent, X_tangent, Y_tangent)
    asked = HessianProduct(objective_of(loss, call), directions, names)
    return call.backend.run(call.problem, asked)

"""A loss of D and its gradient, streamed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from maha_core import validation
from maha_core.call import Call, prepare, wanted
from maha_core.losses.base import Loss, PointData
from maha_core.problem import Gradient, Objective, Pairs

if TYPE_CHECKING:
    from maha_core.metrics import Metric

Array = Any


def value_and_grad(
    loss: Loss,
    X: Array,
    Y: Array | None = None,
    *,
    metric: Metric | None = None,
    wrt: str | Sequence[str] | None = None,
) -> tuple[Array, Gradient]:
    """Return a loss of D and its gradient, without D ever existing as a whole.

    Parameters
    ----------
    loss : Loss
        One of `maha_core.losses`, or your own.
    X, Y, metric
        As in `sqdist`. Without Y self-pairs are left out; with Y they count.
    wrt : {"metric", "X", "Y"} or tuple of them, optional
        What to differentiate with respect to; the metric if one is given, else X.

    Returns
    -------
    value : array ()
        The loss, of X's library, device and dtype, accumulated in the device's widest float.
    gradient : Gradient
        ``metric``, ``X`` and ``Y``; None for what was not asked for.

    Raises
    ------
    TypeError, ValueError
        As in `sqdist`; ValueError where the loss's data do not fit or a row has no partner.

    Notes
    -----
    Time O(n m k) for a metric of k rows, memory O((n + m)(d + k)) and a few tiles per thread.
    Pairs that the guard recomputed enter the gradient from their raw differences.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 2.0])
    >>> value, gradient = mc.value_and_grad(mc.losses.MLKR(y), X, metric=mc.Factor(np.eye(1)))
    >>> gradient.metric.shape
    (1, 1)
    """
    if not isinstance(loss, Loss):
        raise TypeError(
            f"loss must be a maha_core.losses.Loss; got {type(loss).__name__}: wrap a function of "
            "D as maha_core.losses.Pairwise(f)"
        )
    call = prepare(X, Y, metric)
    names = wanted(wrt, call)
    _check_sides(loss, call)
    with call.backend.on_device_of(call.problem.X):
        row_data, column_data = _point_data(loss, call)
        objective = Objective(loss, row_data, column_data, _listed(loss, call))
    return call.backend.value_and_grad(call.problem, objective, names)


def _check_sides(loss: Loss, call: Call) -> None:
    """Raise where the loss has no meaning for these points."""
    problem, name = call.problem, type(loss).__name__
    if loss.self_only and problem.Y is not None:
        raise ValueError(f"{name} is about the points of X among themselves; leave Y out")
    if loss.row_wise:
        check_partners(name, problem.n, None if problem.Y is None else problem.m)


def check_partners(loss_name: str, n: int, m: int | None) -> None:
    """Raise ValueError where rows have no other point; m is None without Y, sizes may be NaN."""
    partners = n - 1 if m is None else m
    if n and partners < 1:
        side = "X has one point" if m is None else "Y has no points"
        raise ValueError(f"{loss_name}: a row of X has no partner: {side}")


def _point_data(loss: Loss, call: Call) -> tuple[dict[str, Array], dict[str, Array]]:
    rows, columns = {}, {}
    for data in loss.point_data():
        own, others = _both_sides(loss, data, call)
        if data.translatable and call.problem.n:
            mean = call.backend.mean(own, data.name, call.problem.options)
            own, others = own - mean, None if others is None else others - mean
        rows[data.name] = own
        if others is not None:
            columns[data.name] = others
    return rows, columns


def _both_sides(loss: Loss, data: PointData, call: Call) -> tuple[Array, Array | None]:
    """Return the numbers of X's points, and those of the points that the columns stand for."""
    problem, name = call.problem, data.columns_name or data.name
    own = _numbers(call, data, data.rows, data.name, problem.n, "X")
    if problem.Y is None:
        if data.columns is not None:
            raise ValueError(f"{name} is given, and there is no Y")
        return own, own
    if data.columns is not None:
        return own, _numbers(call, data, data.columns, name, problem.m, "Y")
    if data.columns_name is not None:
        raise ValueError(
            f"{type(loss).__name__} needs {name}, the {data.name} of Y's points; "
            f"pass {type(loss).__name__}(..., {name}=...)"
        )
    return own, None


def _numbers(
    call: Call, data: PointData, value: Array, argument: str, size: int, side: str
) -> Array:
    why = f"{side} with {size} points"
    if data.kind == "real":
        return call.finite_operand(value, argument, (size,), why)
    array = validation.whole_numbers(call.backend, value, argument, call.problem.X)
    validation.check_shape(array, (size,), argument, why)
    return array


def _listed(loss: Loss, call: Call) -> Pairs | None:
    given = loss.pairs(call.problem.n)
    if given is None:
        return None
    listed = call.pairs(given)
    call.backend.check_ascending(listed.i, f"{type(loss).__name__}.pairs")
    return listed

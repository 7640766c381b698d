"""A loss of D and its gradient, streamed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isnan
from typing import TYPE_CHECKING, Any

from maha_core import checks, validation
from maha_core.arrays import device_of, namespace
from maha_core.batches import is_batch, over_members
from maha_core.call import Call, prepare, wanted
from maha_core.losses.base import Loss
from maha_core.problem import Gradient
from maha_core.reductions import PointData
from maha_core.sweeps.objective import Objective
from maha_core.sweeps.objectives import Value, ValueAndGrad
from maha_core.sweeps.pair_term import ListedItems
from maha_core.sweeps.terms import terms_of

if TYPE_CHECKING:
    from maha_core.array_types import ArrayProtocol, ArrayT, Wrt
    from maha_core.metrics import Metric

Array = Any


def value_and_grad(
    loss: Loss,
    X: ArrayT,
    Y: ArrayProtocol | None = None,
    *,
    metric: Metric | None = None,
    wrt: Wrt | Sequence[Wrt] | None = None,
) -> tuple[ArrayT, Gradient[ArrayT]]:
    """Return a loss of D and its gradient, without storing D.

    Parameters
    ----------
    loss : Loss
        One of `maha_core.losses`, or your own.
    X, Y, metric
        As in `sqdist`. Without Y, the pairs of a point with itself are left out.
    wrt : {"metric", "X", "Y"} or tuple of them, optional
        What to differentiate with respect to; the metric if one is given, else X.

    Returns
    -------
    value : array ()
        The loss, of X's library, device and dtype, accumulated in the device's widest float.
    gradient : Gradient
        ``metric``, ``X`` and ``Y``; None for those not in `wrt`.

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
    check_loss(loss)
    if is_batch(X, Y, metric):

        def member(X: Array, Y: Array | None, metric: Metric | None) -> tuple[Array, Gradient]:
            return value_and_grad(loss, X, Y, metric=metric, wrt=wrt)

        return over_members(member, X, Y, metric)
    call = prepare(X, Y, metric)
    names = wanted(wrt, call)
    return evaluated(loss, objective_of(loss, call), call, names)


def evaluated(
    loss: Loss, objective: Objective, call: Call, names: frozenset[str]
) -> tuple[Array, Gradient]:
    """Return the result of `value_and_grad` from a loss's objective, as `objective_of` returns it.

    The objective depends on the points, not on the metric: a fit makes it once.
    """
    if "X" not in names:  # a gradient of X has all rows
        objective = replace(objective, weighted_rows=loss.weighted_rows)
    found, gradient = call.backend.run(call.problem, ValueAndGrad(objective, names))
    return found, gradient.of_metric_and_points


def value(
    loss: Loss, X: ArrayT, Y: ArrayProtocol | None = None, *, metric: Metric | None = None
) -> ArrayT:
    """Return a loss of D alone, in one sweep.

    Parameters
    ----------
    loss, X, Y, metric
        As in `value_and_grad`.

    Returns
    -------
    value : array ()
        The loss, of X's library, device and dtype, accumulated in the device's widest float.

    Raises
    ------
    TypeError, ValueError
        As in `value_and_grad`.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 2.0])
    >>> round(float(mc.value(mc.losses.MLKR(y), X)), 4)
    2.1942
    """
    check_loss(loss)
    if is_batch(X, Y, metric):

        def member(X: Array, Y: Array | None, metric: Metric | None) -> Array:
            return value(loss, X, Y, metric=metric)

        return over_members(member, X, Y, metric)
    call = prepare(X, Y, metric)
    objective = replace(objective_of(loss, call), weighted_rows=loss.weighted_rows)
    return call.backend.run(call.problem, Value(objective))


def objective_of(loss: Loss, call: Call) -> Objective:
    """Return a loss, traced, with its data checked for the points of a call."""
    problem, data, name = call.problem, loss.weighted_data(), type(loss).__name__
    if loss.self_only and problem.Y is not None:
        raise ValueError(f"{name} is about the points of X among themselves; leave Y out")
    with call.backend.on_device_of(problem.X):
        items = listed_items(loss, call)
        terms = terms_of(loss, data, items)
        if terms.row_wise:
            check_partners(name, problem.n, None if problem.Y is None else problem.m)
        rows, columns = point_data(data, call, name)
    found = Objective(terms, rows, columns, needs_partners=terms.row_wise)
    if items is None:
        return found
    each = items.each if items.of_all_rows else None
    return replace(found, listed=items.pairs, each=each)


def check_loss(loss: object) -> None:
    """Raise TypeError for a value that is not a loss."""
    if not isinstance(loss, Loss):
        raise TypeError(
            f"loss must be a maha_core.losses.Loss; got {type(loss).__name__}: wrap a function of "
            "D as maha_core.losses.Pairwise(f)"
        )


def check_partners(loss_name: str, n: int, m: int | None) -> None:
    """Raise ValueError where rows have no other point; m is None without Y, sizes may be NaN."""
    partners = n - 1 if m is None else m
    if n and partners < 1:
        side = "X has one point" if m is None else "Y has no points"
        raise ValueError(f"{loss_name}: a row of X has no partner: {side}")


def listed_items(loss: Loss, call: Call) -> ListedItems | None:
    """Return a loss's listed pairs, checked; None where it has none."""
    given = loss.pairs(call.problem.n)
    if given is None:
        return None
    i, j = given
    each = 1 if j.ndim == 1 else int(j.shape[1])
    xp = namespace(j)
    if isnan(j.shape[0]):
        raise ValueError(
            f"{type(loss).__name__} lists pairs in chunks of unknown size; write "
            "compute_chunk_sizes() on their array first"
        )
    every = xp.arange(j.shape[0], dtype=j.dtype, device=device_of(j))
    rows = flat = every if i is None else i
    if j.ndim == 2:
        flat, j = (xp.reshape(x, (-1,)) for x in (rows[:, None] + xp.zeros_like(j), j))
    pairs = call.pairs((flat, j))
    checks.ascending(call.backend, pairs.i, f"{type(loss).__name__}.pairs")
    return ListedItems(pairs, rows, each, i is None)


def point_data(
    given: tuple[PointData, ...], call: Call, owner: str
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return the numbers of X's points, and of the columns' points, checked."""
    rows, columns = {}, {}
    for data in given:
        own, others = _both_sides(data, call, owner)
        if data.translatable and call.problem.n:
            mean = call.backend.mean(own, data.name, call.problem.options)
            own, others = own - mean, None if others is None else others - mean
        if own is not None:
            rows[data.name] = own
        if others is not None:
            columns[data.name] = others
    return rows, columns


def _both_sides(data: PointData, call: Call, owner: str) -> tuple[Array | None, Array | None]:
    """Return the numbers of X's points, and those of the columns' points (Y's, or X's again)."""
    problem, name = call.problem, data.columns_name or data.name
    if data.rows is None:
        side = "X" if problem.Y is None else "Y"
        return None, _numbers(call, data, data.columns, name, problem.m, side)
    own = _numbers(call, data, data.rows, data.name, problem.n, "X")
    if problem.Y is None:
        if data.columns is not None:
            raise ValueError(f"{name} is given, and there is no Y")
        return own, own
    if data.columns is not None:
        others = _numbers(call, data, data.columns, name, problem.m, "Y")
        if own.shape[1:] != others.shape[1:]:
            raise ValueError(
                f"{data.name} has shape {tuple(own.shape)} and {name} {tuple(others.shape)}; "
                "numbers, or vectors of one length, are compared"
            )
        return own, others
    if data.columns_name is not None:
        raise ValueError(
            f"{owner} needs {name}, the {data.name} of Y's points; pass {owner}(..., {name}=...)"
        )
    return own, None


def _numbers(
    call: Call, data: PointData, value: Array, argument: str, size: int, side: str
) -> Array:
    why = f"{side} with {size} points"
    if data.kind == "real":
        shape: tuple[int, ...] = (size,)
        if data.vectors and getattr(value, "ndim", 1) == 2:
            shape = (size, value.shape[1])
        return call.finite_operand(value, argument, shape, why)
    array = validation.whole_numbers(call.backend, value, argument, call.problem.X)
    validation.check_shape(array, (size,), argument, why)
    return array

"""The shares of a pair of chunks in a value and its gradient, and their sums."""

from __future__ import annotations

from functools import reduce
from typing import Any, NamedTuple

from maha_core.arrays import device_of
from maha_core.dispatch import backend_of
from maha_core.formulas import plus
from maha_core.problem import Gradient
from maha_dask.tasks.isolation import task

Array = Any


class Totals(NamedTuple):
    """The value and the gradient of the metric's parameter, in the widest float."""

    value: Array | None
    metric: Array | None


class Share(NamedTuple):
    """The share of one pair of chunks: in the totals, and in its rows, columns and values."""

    totals: Totals
    rows: Array | None = None
    columns: Array | None = None
    values: Array | None = None
    listed: Array | None = None


def share(value: Array | None, gradient: Gradient, factor: float = 1.0) -> Share:
    """Return a pair's share, times the number of pairs that it counts for."""
    totals = Totals(_wide(value, factor), _wide(gradient.metric, factor))
    return Share(totals, times(gradient.X, factor), times(gradient.Y, factor))


def _wide(array: Array | None, factor: float) -> Array | None:
    return None if array is None else times(backend_of(array, "X").widen(array), factor)


def times(array: Array | None, factor: float) -> Array | None:
    """Return an array of a pair's share, times the number of pairs that it counts for."""
    return array if array is None or factor == 1.0 else factor * array


@task
def together(own: Share, of_listed: Share) -> Share:
    """Return a pair's share with that of its listed pairs."""
    totals = Totals(own.totals.value, plus(own.totals.metric, of_listed.totals.metric))
    rows, columns = plus(own.rows, of_listed.rows), plus(own.columns, of_listed.columns)
    return Share(totals, rows, columns)


@task
def of_listed(whole: Share) -> Array | None:
    """Return the cotangents of the listed pairs from a pair's tiles."""
    return whole.listed


@task
def totals_of(parts: list[Share]) -> Totals:
    """Return the sum of the totals in the order given."""
    return reduce(_plus, (part.totals for part in parts))


@task
def sum_of_totals(parts: list[Totals]) -> Totals:
    """Return the sum in the order given."""
    return reduce(_plus, parts)


def _plus(a: Totals, b: Totals) -> Totals:
    return Totals(plus(a.value, b.value), plus(a.metric, b.metric))


@task
def added(before: Array | None, whole: Share, field: str) -> Array | None:
    """Return a sum of gradients of the same points or values, with that of one more pair."""
    return plus(before, getattr(whole, field))


@task
def or_zeros(found: Array | None, points: Array, width: int) -> Array:
    """Return the gradient ``(r, w)`` of a chunk of points or values, 0 if no pair contributes."""
    if found is not None:
        return found
    shape = points.shape[0], width
    return backend_of(points, "X").xp.zeros(shape, dtype=points.dtype, device=device_of(points))


@task
def total(totals: Totals, field: str, dtype: Any) -> Array:
    """Return one total in X's dtype."""
    wide = getattr(totals, field)
    xp = backend_of(wide, "X").xp
    return xp.astype(xp.asarray(wide), dtype, copy=False)  # sums of 0-d arrays are numbers

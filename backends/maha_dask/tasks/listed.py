"""Tasks for listed pairs, each computed in its block of D."""

from __future__ import annotations

from typing import Any, NamedTuple

from maha_core.dispatch import backend_of
from maha_core.formulas import plus
from maha_core.problem import Pairs, Tangents
from maha_core.sweeps.hessian_products import PairHessianProduct
from maha_core.sweeps.pairs import PairPullback, PairPushforward, PairSqdist
from maha_core.tiles.tile import Listed
from maha_dask.tasks.isolation import task
from maha_dask.tasks.setting import Setting
from maha_dask.tasks.shares import Share, share

Array = Any


class RowPairs(NamedTuple):
    """The listed pairs of a chunk of rows: their positions in the list, and their points.

    ``i`` counts from the chunk's first row, ``j`` from the first of all columns.
    """

    position: Array
    i: Array
    j: Array


class Found(NamedTuple):
    """Numbers of some of a chunk's listed pairs, and their positions among all of them."""

    position: Array
    values: Array


@task
def of_rows(i: Array, j: Array, start: int, stop: int) -> RowPairs:
    """Return the listed pairs of rows ``start ... stop``."""
    xp = backend_of(i, "pairs").xp
    (position,) = xp.nonzero((i >= start) & (i < stop))
    return RowPairs(position, xp.take(i, position) - start, xp.take(j, position))


def _in_block(pairs: RowPairs, start: int, stop: int) -> tuple[Array, Pairs]:
    """Return which of a chunk's pairs are in a block of columns, and their points within it."""
    xp = backend_of(pairs.i, "pairs").xp
    (which,) = xp.nonzero((pairs.j >= start) & (pairs.j < stop))
    return which, Pairs(xp.take(pairs.i, which), xp.take(pairs.j, which) - start)


@task
def sqdist(
    setting: Setting, X: Array, Y: Array | None, pairs: RowPairs, start: int, stop: int
) -> Found:
    """Return D of the pairs in a block."""
    backend, problem = setting.within_memory(X, Y)
    which, own = _in_block(pairs, start, stop)
    return Found(which, backend.run(problem, PairSqdist(own)))


@task
def jvp(
    setting: Setting,
    X: Array,
    Y: Array | None,
    pairs: RowPairs,
    start: int,
    stop: int,
    dparameter: Array | None,
    dX: Array | None,
    dY: Array | None,
) -> Found:
    """Return dD of the pairs in a block."""
    backend, problem = setting.within_memory(X, Y)
    which, own = _in_block(pairs, start, stop)
    directions = Tangents(dparameter, dX, dY)
    return Found(which, backend.run(problem, PairPushforward(directions, own)))


@task
def pullback(
    setting: Setting,
    X: Array,
    Y: Array | None,
    pairs: RowPairs,
    start: int,
    stop: int,
    cotangent: Array,
    wrt: frozenset[str],
) -> Share:
    """Return the share of the pairs in a block, given a number for each pair of the rows."""
    backend, problem = setting.within_memory(X, Y)
    which, own = _in_block(pairs, start, stop)
    g = backend.xp.take(cotangent, which)
    return share(None, backend.run(problem, PairPullback(g, wrt, own)))


@task
def hessian_product(
    setting: Setting,
    X: Array,
    Y: Array | None,
    pairs: RowPairs,
    start: int,
    stop: int,
    both: Array,
    dparameter: Array | None,
    dX: Array | None,
    dY: Array | None,
    wrt: frozenset[str],
) -> Share:
    """Return the share of the pairs in a block, of their cotangents and the change ``(2, p)``."""
    backend, problem = setting.within_memory(X, Y)
    which, own = _in_block(pairs, start, stop)
    g, dg = (backend.xp.take(both[row, ...], which) for row in range(2))
    asked = PairHessianProduct(g, dg, Tangents(dparameter, dX, dY), wrt, own)
    return share(None, backend.run(problem, asked))


@task
def of_pairs(values: Array, pairs: RowPairs) -> Array:
    """Return the numbers of a chunk's pairs from those of all pairs."""
    return backend_of(values, "pairs").xp.take(values, pairs.position)


@task
def gathered(parts: list[Found]) -> Array:
    """Return the numbers of all of a chunk's pairs, in their order."""
    xp = backend_of(parts[0].values, "pairs").xp
    order = xp.argsort(xp.concat([part.position for part in parts]))
    return xp.take(xp.concat([part.values for part in parts]), order)


@task
def found(pairs: RowPairs, values: Array) -> Found:
    """Return a chunk's numbers with their positions in the whole list."""
    return Found(pairs.position, values)


@task
def listed(pairs: RowPairs, sqdist: Array, each: int | None) -> Listed:
    """Return the listed pairs of a chunk for its tiles."""
    return Listed(pairs.i, pairs.j, sqdist, each)


@task
def sum_of_cotangents(listed: Listed, parts: list[Array | None]) -> Array:
    """Return the derivative of all tiles with respect to a chunk's pairs, in order."""
    return _sum(backend_of(listed.sqdist, "pairs").xp.zeros_like(listed.sqdist), parts)


@task
def sum_of_seconds(listed: Listed, parts: list[Array | None]) -> Array:
    """Return the same with its change along a direction ``(2, p)``."""
    xp = backend_of(listed.sqdist, "pairs").xp
    return _sum(xp.zeros_like(xp.stack([listed.sqdist, listed.sqdist])), parts)


def _sum(total: Array, parts: list[Array | None]) -> Array:
    for part in parts:
        total = plus(total, part)
    return total

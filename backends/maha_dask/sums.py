"""The value and the gradient: sums of the shares of all pairs of chunks, in a fixed order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import dask.array as da
from dask._task_spec import TaskRef

from maha_core.problem import Gradient
from maha_dask.arrays import meta
from maha_dask.graph import FAN_IN
from maha_dask.operation import Operation
from maha_dask.points import Side
from maha_dask.tasks import shares

Array = Any
Shares = Mapping[tuple[int, int], TaskRef]


def of_pair(wrt: frozenset[str], operation: Operation, row: int, column: int) -> frozenset[str]:
    """Return the arrays with respect to which a pair of chunks is differentiated.

    Without Y, the columns' points are also points of X.
    """
    meets_other = operation.Y is None and row != column
    return wrt | {"Y"} if "X" in wrt and meets_other else wrt


def value(operation: Operation, totals: TaskRef) -> da.Array:
    """Return the value as a 0-d array."""
    graph, X = operation.graph, operation.X.array
    graph.add("value", (), shares.total, totals, "value", X.dtype)
    return graph.array("value", (), meta(X, 0))


def totals(operation: Operation, parts: Shares) -> TaskRef:
    """Return the sum of all pairs' value and gradient of the metric."""
    graph, in_order = operation.graph, [parts[pair] for pair in sorted(parts)]
    groups = [
        graph.add("sum", (-1, at), shares.totals_of, in_order[at : at + FAN_IN])
        for at in range(0, len(in_order), FAN_IN)
    ]
    return graph.tree("sum", (), groups, shares.sum_of_totals)


def gradient(operation: Operation, parts: Shares, totals: TaskRef, wrt: frozenset[str]) -> Gradient:
    """Return the gradient of the sum of all shares."""
    return Gradient(
        metric=_metric(operation, totals) if "metric" in wrt else None,
        X=_of_points(operation, parts, "X") if "X" in wrt else None,
        Y=_of_points(operation, parts, "Y") if "Y" in wrt else None,
    )


def of_values(operation: Operation, parts: Shares, width: int) -> da.Array:
    """Return the gradient ``(m, w)`` of the columns' values, chunked as their points.

    Every pair contributes to the values of its columns.
    """
    picked = ((column, parts[row, column], "values") for row, column in sorted(parts))
    return _chunk_by_chunk(operation, operation.columns, "values", picked, width)


def _metric(operation: Operation, totals: TaskRef) -> da.Array:
    graph, X, problem = operation.graph, operation.X.array, operation.problem
    assert problem.metric is not None
    shape = tuple(problem.metric.parameter.shape)
    graph.add("gradient", (0,) * len(shape), shares.total, totals, "metric", X.dtype)
    return graph.array("gradient", tuple((extent,) for extent in shape), meta(X, len(shape)))


def _of_points(operation: Operation, parts: Shares, which: str) -> da.Array:
    """Return the gradient of X or Y."""
    side = operation.X if which == "X" else operation.columns
    picked = _picked(operation, parts, which)
    return _chunk_by_chunk(operation, side, which, picked, side.array.shape[1])


def _chunk_by_chunk(
    operation: Operation,
    side: Side,
    which: str,
    picked: Iterable[tuple[int, TaskRef, str]],
    width: int,
) -> da.Array:
    """Return a gradient ``(n, width)``, chunk by chunk, as running sums over pairs.

    A running sum holds one chunk; a tree would hold one for every branch.
    """
    graph, kind = operation.graph, f"gradient-{which}"
    sums: dict[int, TaskRef] = {}
    for step, (block, whole, field) in enumerate(picked):
        index = (block, step)
        sums[block] = graph.add(f"sum-{which}", index, shares.added, sums.get(block), whole, field)
    for block in side.blocks:
        graph.add(kind, (block, 0), shares.or_zeros, sums.get(block), side.chunks[block], width)
    return graph.array(kind, (side.sizes, (width,)), meta(side.array, 2))


def _picked(operation: Operation, parts: Shares, which: str) -> Iterator[tuple[int, TaskRef, str]]:
    """Yield the block of X or Y and the share of each pair, in the order of the pairs."""
    for row, column in sorted(parts):
        if which == "X":
            yield row, parts[row, column], "rows"
        if which == "Y" or (operation.Y is None and row != column):
            yield column, parts[row, column], "columns"

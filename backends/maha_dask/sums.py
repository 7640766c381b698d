"""The value and the gradient from the shares of all chunk pairs, in a tree fixed by their index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dask.array as da
from dask._task_spec import TaskRef

from maha_core.problem import Gradient
from maha_dask.arrays import meta
from maha_dask.operation import Operation
from maha_dask.tasks import shares

Array = Any
Shares = Mapping[tuple[int, int], TaskRef]


def of_pair(wrt: frozenset[str], operation: Operation, row: int, column: int) -> frozenset[str]:
    """Return what a chunk pair is to be differentiated with respect to.

    Where chunks of X meet each other, the columns' points are X's, too.
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
    graph = operation.graph
    small = [
        graph.add("part", (*index, 0), shares.part, parts[index], "totals")
        for index in sorted(parts)
    ]
    return graph.tree("sum", (), small, shares.sum_of_totals)


def gradient(operation: Operation, parts: Shares, totals: TaskRef, wrt: frozenset[str]) -> Gradient:
    """Return the gradient of the sum of all shares."""
    return Gradient(
        metric=_metric(operation, totals) if "metric" in wrt else None,
        X=_of_points(operation, parts, "X") if "X" in wrt else None,
        Y=_of_points(operation, parts, "Y") if "Y" in wrt else None,
    )


def _metric(operation: Operation, totals: TaskRef) -> da.Array:
    graph, X, problem = operation.graph, operation.X.array, operation.problem
    assert problem.metric is not None
    shape = tuple(problem.metric.parameter.shape)
    graph.add("gradient", (0,) * len(shape), shares.total, totals, "metric", X.dtype)
    return graph.array("gradient", tuple((extent,) for extent in shape), meta(X, len(shape)))


def _of_points(operation: Operation, parts: Shares, which: str) -> da.Array:
    """Return the gradient of X or Y, chunk by chunk."""
    graph = operation.graph
    side = operation.X if which == "X" else operation.columns
    picked = _picked(operation, parts, which)
    kind = f"gradient-{which}"
    for block in side.blocks:
        own = picked.get(block)
        found = graph.tree(f"sum-{which}", (block,), own, shares.sum_of_points) if own else None
        graph.add(kind, (block, 0), shares.or_zeros, found, side.chunks[block])
    return graph.array(kind, (side.sizes, (side.array.shape[1],)), meta(side.array, 2))


def _picked(operation: Operation, parts: Shares, which: str) -> dict[int, list[TaskRef]]:
    """Return the parts of the gradient of every block of X or Y, in the order of the pairs."""
    graph, picked = operation.graph, dict[int, list[TaskRef]]()
    for row, column in sorted(parts):
        whole = parts[row, column]
        if which == "X":
            rows = graph.add("part", (row, column, 1), shares.part, whole, "rows")
            picked.setdefault(row, []).append(rows)
        if which == "Y" or (operation.Y is None and row != column):
            columns = graph.add("part", (row, column, 2), shares.part, whole, "columns")
            picked.setdefault(column, []).append(columns)
    return picked

"""The pullback of a cotangent with the chunks of D."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dask.array as da
from dask._task_spec import TaskRef

from maha_core.problem import Gradient
from maha_dask import sums
from maha_dask.operation import Operation
from maha_dask.points import chunked_like

Array = Any


def vjp(
    op: Operation, task: Callable[..., Any], cotangent: da.Array, wrt: frozenset[str]
) -> Gradient:
    """Return the gradient of ``sum_ij G_ij D_ij``, or of G times another function of D."""
    G = chunked_like(cotangent, op.X, op.columns)
    parts = {
        (row, column): _share(op, task, G, wrt, row, column)
        for row in op.X.worth_visiting
        for column in op.columns.worth_visiting
        if op.Y is not None or column >= row
    }
    return sums.gradient(op, parts, sums.totals(op, parts), wrt)


def _share(
    op: Operation,
    task: Callable[..., Any],
    G: da.Array,
    wrt: frozenset[str],
    row: int,
    column: int,
) -> TaskRef:
    """Return a block's share; without Y, including that of its mirror image."""
    folded = op.Y is None and row != column
    return op.graph.add(
        "pullback",
        (row, column),
        task,
        op.setting,
        *op.pair(row, column),
        op.graph.chunk(G, row, column),
        op.graph.chunk(G, column, row) if folded else None,
        sums.of_pair(wrt, op, row, column),
    )

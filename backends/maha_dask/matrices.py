"""D and what has its shape, block by block; without Y those below the diagonal are mirrored."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import dask.array as da
from dask._task_spec import TaskRef

from maha_dask.arrays import meta
from maha_dask.operation import Operation
from maha_dask.tasks import matrices

Array = Any
ArgumentsOf = Callable[[int, int], tuple[object, ...]]


def nothing_more(row: int, column: int) -> tuple[object, ...]:
    """Return the further arguments of a task that needs none."""
    return ()


def matrix(
    operation: Operation,
    kind: str,
    function: Callable[..., Array],
    more: ArgumentsOf = nothing_more,
    shape: tuple[int, ...] = (),
) -> da.Array:
    """Return the array ``(n, m) + shape`` of ``function(setting, X, Y, *more)`` of every block."""
    graph, trailing = operation.graph, (0,) * len(shape)
    for row in operation.X.blocks:
        for column in operation.columns.blocks:
            index = (row, column, *trailing)
            if operation.Y is None and column < row:
                other = TaskRef((graph.name(kind), column, row, *trailing))
                graph.add(kind, index, matrices.mirror, other)
            else:
                pair = operation.pair(row, column)
                graph.add(kind, index, function, operation.setting, *pair, *more(row, column))
    chunks = (operation.X.sizes, operation.columns.sizes, *((extent,) for extent in shape))
    return graph.array(kind, chunks, meta(operation.X.array, len(chunks)))


def blockwise_root(operation: Operation, D: da.Array) -> da.Array:
    """Return the square root of D, whose chunks stay as they are."""
    graph = operation.graph
    for index in product(*(range(count) for count in D.numblocks)):
        graph.add("dist", index, matrices.root, operation.setting, graph.chunk(D, *index))
    return graph.array("dist", D.chunks, D._meta)

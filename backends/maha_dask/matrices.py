"""D and matrices of its shape, by blocks; without Y blocks below the diagonal are mirrored."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import TYPE_CHECKING, Any

import dask.array as da
from dask._task_spec import TaskRef
from dask.base import tokenize

from maha_dask.arrays import meta
from maha_dask.graph import Graph
from maha_dask.operation import Operation
from maha_dask.tasks import matrices

if TYPE_CHECKING:
    from maha_core.expressions import Expression
    from maha_core.options import Options

Array = Any
ArgumentsOf = Callable[[int, int], tuple[object, ...]]


def nothing_more(row: int, column: int) -> tuple[object, ...]:
    """Return no further arguments of a task."""
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
    """Return the square root of D, with the same chunks."""
    return _blockwise(operation.graph, "dist", D, matrices.root, operation.setting)


def entrywise(expression: Expression, D: da.Array, options: Options) -> da.Array:
    """Return an expression of squared distances, with the same chunks."""
    graph = Graph(tokenize(D.name, expression, options))
    return _blockwise(graph, "kernel", D, matrices.entrywise, expression, options)


def _blockwise(
    graph: Graph, kind: str, D: da.Array, function: Callable[..., Array], *given: object
) -> da.Array:
    """Return the array of ``function(*given, chunk)`` of every chunk."""
    for index in product(*(range(count) for count in D.numblocks)):
        graph.add(kind, index, function, *given, graph.chunk(D, *index))
    return graph.array(kind, D.chunks, D._meta)

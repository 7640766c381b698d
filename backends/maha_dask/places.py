"""Where blocks of D lie in the whole of it, also where that is only known at compute."""

from __future__ import annotations

from math import isnan

from dask._task_spec import TaskRef

from maha_dask.operation import Operation
from maha_dask.points import Side
from maha_dask.tasks import places
from maha_dask.tasks.block_loss import Place


def place(op: Operation, row: int, column: int) -> Place | TaskRef:
    """Return the place of a block of D, or the task that finds it."""
    first = op.columns.worth_visiting[0]
    start = op.X.starts[row], op.columns.starts[column]
    unknown = any(isnan(size) for size in (*op.X.sizes, *op.columns.sizes))
    if not unknown:
        return Place(int(start[0]), int(start[1]), column == first)
    sizes = sizes_of(op, op.X), sizes_of(op, op.columns)
    return op.graph.add("place", (row, column), places.place, *sizes, row, column)


def sizes_of(op: Operation, side: Side) -> TaskRef:
    """Return the sizes of a side's chunks, which tasks must look at."""
    which = 0 if side is op.X else 1
    own = [
        op.graph.add("size", (which, block), places.size, side.chunks[block])
        for block in side.blocks
    ]
    return op.graph.add("sizes", (which,), places.sizes, own)

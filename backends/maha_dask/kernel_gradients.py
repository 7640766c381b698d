"""Gradients of sums of kernels: a running sum over the chunks of Y for each chunk of X."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dask.array as da
from dask._task_spec import TaskRef

from maha_dask.arrays import meta
from maha_dask.plan import streamed
from maha_dask.points import checked, chunked_like
from maha_dask.tasks import kernel_gradients as tasks

if TYPE_CHECKING:
    from maha_core.problem import Problem
    from maha_core.sweeps.kernel_gradients import KernelGradient


def kernel_gradient(problem: Problem, asked: KernelGradient) -> da.Array:
    """Return the gradient ``(n, c, d)``, chunked as X's rows."""
    width = asked.values.shape[1] * (problem.d + 1)
    op = streamed(problem, "kernel_gradient", asked.slope, asked.values.name, numbers=width)
    graph, check = op.graph, problem.options.check_finite
    values = checked(graph, chunked_like(asked.values, op.columns), "values", check)
    for row in op.X.blocks:
        total: TaskRef | None = None
        for column in op.columns.blocks:
            given = (op.setting, *op.pair(row, column), values[column], asked.slope)
            last = column == op.columns.blocks[-1]
            kind, index = ("gradient", (row, 0, 0)) if last else ("sum", (row, column))
            total = graph.add(kind, index, tasks.added, total, *given)
    chunks = (op.X.sizes, (asked.values.shape[1],), (problem.d,))
    return graph.array("gradient", chunks, meta(op.X.array, 3))

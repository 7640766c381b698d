"""The gradient of a sum of kernels at a chunk of points, added up over chunks of Y."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maha_core.formulas import plus
from maha_core.sweeps.kernel_gradients import KernelGradient
from maha_dask.tasks.fit import check_chunk
from maha_dask.tasks.isolation import task
from maha_dask.tasks.setting import Setting

if TYPE_CHECKING:
    from maha_core.expressions import Expression

Array = Any


@task
def added(
    before: Array | None,
    setting: Setting,
    X: Array,
    Y: Array,
    values: Array,
    slope: Expression,
) -> Array:
    """Return the gradient ``(r, c, d)`` with the part of one more chunk of Y."""
    backend, problem = setting.within_memory(X, Y)
    check_chunk(values, "values", (problem.m, values.shape[1]))
    return plus(before, backend.run(problem, KernelGradient(slope, values)))

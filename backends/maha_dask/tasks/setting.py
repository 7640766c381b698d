"""The metric and the options of an operation, computed once and sent once to every worker."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from maha_core import checks
from maha_core.dispatch import backend_of
from maha_core.metrics.euclidean import EuclideanForm
from maha_core.problem import Problem
from maha_dask.tasks import memory
from maha_dask.tasks.isolation import task

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.metrics import Metric
    from maha_core.metrics.form import Form
    from maha_core.options import Options

Array = Any


@dataclass(frozen=True, slots=True)
class Setting:
    """Data common to all tasks of an operation."""

    form: Form
    options: Options
    width: int

    def problem(self, X: Array, Y: Array | None) -> tuple[Backend, Problem]:
        """Return a pair of chunks as a problem, and the chunks' backend."""
        n, d = X.shape
        m = n if Y is None else Y.shape[0]
        problem = Problem(X, Y, None, self.form, self.options, n, m, d, self.width)
        return cast("Backend", backend_of(X, "X")), problem

    def direction_width(self, X: Array) -> int:
        """Return the numbers that a direction adds to a point: its own and its embedding."""
        return int(X.shape[1]) + self.width

    def within_memory(
        self,
        X: Array,
        Y: Array | None,
        *,
        blocks: int = 0,
        shape: tuple[int, ...] = (),
        numbers: int = 0,
    ) -> tuple[Backend, Problem]:
        """Return a pair as `problem` does; raise if it exceeds the worker's memory."""
        backend, problem = self.problem(X, Y)
        memory.refuse_beyond_worker(problem, blocks, shape, numbers)
        return backend, problem


@task
def metric(kind: type[Metric], parameter: Array, options: Options) -> Setting:
    """Return the setting of a metric, with its parameter checked and factorised."""
    backend = backend_of(parameter, kind.symbol)
    parameter = backend.canonical(parameter)
    options = replace(options, threads=1, progress=False)
    if options.check_finite:
        checks.finite(backend, parameter, kind(parameter).argument)
    return Setting(backend.form(kind(parameter), parameter, options), options, parameter.shape[0])


@task
def euclidean(like: Array, d: int, options: Options) -> Setting:
    """Return the setting without a metric, for chunks like an empty array."""
    backend = backend_of(like, "X")
    return Setting(EuclideanForm(backend.xp), replace(options, threads=1, progress=False), d)

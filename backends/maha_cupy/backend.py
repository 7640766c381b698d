"""The CuPy backend: our own kernels where writing D takes most time, else products by cuBLAS."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from maha_core.backend import Backend
from maha_core.checks import NotFiniteError
from maha_cupy.arrays import CupyLibrary
from maha_cupy.attempts import attempted
from maha_cupy.driver import total_memory
from maha_cupy.library import cp, xp
from maha_cupy.precision import products
from maha_cupy.status import Status
from maha_cupy.tile_kernels import CupyTileKernels

if TYPE_CHECKING:
    from maha_core.metrics import Metric
    from maha_core.metrics.form import Form
    from maha_core.operation import Operation
    from maha_core.options import Options
    from maha_core.problem import Problem

Array = Any
Result = TypeVar("Result")

SHARE = 1024
"""A tile takes one part in so many of the device's memory; a loss needs some tiles at a time."""

SMALLEST_TILE = 2**24


class CupyBackend(CupyLibrary, CupyTileKernels, Backend):
    """All operations of maha_core on CuPy arrays, on X's device and the current stream.

    `for_call` returns the backend for one call, which collects the call's conditions in a `Status`
    and reads them once. Outside a call, each condition is read at once.
    """

    def __init__(self) -> None:
        super().__init__(xp)

    def for_call(self) -> CupyBackend:
        """Return this backend with a status of its own."""
        backend = copy(self)
        backend.status = Status()
        return backend

    @property
    def tile_bytes(self) -> int:  # type: ignore[override]  # the others know it without a device
        """The bytes of a tile: a fixed share of the current device's memory."""
        return max(SMALLEST_TILE, total_memory() // SHARE)

    # --- how work is run ---------------------------------------------------------------------

    def run(self, problem: Problem, operation: Operation[Result]) -> Result:
        """Return the result of an operation, run on X's device with tiles that fit its memory.

        Conditions on values are read at the end. If a cotangent was not finite, the operation is
        repeated step by step.
        """
        try:
            return self._run(problem, operation)
        except NotFiniteError:
            return CupyBackend()._run(problem, operation)

    def _run(self, problem: Problem, operation: Operation[Result]) -> Result:
        tf32 = problem.options.precision == "tf32"
        with problem.X.device, products(tf32=tf32):
            run = partial(super().run, operation=operation)
            result = attempted(_contiguous(problem), self.tile_bytes, run)
            if self.status is not None:
                self.status.read()
        return result

    def form(self, metric: Metric, parameter: Array, options: Options) -> Form:
        """Return a metric's mathematics for one call."""
        with parameter.device, products(tf32=False):
            form: Form = super().form(metric, parameter, options)
            return form

    def derived(self, metric: Metric, method: Callable[[Metric], Result]) -> Result:
        """Return the array that a method of a metric computes, on the parameter's device."""
        with metric.parameter.device, products(tf32=False):
            return method(metric)

    def embed(self, metric: type[Metric], parameter: Array, X: Array) -> Array:
        """Return ``Z = X A^T (n, k)`` on X's device."""
        with X.device, products(tf32=False):
            return super().embed(metric, parameter, X)

    def covariance(self, X: Array, ridge: float) -> Array:
        """Return the covariance ``(d, d)`` of points on their device."""
        with X.device, products(tf32=False):
            return super().covariance(X, ridge)


def _contiguous(problem: Problem) -> Problem:
    """Return the problem with points in C order, which the kernels need."""
    Y = None if problem.Y is None else cp.ascontiguousarray(problem.Y)
    return replace(problem, X=cp.ascontiguousarray(problem.X), Y=Y)

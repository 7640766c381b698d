"""Dask arrays: every operation a graph over chunk pairs, each a problem of the chunks' backend."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from typing import TYPE_CHECKING, Any, cast

import array_api_compat.dask.array as xp
import dask.array as da
import numpy as np

from maha_core.arrays import root_module
from maha_core.backend import Backend
from maha_core.metrics import Factor
from maha_core.refusals import refuse_special
from maha_dask import (
    arrays,
    listed,
    matrices,
    nearest,
    objectives,
    plan,
    points_alone,
    pullbacks,
)
from maha_dask.operation import LazyForm, operation
from maha_dask.tangents import Directions
from maha_dask.tasks import matrices as tasks
from maha_dask.tasks import pullbacks as pullback_tasks

if TYPE_CHECKING:
    from maha_core.metrics import Metric
    from maha_core.metrics.form import Form
    from maha_core.options import Options
    from maha_core.problem import Gradient, Neighbors, Objective, Pairs, Problem, Tangents

Array = Any


class DaskBackend(Backend):
    """Everything that maha_core computes, lazily, on Dask arrays.

    Examples
    --------
    >>> import dask.array as da
    >>> import maha_core as mc
    >>> D = mc.sqdist(da.from_array([[0.0], [3.0], [5.0]], chunks=(2, 1)))
    >>> D.compute()
    array([[ 0.,  9., 25.],
           [ 9.,  0.,  4.],
           [25.,  4.,  0.]])
    """

    name = "dask"
    precisions = ("accurate", "fast", "tf32")

    def __init__(self) -> None:
        super().__init__(xp)

    # --- which arrays ------------------------------------------------------------------------

    def owns(self, value: object) -> bool:
        """Tell whether a value is a Dask array."""
        return isinstance(value, da.Array)

    def accepts(self, value: object, like: Array) -> bool:
        """Tell whether a value is a Dask array of X's kind, or of the library of X's chunks."""
        return arrays.fits_beside(value, like)

    def adopt(self, value: Array) -> da.Array:
        """Return an array in memory as a Dask array of one chunk."""
        return arrays.lifted(value)

    def refuse(self, value: Array, argument: str) -> None:
        """Raise TypeError for what is no Dask array, or whose chunks mean more than numbers."""
        if isinstance(value, da.Array):
            arrays.chunk_backend(value).refuse(value._meta, argument)
        elif root_module(type(value)) == "dask":
            arrays.refuse_collection(value, argument)
        else:
            refuse_special(value, argument)  # one in memory, beside X

    def kind(self, dtype: Any) -> str:
        """Return "real", "integer", "bool", or "other" for what is not accepted."""
        if dtype == np.float64 or dtype == np.float32:
            return "real"
        return {"i": "integer", "u": "integer", "b": "bool"}.get(np.dtype(dtype).kind, "other")

    def widest_float(self, device: Any) -> Any:
        """Return float64."""
        return np.dtype(np.float64)

    def version(self) -> str:
        """Return Dask's version."""
        return metadata.version("dask")

    def devices(self) -> list[str]:
        """Say where chunks live."""
        return ["wherever the chunks live"]

    def writable(self, value: Array) -> bool:
        """Tell that lazy arrays cannot be written."""
        return False

    # --- values that only the tasks know -----------------------------------------------------

    def check_finite(self, value: Array, argument: str) -> None:
        """Leave it to the tasks."""

    def check_index(self, index: Array, size: int, argument: str) -> None:
        """Leave it to the tasks."""

    def check_ascending(self, index: Array, argument: str) -> None:
        """Leave it to the tasks."""

    def form(self, metric: Metric, parameter: Array, options: Options) -> Form:
        """Return what stands for the form, which a task makes."""
        return cast("Form", LazyForm(type(metric), parameter))

    def mean(self, values: da.Array, argument: str, options: Options) -> da.Array:
        """Return the mean of numbers ``(n,)``, summed in the order of their chunks."""
        return points_alone.mean(values, argument, options.check_finite)

    # --- what has D's shape ------------------------------------------------------------------

    def sqdist(self, problem: Problem, out: Array | None) -> da.Array:
        """Return D ``(n, m)``, chunked as X by Y."""
        op = operation(problem, "sqdist")
        plan.check_result(op, "D")
        return matrices.matrix(op, "sqdist", tasks.sqdist)

    def root(self, D: da.Array, problem: Problem, out: Array | None) -> da.Array:
        """Return the square root of squared distances, chunked as they are."""
        return matrices.blockwise_root(operation(problem, "root", D.name), D)

    def jacobian(self, problem: Problem, shape: tuple[int, ...]) -> da.Array:
        """Return ``dD / dparameter (n, m) + shape``."""
        op = operation(problem, "jacobian")
        plan.check_result(op, "the jacobian", shape)
        return matrices.matrix(op, "jacobian", tasks.jacobian, lambda *_: (shape,), shape)

    def jacobian_slice(self, problem: Problem, index: tuple[int, ...]) -> da.Array:
        """Return ``dD / dparameter[index] (n, m)``."""
        op = operation(problem, "slice", index)
        plan.check_result(op, "the slice")
        return matrices.matrix(op, "slice", tasks.jacobian_slice, lambda *_: (index,))

    def jvp(self, problem: Problem, directions: Tangents) -> da.Array:
        """Return dD ``(n, m)``."""
        op = operation(problem, "jvp", *_names(directions))
        plan.check_result(op, "dD")
        return matrices.matrix(op, "jvp", tasks.jvp, Directions(op, directions).of_block)

    # --- what is streamed --------------------------------------------------------------------

    def vjp(self, problem: Problem, cotangent: da.Array, wrt: frozenset[str]) -> Gradient:
        """Pull a cotangent ``(n, m)`` back."""
        content = (cotangent.name, sorted(wrt))
        op = plan.streamed(problem, "vjp", *content, blocks=pullback_tasks.BLOCKS)
        return pullbacks.vjp(op, cotangent, wrt)

    def nearest(self, problem: Problem, k: int) -> Neighbors:
        """Return the k nearest points of every row."""
        return nearest.nearest(plan.streamed(problem, "nearest", k), k)

    def value_and_grad(
        self, problem: Problem, objective: Objective, wrt: frozenset[str]
    ) -> tuple[da.Array, Gradient]:
        """Return a loss of D and its gradient."""
        return objectives.value_and_grad(problem, objective, wrt)

    # --- listed pairs ------------------------------------------------------------------------

    def pair_sqdist(self, problem: Problem, given: Pairs) -> da.Array:
        """Return D ``(p,)`` of listed pairs."""
        return listed.sqdist(plan.streamed(problem, "pairs", *_of(given)), given)

    def pair_jvp(self, problem: Problem, directions: Tangents, given: Pairs) -> da.Array:
        """Return dD ``(p,)`` of listed pairs."""
        op = plan.streamed(problem, "pair_jvp", *_of(given), *_names(directions))
        return listed.jvp(op, directions, given)

    def pair_vjp(
        self, problem: Problem, cotangent: da.Array, wrt: frozenset[str], given: Pairs
    ) -> Gradient:
        """Pull a cotangent ``(p,)`` of listed pairs back."""
        op = plan.streamed(problem, "pair_vjp", *_of(given), cotangent.name, sorted(wrt))
        return listed.vjp(op, cotangent, wrt, given)

    # --- points alone ------------------------------------------------------------------------

    def derived(self, metric: Metric, method: Callable[[Metric], Any]) -> Any:
        """Return what a method makes of a metric, which a task will do."""
        name = method.__name__
        if name == "is_psd":
            symbol = metric.symbol
            raise TypeError(
                f"is_psd needs {symbol}'s values, and {symbol} is lazy; "
                f"write {type(metric).__name__}({symbol}.compute()).is_psd()"
            )
        array = points_alone.derived(metric, name)
        return {"matrix": lambda A: A, "to_factor": Factor}.get(name, type(metric))(array)

    def embed(self, metric: type[Metric], parameter: Array, X: da.Array) -> da.Array:
        """Return ``Z = X A^T (n, k)`` for the factor A of a metric."""
        return points_alone.embed(metric, parameter, X)

    def covariance(self, X: da.Array, ridge: float) -> da.Array:
        """Return the covariance ``(d, d)`` of points plus a ridge."""
        return points_alone.covariance(X, ridge)


def _names(directions: Tangents) -> list[str | None]:
    found = directions.metric, directions.X, directions.Y
    return [None if array is None else array.name for array in found]


def _of(given: Pairs) -> tuple[str, str]:
    return given.i.name, given.j.name

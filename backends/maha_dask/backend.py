"""The Dask backend: each operation is a graph over pairs of chunks, run by the chunks' backend."""

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
from maha_dask import arrays, matrices, per_point
from maha_dask.operation import LazyForm

if TYPE_CHECKING:
    from maha_core.expressions import Expression
    from maha_core.metrics import Metric
    from maha_core.metrics.form import Form
    from maha_core.options import Options

Array = Any


class DaskBackend(Backend):
    """All operations of maha_core on Dask arrays, lazily.

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
    has_batches = False
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

    def canonical(self, value: da.Array) -> da.Array:
        """Return the array without empty chunks of columns, over which Dask's reshape fails."""
        return arrays.without_empty_columns(value)

    def refuse(self, value: Array, argument: str) -> None:
        """Raise TypeError for other Dask collections, and for chunks such as masked arrays."""
        if isinstance(value, da.Array):
            arrays.chunk_backend(value).refuse(value._meta, argument)
        elif root_module(type(value)) == "dask":
            arrays.refuse_collection(value, argument)
        else:
            refuse_special(value, argument)  # an array in memory

    def kind(self, dtype: Any) -> str:
        """Return "real", "integer", "bool", or "other" for dtypes that are not accepted."""
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
        """Return a text on the devices of chunks."""
        return ["wherever the chunks live"]

    def writable(self, value: Array) -> bool:
        """Return False: lazy arrays cannot be written."""
        return False

    # --- values, which only tasks know -------------------------------------------------------

    def expect(
        self, holds: Callable[[], Array | bool], on_failure: Callable[[], None], like: Array
    ) -> None:
        """Do nothing: tasks check the values."""

    # --- metrics and points alone ------------------------------------------------------------

    def form(self, metric: Metric, parameter: Array, options: Options) -> Form:
        """Return a placeholder of the form, which a task computes."""
        return cast("Form", LazyForm(type(metric), parameter))

    def mean(self, values: da.Array, argument: str, options: Options) -> da.Array:
        """Return the mean over the points, summed in the order of their chunks."""
        return per_point.mean(values, argument, options.check_finite)

    def entrywise(self, expression: Expression, D: da.Array, options: Options) -> da.Array:
        """Return an expression of squared distances, with the same chunks."""
        return matrices.entrywise(expression, D, options)

    def derived(self, metric: Metric, method: Callable[[Metric], Any]) -> Any:
        """Return the lazy array that a method of a metric computes."""
        name = method.__name__
        if name == "is_psd":
            symbol = metric.symbol
            raise TypeError(
                f"is_psd needs {symbol}'s values, and {symbol} is lazy; "
                f"write {type(metric).__name__}({symbol}.compute()).is_psd()"
            )
        array = per_point.derived(metric, name)
        made: dict[str, Callable[[Any], Any]] = {"matrix": lambda A: A, "to_factor": Factor}
        return made.get(name, type(metric))(array)

    def embed(self, metric: type[Metric], parameter: Array, X: da.Array) -> da.Array:
        """Return ``Z = X A^T (n, k)`` for the factor A of a metric."""
        return per_point.embed(metric, parameter, X)

    def covariance(self, X: da.Array, ridge: float) -> da.Array:
        """Return the covariance ``(d, d)`` of points plus a ridge."""
        return per_point.covariance(X, ridge)

"""What an array library must do, done once for any array API library.

`Backend` is complete: every operation runs on any library that follows the standard. A plugin
subclasses it and replaces what its library does better; most plugins replace a handful of one-line
methods and no operation.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from math import log, prod
from typing import TYPE_CHECKING, Any, TypeVar, cast

from maha_core import definite, formulas, guard
from maha_core.arrays import device_of, is_writable, namespace
from maha_core.memory import available_host_memory, readable
from maha_core.refusals import refuse_special
from maha_core.sweeps import (
    direct,
    distances,
    geometry,
    jacobians,
    kernel,
    neighbors,
    objectives,
    pairs,
    pullbacks,
    tangents,
    tiling,
)

if TYPE_CHECKING:
    from maha_core.guard import Flagged, Inspection
    from maha_core.losses.base import Summary
    from maha_core.metrics import Metric
    from maha_core.metrics.form import Form
    from maha_core.options import Options
    from maha_core.problem import Gradient, Neighbors, Objective, Pairs, Problem, Tangents
    from maha_core.sweeps.direct import DirectPart
    from maha_core.sweeps.geometry import Points, SelfPairs
    from maha_core.sweeps.kernel import DistanceTile

Array = Any
Item = TypeVar("Item")
Result = TypeVar("Result")
Quiet = AbstractContextManager[object]

SURELY_FITS = 2**26
"""A result of fewer bytes is made without asking how much memory is free."""


class Backend:
    """Everything that maha_core computes, on one array library.

    Parameters
    ----------
    xp : namespace
        An array API namespace, as ``array_api_compat.array_namespace`` returns it.

    Examples
    --------
    >>> import array_api_compat, numpy as np
    >>> from maha_core.backend import Backend
    >>> Backend(array_api_compat.array_namespace(np.zeros(1))).name
    'generic'
    """

    name = "generic"
    tile_bytes = 8 * 2**20
    precisions: tuple[str, ...] = ("accurate", "fast")
    one_device = False
    looks_by_rows = False
    square_share = 1

    def __init__(self, xp: Any) -> None:
        self.xp = xp

    # --- which arrays ------------------------------------------------------------------------

    def owns(self, value: object) -> bool:
        """Tell whether a value is an array of this backend's library."""
        try:
            return namespace(value) is self.xp
        except TypeError:
            return False

    def accepts(self, value: object, like: Array) -> bool:
        """Tell whether a value may stand beside an array of this backend."""
        return self.owns(value)

    def adopt(self, value: Array) -> Array:
        """Return a value that is accepted as an array of this backend."""
        return value

    def refuse(self, value: Array, argument: str) -> None:
        """Raise TypeError for an array whose extra meaning would silently be dropped."""
        refuse_special(value, argument)

    def canonical(self, value: Array) -> Array:
        """Return the same numbers as a plain array in native byte order, copying only if needed."""
        return value

    def kind(self, dtype: Any) -> str:
        """Return "real", "integer", "bool", or "other" for what is not accepted."""
        xp = self.xp
        if dtype == xp.float64 or dtype == xp.float32:
            return "real"
        if xp.isdtype(dtype, "integral"):
            return "integer"
        return "bool" if xp.isdtype(dtype, "bool") else "other"

    def widest_float(self, device: Any) -> Any:
        """Return float64, or the widest float that a device has."""
        kinds = self.xp.__array_namespace_info__().dtypes(device=device, kind="real floating")
        return kinds.get("float64", self.xp.float32)

    def cast(self, value: Array, dtype: Any) -> Array:
        """Return an array in another dtype."""
        return self.xp.astype(value, dtype, copy=False)

    def widen(self, value: Array) -> Array:
        """Return an array in the widest float of its device."""
        return self.cast(value, self.widest_float(device_of(value)))

    def version(self) -> str:
        """Return the version of the array library."""
        return str(getattr(self.xp, "__version__", "unknown"))

    def devices(self) -> list[str]:
        """Name the devices on which arrays can live here."""
        return [str(device) for device in self.xp.__array_namespace_info__().devices()]

    def overlap(self, a: Array, b: Array) -> bool:
        """Tell whether two arrays share memory, as far as the library lets that be known."""
        if a is b:
            return True
        if not (hasattr(a, "data_ptr") and hasattr(b, "data_ptr")):
            return False
        (start, stop), (other_start, other_stop) = _span(a), _span(b)
        return bool(start < other_stop and other_start < stop)

    def check_writable(self, value: Array, argument: str) -> None:
        """Raise ValueError for an array that is read-only."""

    def available_memory(self, device: Any) -> int | None:
        """Return the bytes that a new array could take on a device, or None where unknown."""
        return available_host_memory() if "cpu" in str(device).lower() else None

    # --- values that the host must know ------------------------------------------------------

    def check_finite(self, value: Array, argument: str) -> None:
        """Raise ValueError where an array holds NaN or infinity."""
        if not bool(self.xp.all(self.xp.isfinite(value))):
            raise ValueError(
                f"{argument} contains NaN or infinity; clean it, or switch the check off with "
                "maha_core.options(check_finite=False)"
            )

    def check_sum(self, total: Array, argument: str, *parts: Array) -> None:
        """Raise ValueError where a part is not finite, looked for only if their sum is not."""
        with self.quiet():
            total = self.xp.sum(total)
        if not bool(self.xp.isfinite(total)):
            for part in parts:
                self.check_finite(part, argument)

    def check_nonnegative(self, D: Array) -> None:
        """Raise ValueError where a squared distance is negative."""
        if prod(D.shape) and float(lowest := self.xp.min(D)) < 0:
            raise ValueError(
                f"metric gives negative squared distances (as low as {float(lowest):.6g}), which "
                "have no square root; use sqdist, or project it with metric.nearest_psd()"
            )

    def check_index(self, index: Array, size: int, argument: str) -> None:
        """Raise ValueError where an index is outside 0 ... size - 1."""
        if not index.shape[0]:
            return
        lowest, highest = int(self.xp.min(index)), int(self.xp.max(index))
        if lowest < 0 or highest >= size:
            raise ValueError(
                f"{argument} has indices from {lowest} to {highest}, outside 0 ... {size - 1}"
            )

    def check_ascending(self, index: Array, argument: str) -> None:
        """Raise ValueError where an index is smaller than the one before it."""
        if index.shape[0] > 1 and not bool(self.xp.all(index[1:] >= index[:-1])):
            raise ValueError(f"{argument} must list i in ascending order")

    def check_symmetric(self, S: Array) -> None:
        """Raise ValueError where a covariance is asymmetric by more than rounding."""
        if not bool(definite.is_symmetric(self.xp, S)):
            definite.refuse_asymmetric(self.xp, S)

    def cholesky(self, S: Array, dtype: Any) -> Array:
        """Return C with ``S = C C^T``; raise ValueError where S is not definite in a dtype."""
        C = definite.cholesky_or_none(self.xp, S)
        if C is None or not bool(definite.is_cholesky_factor(self.xp, C, S, dtype)):
            definite.refuse_indefinite()
        return C

    def check_memory(self, shape: tuple[int, ...], like: Array, what: str, instead: str) -> None:
        """Raise MemoryError before any work where a result cannot fit."""
        size = tiling.itemsize(like) * prod(shape)
        if size < SURELY_FITS:
            return
        available = self.available_memory(device_of(like))
        if available is not None and size > available:
            raise MemoryError(
                f"{what} of shape {shape} takes {readable(size)}, and {readable(available)} are "
                f"free; {instead}"
            )

    # --- what the array API standard lacks ---------------------------------------------------

    def writable(self, value: Array) -> bool:
        """Tell whether this library's arrays can be written in place."""
        return is_writable(value)

    def replace_diagonal(self, values: Array, offset: int, fill: float) -> Array:
        """Return values ``(r, c)`` with `fill` on the entries ``(i, i + offset)``."""
        xp, shape = self.xp, values.shape
        mask = xp.eye(*shape, k=offset, dtype=values.dtype, device=device_of(values)) > 0
        return xp.where(mask, xp.full_like(values, fill), values)

    def fill_diagonal(self, values: Array, offset: int, fill: float) -> Array:
        """Return the same as `replace_diagonal`; the array given may be overwritten."""
        return self.replace_diagonal(values, offset, fill)

    def centre(self, X: Array) -> Array:
        """Return the mean of the points ``(1, d)``, or 0 where it overflows or there are none."""
        return geometry.centre(self, X)

    def operands(self, U: Array, V: Array) -> formulas.Operands:
        """Return the operands of D's product, of points as both of its sides."""
        return formulas.symmetric_operands(self.xp, U, V)

    def cancelled(
        self,
        D: Array,
        row_threshold: Array,
        column_threshold: Array,
        reach: Array | None = None,
    ) -> Inspection:
        """Find the entries of a tile below their threshold; none is at or above its row's reach."""
        return guard.cancelled(self.xp, D, row_threshold, column_threshold)

    def smallest_again(self, D: Array, flagged: Flagged, smallest: Array | None) -> Array | None:
        """Return what `cancelled` told of the rows' smallest entries, as it is after `place`."""
        return None

    def place(self, D: Array, flagged: Flagged, values: Array) -> Array:
        """Return D with the flagged entries replaced; the array given may be overwritten."""
        xp = self.xp
        flat = xp.reshape(flagged.mask, (-1,))
        order = xp.cumulative_sum(xp.astype(flat, xp.int32)) - 1
        spread = xp.take(values, xp.where(flat, order, xp.zeros_like(order)), axis=0)
        return xp.where(flagged.mask, xp.reshape(spread, D.shape), D)

    def entries(self, G: Array, flagged: Flagged) -> Array:
        """Return the flagged entries ``(p,)`` of a tile."""
        return G[flagged.mask]

    def without_entries(self, G: Array, flagged: Any, *, own: bool = False) -> Array:
        """Return a tile with 0 for the flagged entries; if it is its own it may be overwritten."""
        return self.xp.where(flagged.mask, self.xp.zeros_like(G), G)

    def row_products(self, G: Array, extended_other: Array) -> Array:
        """Return ``[G U', r]`` for the rows of a cotangent ``(r, t + 1)``."""
        return formulas.row_products(G, extended_other)

    def exp(self, values: Array) -> Array:
        """Return the exponential, with something negligible for what would underflow.

        Underflow, and all arithmetic on subnormal numbers, takes several times as long. The array
        given may be overwritten.
        """
        xp = self.xp
        lowest = xp.asarray(
            negligible(xp, values.dtype), dtype=values.dtype, device=device_of(values)
        )
        return xp.exp(xp.maximum(values, lowest))

    def difference(self, a: Array, b: Array) -> Array:
        """Return ``a - b`` of b's shape; b may be overwritten."""
        return a - b

    def mean(self, values: Array, argument: str, options: Options) -> Array:
        """Return the mean ``()`` of one number per point, which the user gave as `argument`."""
        return self.xp.mean(values)

    def total(self, values: Array) -> Array:
        """Return the sum of all entries, accumulated in the device's widest float."""
        return self.xp.sum(values, dtype=self.widest_float(device_of(values)))

    def scatter_add(self, index: Array, values: Array, size: int) -> Array:
        """Return ``(size, t)``: the rows of `values (p, t)` summed by their index.

        Rows of one index are summed as a balanced tree, by segmented doubling over the sorted
        index, since the standard has no scatter.
        """
        xp = self.xp
        if not index.shape[0]:
            return xp.zeros((size, values.shape[1]), dtype=values.dtype, device=device_of(values))
        order = xp.argsort(index, stable=True)
        index, values = xp.take(index, order, axis=0), xp.take(values, order, axis=0)
        step = 1
        while step < index.shape[0]:
            same = (index[step:] == index[:-step])[:, None]
            if not bool(xp.any(same)):
                break
            carried = xp.where(same, values[:-step, :], xp.zeros_like(values[:-step, :]))
            values = xp.concat([values[:step, :], values[step:, :] + carried], axis=0)
            step *= 2
        rows = xp.arange(size, dtype=index.dtype, device=device_of(index))
        last = xp.searchsorted(index, rows, side="right") - 1
        last = xp.where(last < 0, xp.zeros_like(last), last)
        found = (xp.take(index, last, axis=0) == rows)[:, None]
        sums = xp.take(values, last, axis=0)
        return xp.where(found, sums, xp.zeros_like(sums))

    def kth_smallest(self, D: Array, k: int) -> Array:
        """Return the k-th smallest entry of each row ``(r, 1)``."""
        return self.xp.sort(D, axis=1)[:, k - 1 : k]

    def product_dtype(self, problem: Problem) -> Any:
        """Return the dtype in which D is multiplied, before it is rounded to that of X."""
        return problem.X.dtype

    def distance_tile(
        self, problem: Problem, rows: Points, columns: Points, itself: SelfPairs | None
    ) -> DistanceTile:
        """Return a tile of D, and what came to light while it was made.

        Of the flagged entries only `without_entries` and `direct_part` read the note.
        """
        return kernel.distance_tile(self, problem, rows, columns, itself)

    def direct_part(
        self,
        problem: Problem,
        wrt: frozenset[str],
        rows: Points,
        columns: Points,
        flagged: Any,
        G: Array,
    ) -> DirectPart:
        """Return what the flagged entries of a tile add to a gradient."""
        return direct.direct_part(self, problem, wrt, rows, columns, flagged, G)

    # --- how work is run ---------------------------------------------------------------------

    def for_call(self) -> Backend:
        """Return the backend of one call of a public function; most are the same for all."""
        return self

    def on_device_of(self, value: Array) -> AbstractContextManager[object]:
        """Return the context in which arrays can be worked on where a value lives."""
        return nullcontext()

    def working(self, options: Options, size: int) -> AbstractContextManager[object]:
        """Return the context that holds during one operation of `size` multiplications."""
        return nullcontext()

    def map_ordered(
        self, function: Callable[[Item], Result], items: Sequence[Item], options: Options
    ) -> Iterator[Result]:
        """Yield ``function(item)`` in the order of the items."""
        return map(function, items)

    def quiet(self) -> AbstractContextManager[object]:
        """Return a context without the library's warnings on floating-point arithmetic."""
        numpy = sys.modules.get("numpy")  # libraries that hold NumPy arrays warn as it does
        return nullcontext() if numpy is None else cast(Quiet, numpy.errstate(all="ignore"))

    def check_options(self, options: Options) -> None:
        """Raise ValueError for options that this backend cannot honour."""
        if options.precision not in self.precisions:
            raise ValueError(
                f"precision={options.precision!r} is not offered by the backend {self.name!r}; "
                f"it has {', '.join(map(repr, self.precisions))}"
            )

    def form(self, metric: Metric, parameter: Array, options: Options) -> Form:
        """Return a metric's mathematics for one call, from its checked and cast array."""
        with self.working(options, parameter.shape[-1] ** 3):
            return metric.form(self, parameter)

    def derived(self, metric: Metric, method: Callable[[Metric], Result]) -> Result:
        """Return what a method makes of a metric of this library's arrays."""
        return method(metric)

    def embed(self, metric: type[Metric], parameter: Array, X: Array) -> Array:
        """Return ``Z = X A^T (n, k)`` for the factor A of a metric, all values finite."""
        self.check_finite(X, "X")
        self.check_finite(parameter, metric.symbol)
        return X @ metric(parameter).to_factor().parameter.T

    def covariance(self, X: Array, ridge: float) -> Array:
        """Return the covariance ``(d, d)`` of points, all values finite, plus a ridge."""
        self.check_finite(X, "X")
        S = formulas.covariance(self.xp, formulas.moments(self.xp, self.widen(X)), ridge)
        return self.xp.astype(S, X.dtype, copy=False)

    # --- operations --------------------------------------------------------------------------

    def sqdist(self, problem: Problem, out: Array | None) -> Array:
        """Return D ``(n, m)``."""
        with self.working(problem.options, problem.product_size):
            return distances.sqdist(self, problem, out)

    def pair_sqdist(self, problem: Problem, listed: Pairs) -> Array:
        """Return D ``(p,)`` of listed pairs."""
        with self.working(problem.options, problem.pullback_size):
            return pairs.sqdist(self, problem, listed)

    def root(self, D: Array, problem: Problem, out: Array | None) -> Array:
        """Return the square root of squared distances."""
        return distances.root(self, D, problem, out)

    def nearest(self, problem: Problem, k: int) -> Neighbors:
        """Return the k nearest points of every row."""
        with self.working(problem.options, problem.product_size):
            return neighbors.nearest(self, problem, k)

    def jacobian(self, problem: Problem, shape: tuple[int, ...]) -> Array:
        """Return ``dD / dparameter (n, m) + shape``."""
        with self.working(problem.options, problem.pullback_size):
            return jacobians.jacobian(self, problem, shape)

    def jacobian_slice(self, problem: Problem, index: tuple[int, ...]) -> Array:
        """Return ``dD / dparameter[index] (n, m)``."""
        with self.working(problem.options, problem.product_size):
            return jacobians.jacobian_slice(self, problem, index)

    def jvp(self, problem: Problem, directions: Tangents) -> Array:
        """Return dD ``(n, m)``."""
        with self.working(problem.options, problem.product_size):
            return tangents.jvp(self, problem, directions)

    def pair_jvp(self, problem: Problem, directions: Tangents, listed: Pairs) -> Array:
        """Return dD ``(p,)`` of listed pairs."""
        with self.working(problem.options, problem.pullback_size):
            return pairs.jvp(self, problem, directions, listed)

    def vjp(self, problem: Problem, cotangent: Array, wrt: frozenset[str]) -> Gradient:
        """Pull a cotangent ``(n, m)`` back."""
        with self.working(problem.options, problem.pullback_size):
            return pullbacks.vjp(self, problem, cotangent, wrt)

    def pair_vjp(
        self, problem: Problem, cotangent: Array, wrt: frozenset[str], listed: Pairs
    ) -> Gradient:
        """Pull a cotangent ``(p,)`` of listed pairs back."""
        with self.working(problem.options, problem.pullback_size):
            return pairs.vjp(self, problem, cotangent, wrt, listed)

    def summaries(self, problem: Problem, objective: Objective) -> Summary:
        """Return a row-wise loss's summaries of all rows."""
        with self.working(problem.options, problem.product_size):
            return objectives.summaries(self, problem, objective)

    def value_and_grad(
        self, problem: Problem, objective: Objective, wrt: frozenset[str]
    ) -> tuple[Array, Gradient]:
        """Return a loss of D and its gradient, streamed."""
        with self.working(problem.options, problem.pullback_size):
            return objectives.value_and_grad(self, problem, objective, wrt)


def negligible(xp: Any, dtype: Any) -> float:
    """Return an exponent whose power is far below rounding, and far above underflow."""
    return 0.7 * log(xp.finfo(dtype).smallest_normal)


def _span(value: Array) -> tuple[int, int]:
    """Return the addresses that a strided array lies between."""
    start = int(value.data_ptr())
    strides = zip(value.shape, value.stride(), strict=True)
    last = sum((extent - 1) * abs(stride) for extent, stride in strides)
    return start, start + (last + 1) * int(value.dtype.itemsize) if value.numel() else start

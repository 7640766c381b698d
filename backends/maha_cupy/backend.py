"""CuPy arrays: kernels of our own where D is written, cuBLAS where the product bounds."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from maha_core import definite
from maha_core.backend import Backend, negligible
from maha_core.sweeps import distances
from maha_core.sweeps.direct import DirectPart
from maha_core.sweeps.kernel import DistanceTile
from maha_cupy import expressed
from maha_cupy import flagged as pairs_of_tile
from maha_cupy import rows as row_kernels
from maha_cupy.attempts import attempted
from maha_cupy.driver import device_names, total_memory
from maha_cupy.library import cp, xp
from maha_cupy.matrix import write_matrix
from maha_cupy.precision import products
from maha_cupy.status import Status
from maha_cupy.tiles import Flags, Target, new_flags, write_tile

if TYPE_CHECKING:
    from maha_core.formulas import Operands
    from maha_core.losses.base import Summary
    from maha_core.metrics import Metric
    from maha_core.metrics.form import Form
    from maha_core.options import Options
    from maha_core.problem import Gradient, Neighbors, Objective, Pairs, Problem, Tangents
    from maha_core.sweeps.geometry import Points, SelfPairs

Array = Any
Result = TypeVar("Result")

SHARE = 1024
"""A tile takes one part in so many of the device's memory; a loss needs some tiles at a time."""

SMALLEST_TILE = 2**24


class CupyBackend(Backend):
    """Everything that maha_core computes, on CuPy arrays, on X's device and the current stream.

    `for_call` gives the backend of one call, which collects the call's conditions in a `Status`
    and reads them once; other users of a backend are answered at once.
    """

    name = "cupy"
    precisions = ("accurate", "fast", "tf32")

    def __init__(self) -> None:
        super().__init__(xp)
        self._status: Status | None = None

    def for_call(self) -> CupyBackend:
        """Return this backend with a status of its own."""
        backend = copy(self)
        backend._status = Status()
        return backend

    @property
    def tile_bytes(self) -> int:  # type: ignore[override]  # the others know it without a device
        """The bytes of a tile: a fixed share of the current device's memory."""
        return max(SMALLEST_TILE, total_memory() // SHARE)

    # --- which arrays ------------------------------------------------------------------------

    def owns(self, value: object) -> bool:
        """Tell whether a value is a CuPy array."""
        return isinstance(value, cp.ndarray)

    def refuse(self, value: Array, argument: str) -> None:
        """Accept every CuPy array: none has a meaning beyond its numbers."""

    def kind(self, dtype: Any) -> str:
        """Return "real", "integer", "bool", or "other" for what is not accepted."""
        if dtype == cp.float64 or dtype == cp.float32:
            return "real"
        return {"i": "integer", "u": "integer", "b": "bool"}.get(dtype.kind, "other")

    def widest_float(self, device: Any) -> Any:
        """Return float64."""
        return cp.dtype(cp.float64)

    def cast(self, value: Array, dtype: Any) -> Array:
        """Return an array in another dtype, on its own device."""
        with value.device:
            return value.astype(dtype, copy=False)

    def version(self) -> str:
        """Return CuPy's version."""
        return str(cp.__version__)

    def devices(self) -> list[str]:
        """Name the devices, or raise with the reason why there are none."""
        return device_names()

    def overlap(self, a: Array, b: Array) -> bool:
        """Tell whether the memory of two arrays may overlap; that asks no device."""
        return bool(cp.may_share_memory(a, b))

    def available_memory(self, device: Any) -> int | None:
        """Return the bytes that a new array could take on a device, and in CuPy's pool there."""
        pool = cp.get_default_memory_pool()
        with device:
            free, _ = cp.cuda.runtime.memGetInfo()
            room, limit = free + pool.free_bytes(), pool.get_limit()
            return int(min(room, limit - pool.used_bytes()) if limit else room)

    # --- values that the host must know ------------------------------------------------------

    def check_finite(self, value: Array, argument: str) -> None:
        """Raise ValueError where an array holds NaN or infinity; in a call, at its end."""
        with value.device:
            self._expect(
                lambda: cp.isfinite(value).all(), partial(super().check_finite, value, argument)
            )

    def check_nonnegative(self, D: Array) -> None:
        """Raise ValueError where a squared distance is negative; in a call, at its end."""
        if D.size:
            lowest = D.min(keepdims=True)  # D itself may be overwritten by its root
            self._expect(lambda: ~(lowest < 0).any(), partial(super().check_nonnegative, lowest))

    def check_index(self, index: Array, size: int, argument: str) -> None:
        """Raise ValueError for an index out of range; in a call, at its end, as take wraps."""
        with index.device:
            self._expect(
                lambda: ((index >= 0) & (index < size)).all(),
                partial(super().check_index, index, size, argument),
            )

    def check_ascending(self, index: Array, argument: str) -> None:
        """Raise ValueError where an index is smaller than the one before it; at the call's end."""
        with index.device:
            self._expect(
                lambda: (index[1:] >= index[:-1]).all(),
                partial(super().check_ascending, index, argument),
            )

    def check_sum(self, G: Array, argument: str, *parts: Array) -> None:
        """Raise ValueError where a part of a sum is not finite; in a call, at its end."""
        self._expect(
            lambda: cp.isfinite(cp.sum(G)), partial(super().check_sum, G, argument, *parts)
        )

    def check_symmetric(self, S: Array) -> None:
        """Raise ValueError for an asymmetric covariance; in a call, at its end."""
        self._expect(lambda: definite.is_symmetric(xp, S), partial(super().check_symmetric, S))

    def cholesky(self, S: Array, dtype: Any) -> Array:
        """Return C with ``S = C C^T``; what shows that S has none raises at the call's end.

        CuPy does not: it reads no status of cuSOLVER, and returns what that had reached.
        """
        C = cp.linalg.cholesky(S)
        positive = definite.is_cholesky_factor(xp, C, S, dtype)

        def complain() -> None:
            if not bool(positive):
                definite.refuse_indefinite()

        self._expect(lambda: positive, complain)
        return C

    def _expect(self, holds: Callable[[], Array], complain: Callable[[], None]) -> None:
        if self._status is None:
            complain()
        else:
            self._status.expect(holds(), complain)

    # --- what the array API standard lacks ---------------------------------------------------

    def replace_diagonal(self, values: Array, offset: int, fill: float) -> Array:
        """Return values with `fill` on a diagonal."""
        return row_kernels.fill_diagonal(values.copy(), offset, fill)

    def fill_diagonal(self, values: Array, offset: int, fill: float) -> Array:
        """Return values, written in place."""
        return row_kernels.fill_diagonal(values, offset, fill)

    def exp(self, values: Array) -> Array:
        """Return the exponential, written in place."""
        cp.maximum(values, negligible(xp, values.dtype), out=values)
        return cp.exp(values, out=values)

    def scatter_add(self, index: Array, values: Array, size: int) -> Array:
        """Return ``(size, t)``: the rows of `values` summed by their index, in order."""
        return row_kernels.sum_rows(index, values, size)

    def operands(self, U: Array, V: Array) -> Operands:
        """Return the operands of D's product, of points as both of its sides."""
        return row_kernels.operands(U, V)

    def distance_tile(
        self, problem: Problem, rows: Points, columns: Points, itself: SelfPairs | None
    ) -> DistanceTile:
        """Return a tile of D, with flags for the entries that the guard recomputed."""
        r, c = rows.raw.shape[0], columns.raw.shape[0]
        D = cp.empty((r, c), dtype=problem.X.dtype)
        flags = new_flags(r, c) if problem.accurate and r and c else None
        target = Target(D, None if itself is None else itself.offset)
        write_tile(problem, rows, columns, target, flags=flags)
        return DistanceTile(D, flags)

    def without_entries(self, G: Array, flagged: Flags, *, own: bool = False) -> Array:
        """Return a tile with 0 for the flagged entries."""
        remove = pairs_of_tile.clear_flagged if own else pairs_of_tile.without_flagged
        return remove(G, flagged)

    def direct_part(
        self,
        problem: Problem,
        wrt: frozenset[str],
        rows: Points,
        columns: Points,
        flagged: Flags,
        G: Array,
    ) -> DirectPart:
        """Return the flagged pairs' own part of a gradient."""
        form = problem.form
        moments, *sides = pairs_of_tile.part(form, wrt, rows, columns, flagged, G)
        parameter = None if moments is None else pairs_of_tile.pulled(form, moments)
        return DirectPart(parameter, *sides)

    def quiet(self) -> AbstractContextManager[object]:
        """Return a context without warnings: a device gives none."""
        return nullcontext()

    # --- how work is run ---------------------------------------------------------------------

    def on_device_of(self, value: Array) -> AbstractContextManager[object]:
        """Return the context in which a value's device is the current one."""
        return cast(AbstractContextManager[object], value.device)

    def derived(self, metric: Metric, method: Callable[[Metric], Result]) -> Result:
        """Return what a method makes of a metric, on the parameter's device."""
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

    def _run(self, problem: Problem, operation: Callable[[Problem], Result]) -> Result:
        """Run an operation on X's device; afterwards read the call's status, once."""
        tf32 = problem.options.precision == "tf32"
        with problem.X.device, products(tf32=tf32):
            result = attempted(_contiguous(problem), self.tile_bytes, operation)
            if self._status is not None:
                self._status.read()
        return result

    def form(self, metric: Metric, parameter: Array, options: Options) -> Form:
        """Return a metric's mathematics for one call."""
        with parameter.device, products(tf32=False):
            return super().form(metric, parameter, options)

    # --- operations --------------------------------------------------------------------------

    def sqdist(self, problem: Problem, out: Array | None) -> Array:
        """Return D ``(n, m)``."""
        return self._run(problem, lambda given: self._sqdist(given, out))

    def _sqdist(self, problem: Problem, out: Array | None) -> Array:
        if out is None:
            distances.refuse_impossible(self, problem, "D")
            out = cp.empty((problem.n, problem.m), dtype=problem.X.dtype)
        write_matrix(self, problem, out)
        return out

    def pair_sqdist(self, problem: Problem, listed: Pairs) -> Array:
        """Return D ``(p,)`` of listed pairs."""
        return self._run(problem, lambda given: Backend.pair_sqdist(self, given, listed))

    def root(self, D: Array, problem: Problem, out: Array | None) -> Array:
        """Return the square root of squared distances, in their own memory."""
        if problem.form.nonnegative:
            with D.device:
                return cp.sqrt(D, out=D)
        return self._run(problem, lambda given: Backend.root(self, D, given, D))

    def nearest(self, problem: Problem, k: int) -> Neighbors:
        """Return the k nearest points of every row."""
        return self._run(problem, lambda given: Backend.nearest(self, given, k))

    def jacobian(self, problem: Problem, shape: tuple[int, ...]) -> Array:
        """Return ``dD / dparameter (n, m) + shape``."""
        return self._run(problem, lambda given: Backend.jacobian(self, given, shape))

    def jacobian_slice(self, problem: Problem, index: tuple[int, ...]) -> Array:
        """Return ``dD / dparameter[index] (n, m)``."""
        return self._run(problem, lambda given: Backend.jacobian_slice(self, given, index))

    def jvp(self, problem: Problem, directions: Tangents) -> Array:
        """Return dD ``(n, m)``."""
        return self._run(problem, lambda given: Backend.jvp(self, given, directions))

    def pair_jvp(self, problem: Problem, directions: Tangents, listed: Pairs) -> Array:
        """Return dD ``(p,)`` of listed pairs."""
        return self._run(problem, lambda given: Backend.pair_jvp(self, given, directions, listed))

    def vjp(self, problem: Problem, cotangent: Array, wrt: frozenset[str]) -> Gradient:
        """Pull a cotangent ``(n, m)`` back."""
        return self._run(problem, lambda given: Backend.vjp(self, given, cotangent, wrt))

    def pair_vjp(
        self, problem: Problem, cotangent: Array, wrt: frozenset[str], listed: Pairs
    ) -> Gradient:
        """Pull a cotangent ``(p,)`` of listed pairs back."""
        return self._run(
            problem, lambda given: Backend.pair_vjp(self, given, cotangent, wrt, listed)
        )

    def summaries(self, problem: Problem, objective: Objective) -> Summary:
        """Return a row-wise loss's summaries of all rows."""
        sweep = expressed.summaries if _is_expressed(problem, objective) else Backend.summaries
        return self._run(problem, lambda given: sweep(self, given, objective))

    def value_and_grad(
        self, problem: Problem, objective: Objective, wrt: frozenset[str]
    ) -> tuple[Array, Gradient]:
        """Return a loss of D and its gradient, streamed."""
        expressible = _is_expressed(problem, objective)
        sweep = expressed.value_and_grad if expressible else Backend.value_and_grad
        return self._run(problem, lambda given: sweep(self, given, objective, wrt))


def _is_expressed(problem: Problem, objective: Objective) -> bool:
    """Tell whether a loss speaks of D in CUDA expressions, and there is a D."""
    alone = objective.loss.by_expressions and objective.listed is None
    return alone and problem.n > 0 and problem.m > 0


def _contiguous(problem: Problem) -> Problem:
    """Return the problem with points as the kernels read them, row by row."""
    Y = None if problem.Y is None else cp.ascontiguousarray(problem.Y)
    return replace(problem, X=cp.ascontiguousarray(problem.X), Y=Y)

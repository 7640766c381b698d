"""NumPy arrays: tiles sized to the cache, in several threads, BLAS at one thread inside each."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from maha_core import formulas
from maha_core.backend import Backend, negligible
from maha_core.blas import one_thread
from maha_core.sweeps import distances
from maha_numpy import block, matrix, pool
from maha_numpy.tiles import cancelled, fill_diagonal, smallest_again

if TYPE_CHECKING:
    from maha_core.guard import Flagged, Inspection
    from maha_core.options import Options
    from maha_core.problem import Problem

Array = Any
Item = TypeVar("Item")
Result = TypeVar("Result")

SERIAL_MULTIPLICATIONS = 2**18
"""BLAS does products so small on one thread anyway."""

NARROW = 8
"""Embeddings of so few columns are multiplied in float64, where hardly an entry cancels."""

FEW_COLUMNS = range(8, 33)
"""So many columns of float64 OpenBLAS multiplies faster as the rows of a transposed product."""

FEW_NUMBERS = 2**12
"""In arrays so small, what counts is how often NumPy is called."""

_OVERLAP_WORK = 10_000
_LARGEST_TEMPORARY = 24 * 2**20
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


class NumpyBackend(Backend):
    """Everything that maha_core computes, on NumPy arrays.

    Examples
    --------
    >>> from maha_numpy import NumpyBackend
    >>> NumpyBackend().devices()
    ['cpu']
    """

    name = "numpy"
    tile_bytes = 2**22
    one_device = True
    looks_by_rows = True
    square_share = 2

    def __init__(self) -> None:
        super().__init__(np)
        keep_tiles_on_the_heap()

    def owns(self, value: object) -> bool:
        """Tell whether a value is a NumPy array."""
        return isinstance(value, np.ndarray)

    def canonical(self, value: Array) -> Array:
        """Return a plain, aligned ndarray in native byte order."""
        if type(value) is np.ndarray and value.dtype.isnative and value.flags.aligned:
            return value
        return np.require(value, dtype=value.dtype.newbyteorder("="), requirements="A").view(
            np.ndarray
        )

    def kind(self, dtype: Any) -> str:
        """Return "real", "integer", "bool", or "other" for what is not accepted."""
        if dtype == np.float64 or dtype == np.float32:
            return "real"
        return {"i": "integer", "u": "integer", "b": "bool"}.get(dtype.kind, "other")

    def widest_float(self, device: Any) -> Any:
        """Return float64."""
        return np.dtype(np.float64)

    def overlap(self, a: Array, b: Array) -> bool:
        """Tell whether two arrays share memory."""
        try:
            return np.shares_memory(a, b, max_work=_OVERLAP_WORK)  # type: ignore[arg-type]  # the stub knows two values
        except np.exceptions.TooHardError:
            return True

    def writable(self, value: Array) -> bool:
        """Tell that NumPy's arrays can be written: results can, also where X is read-only."""
        return True

    def check_writable(self, value: Array, argument: str) -> None:
        """Raise ValueError for an array that is read-only."""
        if not value.flags.writeable:
            raise ValueError(f"{argument} is read-only; pass an array that can be written")

    def check_finite(self, value: Array, argument: str) -> None:
        """Raise ValueError where an array holds NaN or infinity."""
        if value.size <= FEW_NUMBERS and isfinite(np.vdot(value, value)):
            return  # a sum of squares hides nothing, and is one call
        if not np.isfinite(value).all():
            super().check_finite(value, argument)

    def replace_diagonal(self, values: Array, offset: int, fill: float) -> Array:
        """Return values with `fill` on a diagonal; the same array where it is there already."""
        if np.all(values.diagonal(offset) == fill):
            return values
        values = np.array(values)
        fill_diagonal(values, offset, fill)
        return values

    def entries(self, G: Array, flagged: Flagged) -> Array:
        """Return the flagged entries of a tile."""
        return G[flagged.i, flagged.j]

    def without_entries(self, G: Array, flagged: Flagged, *, own: bool = False) -> Array:
        """Return a tile with 0 for the flagged entries."""
        G = G if own else np.array(G)
        G[flagged.i, flagged.j] = 0
        return G

    def fill_diagonal(self, values: Array, offset: int, fill: float) -> Array:
        """Return values, written in place."""
        fill_diagonal(values, offset, fill)
        return values

    def centre(self, X: Array) -> Array:
        """Return the mean of the points, in fewer calls than the standard's where it is finite."""
        if X.shape[0]:
            mean = np.add.reduce(X, axis=0, keepdims=True)
            mean /= X.shape[0]
            if isfinite(np.vdot(mean, mean)):
                return mean
        return super().centre(X)

    def cancelled(
        self,
        D: Array,
        row_threshold: Array,
        column_threshold: Array,
        reach: Array | None = None,
    ) -> Inspection:
        """Find the entries of a tile below their threshold."""
        return cancelled(D, row_threshold, column_threshold, reach)

    def smallest_again(self, D: Array, flagged: Flagged, smallest: Array | None) -> Array | None:
        """Return the rows' smallest entries, looked at again where a row had one replaced."""
        return None if smallest is None else smallest_again(D, flagged, smallest)

    def row_products(self, G: Array, extended_other: Array) -> Array:
        """Return ``[G U', r]``, as the transpose of a product where BLAS does that faster."""
        if G.dtype == np.float64 and extended_other.shape[1] in FEW_COLUMNS:
            return formulas.column_products(G.T, extended_other)
        return formulas.row_products(G, extended_other)

    def exp(self, values: Array) -> Array:
        """Return the exponential, written in place."""
        lowest = negligible(np, values.dtype)
        if not values.min(initial=0.0) >= lowest:  # a look costs less than half of writing
            np.clip(values, lowest, np.inf, out=values)  # three times as fast as np.maximum
        return np.exp(values, out=values)

    def difference(self, a: Array, b: Array) -> Array:
        """Return ``a - b``, written over b."""
        return np.subtract(a, b, out=b)

    def place(self, D: Array, flagged: Flagged, values: Array) -> Array:
        """Return D, written in place."""
        D[flagged.i, flagged.j] = values
        return D

    def sqdist(self, problem: Problem, out: Array | None) -> Array:
        """Return D, at once where it is one tile."""
        with self.working(problem.options, problem.product_size):
            if block.is_one(self, problem):
                return block.sqdist(self, problem, out)
            if out is None:
                distances.refuse_impossible(self, problem, "D")
                out = np.empty((problem.n, problem.m), dtype=problem.X.dtype)
            matrix.write(self, problem, out)
            return out

    def root(self, D: Array, problem: Problem, out: Array | None) -> Array:
        """Return the square root of squared distances, in their own memory."""
        if problem.form.nonnegative:
            return np.sqrt(D, out=D)
        return super().root(D, problem, D)

    def product_dtype(self, problem: Problem) -> Any:
        """Return float64 for narrow embeddings, of which the guard would recompute many entries."""
        if problem.accurate and problem.width <= NARROW:
            return np.dtype(np.float64)
        return problem.X.dtype

    def scatter_add(self, index: Array, values: Array, size: int) -> Array:
        """Return ``(size, t)``: the rows of `values` summed by their index, in order."""
        total = np.zeros((size, values.shape[1]), dtype=values.dtype)
        np.add.at(total, index, values)
        return total

    def kth_smallest(self, D: Array, k: int) -> Array:
        """Return the k-th smallest entry of each row."""
        return np.partition(D, k - 1, axis=1)[:, k - 1 : k]

    def quiet(self) -> AbstractContextManager[object]:
        """Return a context without NumPy's warnings on floating-point arithmetic."""
        return np.errstate(all="ignore")

    def working(self, options: Options, size: int) -> AbstractContextManager[object]:
        """Hold BLAS at one thread, so that results do not depend on how many it has."""
        return nullcontext() if size <= SERIAL_MULTIPLICATIONS else one_thread()

    def map_ordered(
        self, function: Callable[[Item], Result], items: Sequence[Item], options: Options
    ) -> Iterator[Result]:
        """Yield results in the order of the items, computed by several threads."""
        return pool.map_ordered(function, items, options.threads or usable_cores())

    def version(self) -> str:
        """Return NumPy's version."""
        return np.__version__

    def devices(self) -> list[str]:
        """Name the one device there is."""
        return ["cpu"]


def keep_tiles_on_the_heap() -> None:
    """Let glibc reuse the memory of tile-sized temporaries instead of returning it each time.

    glibc maps large blocks afresh, and a fresh page costs more than the arithmetic on it. Dask's
    nanny makes it return even the smallest ones, which takes three times as long. Who sets glibc's
    own MALLOC_MMAP_THRESHOLD_ is left alone; other allocators are indifferent.
    """
    if sys.platform != "linux" or "MALLOC_MMAP_THRESHOLD_" in os.environ:
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_TEMPORARY)
        mallopt(_M_TRIM_THRESHOLD, 2 * _LARGEST_TEMPORARY)


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

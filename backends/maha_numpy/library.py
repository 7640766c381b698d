"""Facts about NumPy arrays, and the execution of work on them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from maha_core.blas import SERIAL_MULTIPLICATIONS, one_thread
from maha_core.library import Library
from maha_core.progress import shown
from maha_numpy import buffers, pool
from maha_numpy.compiled import presence

if TYPE_CHECKING:
    from maha_core.options import Options

Array = Any
Item = TypeVar("Item")
Result = TypeVar("Result")

FEW_NUMBERS = 2**12
"""For smaller arrays, the number of NumPy calls determines the time."""

FLOATS = frozenset({np.dtype(np.float32), np.dtype(np.float64)})

IN_CACHE = 2**15
"""So many numbers stay in a core's cache."""

REUSED = 2**18
"""The most numbers of differences whose memory a thread keeps."""

_OVERLAP_WORK = 10_000
_NOTHING = nullcontext()


class NumpyLibrary(Library):
    """Facts about NumPy arrays."""

    name = "numpy"
    one_device = True

    # --- which arrays ------------------------------------------------------------------------

    def owns(self, value: object) -> bool:
        """Tell whether a value is a NumPy array."""
        return isinstance(value, np.ndarray)

    def is_plain(self, value: object) -> bool:
        """Tell whether a value is an aligned ndarray of floats in native byte order."""
        return type(value) is np.ndarray and value.dtype in FLOATS and value.flags.aligned

    def canonical(self, value: Array) -> Array:
        """Return a plain, aligned ndarray in native byte order."""
        if type(value) is np.ndarray and value.dtype.isnative and value.flags.aligned:
            return value
        return np.require(value, dtype=value.dtype.newbyteorder("="), requirements="A").view(
            np.ndarray
        )

    def kind(self, dtype: Any) -> str:
        """Return "real", "integer", "bool", or "other" for dtypes that are not accepted."""
        if dtype == np.float64 or dtype == np.float32:
            return "real"
        return {"i": "integer", "u": "integer", "b": "bool"}.get(dtype.kind, "other")

    def widest_float(self, device: Any) -> Any:
        """Return float64."""
        return np.dtype(np.float64)

    def writable(self, value: Array) -> bool:
        """Return True: NumPy arrays can be written; results can even if X is read-only."""
        return True

    def check_writable(self, value: Array, argument: str) -> None:
        """Raise ValueError for an array that is read-only."""
        if not value.flags.writeable:
            raise ValueError(f"{argument} is read-only; pass an array that can be written")

    def overlap(self, a: Array, b: Array) -> bool:
        """Tell whether two arrays share memory."""
        try:
            return np.shares_memory(a, b, max_work=_OVERLAP_WORK)  # type: ignore[arg-type]  # the stub knows two values
        except np.exceptions.TooHardError:
            return True

    def version(self) -> str:
        """Return NumPy's version."""
        return np.__version__

    def remark(self) -> str:
        """Return whether passes over tiles are compiled, and for which instructions."""
        return presence.description()

    def devices(self) -> list[str]:
        """Return the name of the only device."""
        return ["cpu"]

    # --- values ------------------------------------------------------------------------------

    def is_finite(self, values: Array) -> bool:
        """Tell whether an array holds neither NaN nor infinity."""
        if values.size <= FEW_NUMBERS and isfinite(np.vdot(values, values)):
            return True  # a finite sum of squares has only finite terms, and is one call
        return bool(np.isfinite(values).all())

    def row_differences(self, rows: Array, i: Array, columns: Array, j: Array) -> Array:
        """Return the differences, some in reused memory of the thread."""
        p, d = i.shape[0], rows.shape[1]
        found = (buffers.empty if p * d <= REUSED else np.empty)((p, d), rows.dtype)
        # NumPy writes to `out` directly unless it has to report an index; these are checked.
        np.take(rows, i, axis=0, out=found, mode="clip")
        size = max(1, IN_CACHE // d)
        for start in range(0, p, size):
            part = slice(start, start + size)
            found[part] -= np.take(columns, j[part], axis=0)
        return found

    def scatter_add(self, index: Array, values: Array, size: int) -> Array:
        """Return ``(size, t)``: the rows of `values` summed by their index, in order."""
        total = np.zeros((size, values.shape[1]), dtype=values.dtype)
        np.add.at(total, index, values)
        return total

    # --- how work is run ---------------------------------------------------------------------

    def quiet(self) -> AbstractContextManager[object]:
        """Return a context without NumPy's warnings on floating-point arithmetic."""
        return np.errstate(all="ignore")

    def working(self, options: Options, size: int) -> AbstractContextManager[object]:
        """Limit BLAS to one thread, so that results do not depend on its number of threads."""
        return _NOTHING if size < SERIAL_MULTIPLICATIONS else one_thread()

    def map_ordered(
        self, function: Callable[[Item], Result], items: Sequence[Item], options: Options
    ) -> Iterator[Result]:
        """Yield results in the order of the items, computed by several threads."""
        results = pool.map_ordered(function, items, options.threads or usable_cores())
        return shown(results, len(items), options.progress)


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

"""Facts about CuPy arrays, and the execution of work on their device."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

from maha_core.library import Library
from maha_cupy import rows as row_kernels
from maha_cupy.driver import device_names
from maha_cupy.library import cp
from maha_cupy.status import Status

Array = Any


class CupyLibrary(Library):
    """Facts about CuPy arrays.

    Attributes
    ----------
    status : Status or None
        Collects conditions on values, which are read together; without it each is read at once.
    """

    name = "cupy"
    precisions = ("accurate", "fast", "tf32")
    status: Status | None = None

    # --- which arrays ------------------------------------------------------------------------

    def owns(self, value: object) -> bool:
        """Tell whether a value is a CuPy array."""
        return isinstance(value, cp.ndarray)

    def refuse(self, value: Array, argument: str) -> None:
        """Accept every CuPy array: none has information beyond its values."""

    def kind(self, dtype: Any) -> str:
        """Return "real", "integer", "bool", or "other" for dtypes that are not accepted."""
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
        """Return the names of the devices, or raise with the reason why there are none."""
        return device_names()

    def overlap(self, a: Array, b: Array) -> bool:
        """Tell whether the memory of two arrays may overlap, without access to the device."""
        return bool(cp.may_share_memory(a, b))

    def available_memory(self, device: Any) -> int | None:
        """Return the bytes available for a new array on a device, including CuPy's pool."""
        pool = cp.get_default_memory_pool()
        with device:
            free, _ = cp.cuda.runtime.memGetInfo()
            room, limit = free + pool.free_bytes(), pool.get_limit()
            return int(min(room, limit - pool.used_bytes()) if limit else room)

    # --- values ------------------------------------------------------------------------------

    def expect(
        self, holds: Callable[[], Array | bool], on_failure: Callable[[], None], like: Array
    ) -> None:
        """Call `on_failure` if a condition does not hold; within a call, at its end."""
        with like.device:
            if self.status is None:
                super().expect(holds, on_failure, like)
            else:
                self.status.expect(holds(), on_failure)

    def scatter_add(self, index: Array, values: Array, size: int) -> Array:
        """Return ``(size, t)``: the rows of `values` summed by their index, in order."""
        return row_kernels.sum_rows(index, values, size)

    # --- how work is run ---------------------------------------------------------------------

    def on_device_of(self, value: Array) -> AbstractContextManager[object]:
        """Return the context in which a value's device is the current one."""
        return cast(AbstractContextManager[object], value.device)

    def quiet(self) -> AbstractContextManager[object]:
        """Return an empty context: a GPU gives no warnings."""
        return nullcontext()

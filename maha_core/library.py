"""Facts about arrays and devices, implemented once for any array API library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from maha_core import formulas
from maha_core.arrays import device_of, is_writable, namespace, without_lazy_sign
from maha_core.execution import Execution
from maha_core.memory import available_host_memory
from maha_core.refusals import refuse_differentiated, refuse_special

Array = Any


class Library(Execution):
    """An array library: its arrays, dtypes and devices, and the execution of work on them.

    Parameters
    ----------
    xp : namespace
        An array API namespace, as ``array_api_compat.array_namespace`` returns it.
    """

    name = "generic"
    precisions: tuple[str, ...] = ("accurate", "fast")
    one_device = False
    has_batches = True

    def __init__(self, xp: Any) -> None:
        self.xp = xp

    # --- which arrays ------------------------------------------------------------------------

    def owns(self, value: object) -> bool:
        """Tell whether a value is an array of this library."""
        try:
            return namespace(value) is self.xp
        except TypeError:
            return False

    def accepts(self, value: object, like: Array) -> bool:
        """Tell whether a value is accepted together with arrays of this library."""
        return self.owns(value)

    def is_plain(self, value: object) -> bool:
        """Tell whether a value can be used as it is: real numbers, canonical, not special.

        False if that is not known quickly; `refuse`, `canonical` and `kind` then decide.
        """
        return False

    def adopt(self, value: Array) -> Array:
        """Return an accepted value as an array of this library."""
        return value

    def refuse(self, value: Array, argument: str) -> None:
        """Raise TypeError for an array with information that would be lost, such as a mask."""
        refuse_special(value, argument)
        refuse_differentiated(value, argument)

    def refuse_tracked(self, value: Array, argument: str) -> None:
        """Raise TypeError for an array being differentiated, in functions without derivatives."""

    def canonical(self, value: Array) -> Array:
        """Return the same numbers as a plain array in native byte order, copying only if needed."""
        return without_lazy_sign(value)

    def kind(self, dtype: Any) -> str:
        """Return "real", "integer", "bool", or "other" for dtypes that are not accepted."""
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

    def remark(self) -> str:
        """Return a remark on the library for the table of `maha_core.backends`, or ""."""
        return ""

    def devices(self) -> list[str]:
        """Return the names of the available devices."""
        return [str(device) for device in self.xp.__array_namespace_info__().devices()]

    def writable(self, value: Array) -> bool:
        """Tell whether this library's arrays can be written in place."""
        return is_writable(value)

    def check_writable(self, value: Array, argument: str) -> None:
        """Raise ValueError for an array that is read-only."""

    def overlap(self, a: Array, b: Array) -> bool:
        """Tell whether two arrays share memory, as far as this can be determined."""
        if a is b:
            return True
        if not (hasattr(a, "data_ptr") and hasattr(b, "data_ptr")):
            return False
        (start, stop), (other_start, other_stop) = _span(a), _span(b)
        return bool(start < other_stop and other_start < stop)

    def available_memory(self, device: Any) -> int | None:
        """Return the bytes that a new array could take on a device, or None where unknown."""
        return available_host_memory() if "cpu" in str(device).lower() else None

    # --- values ------------------------------------------------------------------------------

    def expect(
        self, holds: Callable[[], Array | bool], on_failure: Callable[[], None], like: Array
    ) -> None:
        """Call `on_failure`, which raises, where a condition on values does not hold.

        At once, or as soon as the library knows values; `on_failure` must be able to report the
        error that late. `like` is an array on the values' device.
        """
        if not bool(holds()):
            on_failure()

    def is_finite(self, values: Array) -> Array | bool:
        """Tell whether an array holds neither NaN nor infinity."""
        return self.xp.all(self.xp.isfinite(values))

    def total(self, values: Array) -> Array:
        """Return the sum of all entries, accumulated in the device's widest float."""
        return self.xp.sum(values, dtype=self.widest_float(device_of(values)))

    def row_differences(self, rows: Array, i: Array, columns: Array, j: Array) -> Array:
        """Return ``x_i - y_j (p, d)`` of listed rows of two arrays."""
        return self.xp.take(rows, i, axis=0) - self.xp.take(columns, j, axis=0)

    def scatter_add(self, index: Array, values: Array, size: int) -> Array:
        """Return ``(size, t)``: the rows of `values (p, t)` summed by their index."""
        return formulas.scatter_add(self.xp, index, values, size)


def _span(value: Array) -> tuple[int, int]:
    """Return the lowest and the highest address of a strided array."""
    start = int(value.data_ptr())
    strides = zip(value.shape, value.stride(), strict=True)
    last = sum((extent - 1) * abs(stride) for extent, stride in strides)
    return start, start + (last + 1) * int(value.dtype.itemsize) if value.numel() else start

"""JAX arrays: on the CPU in NumPy's memory, elsewhere by the array API standard."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any, TypeVar

import jax
import numpy as np
from array_api_compat import array_namespace

from maha_core.door import Door
from maha_core.operation import Operation
from maha_core.sweeps.distances import Root, Sqdist, refuse_impossible
from maha_core.sweeps.kernel_matrices import KernelMatrix

Array = Any
Result = TypeVar("Result")

ALIGNMENT = 64
"""JAX copies what does not begin at a multiple of so many bytes."""


class JaxBackend(Door):
    """Everything that maha_core computes, on JAX arrays.

    Examples
    --------
    >>> import jax.numpy as jnp, maha_core as mc
    >>> mc.sqdist(jnp.asarray([[0.0], [3.0]]))
    Array([[0., 9.],
           [9., 0.]], dtype=float32)
    """

    name = "jax"

    def __init__(self) -> None:
        super().__init__(array_namespace(jax.numpy.empty(0)))

    def owns(self, value: object) -> bool:
        """Tell whether a value is a JAX array."""
        return isinstance(value, jax.Array)

    def version(self) -> str:
        """Return JAX's version."""
        return str(jax.__version__)

    def devices(self) -> list[str]:
        """Name the devices."""
        return [str(device) for device in jax.devices()]

    def lends(self, value: Array) -> bool:
        """Tell whether an array lives in the host's memory as a whole."""
        devices = value.devices()
        return len(devices) == 1 and next(iter(devices)).platform == "cpu"

    def lent(self, value: Array) -> Array:
        """Return a NumPy array in the memory of a JAX array, to be read only."""
        return np.asarray(value)

    def lent_to_be_written(self, value: Array) -> Array:
        """Return a copy: JAX arrays never change."""
        return np.array(value)

    def taken(self, value: Array, like: Array) -> Array:
        """Return a JAX array in a NumPy array's memory where that is aligned, else a copy."""
        value, device = np.asarray(value), _device(like)
        if not (_is_aligned(value) and value.flags.writeable and value.size):
            return jax.numpy.asarray(value, device=device)
        found = jax.dlpack.from_dlpack(value, copy=False)  # on the first device
        return found if _device(found) == device else jax.device_put(found, device)

    def shown(self, value: Array, like: Array) -> Array:
        """Return a copy: the engine will write to this memory again."""
        return self.taken(np.array(value), like)

    def prepared(self, problem: Any, operation: Operation[Result]) -> Operation[Result]:
        """Return an operation whose matrix is written to aligned memory."""
        if isinstance(operation, Sqdist | KernelMatrix) and operation.out is None:
            refuse_impossible(self, problem, "D" if isinstance(operation, Sqdist) else "K")
            return replace(operation, out=_aligned((problem.n, problem.m), problem.X.dtype))
        if isinstance(operation, Root) and not operation.D.flags.writeable:
            D = _aligned(operation.D.shape, operation.D.dtype)
            np.copyto(D, operation.D)  # the root is written over it
            return replace(operation, D=D)
        return operation


def _device(value: Array) -> Any:
    """Return the one device of an array."""
    (device,) = value.devices()
    return device


def _is_aligned(value: Array) -> bool:
    return bool(value.ctypes.data % ALIGNMENT == 0 and value.flags.c_contiguous)


def _aligned(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return an array that begins at a multiple of `ALIGNMENT` bytes."""
    size = prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + ALIGNMENT, dtype=np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)

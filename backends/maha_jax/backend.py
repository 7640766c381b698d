"""The JAX backend: NumPy's engine on the CPU (shared memory), else the array API standard."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any, TypeVar

import jax
import numpy as np
from array_api_compat import array_namespace

from maha_core.door import Door
from maha_core.followed import is_tracer
from maha_core.operation import Operation
from maha_core.refusals import refuse_keys
from maha_core.rules import UNBOUND, arrays_of, bound, entrywise
from maha_core.sweeps.distances import Root, Sqdist, refuse_impossible
from maha_core.sweeps.kernel_matrices import KernelMatrix
from maha_jax import trees
from maha_jax.node import node_of
from maha_jax.primitives import bind

if TYPE_CHECKING:
    from collections.abc import Callable

    from maha_core.expressions import Expression
    from maha_core.options import Options

Array = Any
Result = TypeVar("Result")

ALIGNMENT = 64
"""JAX copies arrays whose address is not a multiple of this number of bytes."""


class JaxBackend(Door):
    """All operations of maha_core on JAX arrays.

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
        trees.register()

    def owns(self, value: object) -> bool:
        """Tell whether a value is a JAX array."""
        return isinstance(value, jax.Array)

    def version(self) -> str:
        """Return JAX's version."""
        return str(jax.__version__)

    def devices(self) -> list[str]:
        """Name the devices."""
        return [str(device) for device in jax.devices()]

    # --- tracers -----------------------------------------------------------------------------

    def run(self, problem: Any, operation: Operation[Result]) -> Result:
        """Return the result of an operation on a problem; trace it if its arrays are tracers."""
        arrays = arrays_of(self.owns, problem, operation)
        if not any(map(is_tracer, arrays.values())):
            return self.computed(problem, operation)
        node = node_of(self, problem, operation, tuple(arrays))
        result: Result = node.returned(bind([*arrays.values()], node))
        return result

    def computed(self, problem: Any, operation: Operation[Result]) -> Result:
        """Return the result for arrays that are not tracers."""
        return super().run(bound(self, problem), operation)

    def form(self, metric: Any, parameter: Array, options: Options) -> Any:
        """Return a metric's mathematics for one call, or a placeholder for a tracer."""
        return UNBOUND if is_tracer(parameter) else super().form(metric, parameter, options)

    def refuse(self, value: Array, argument: str) -> None:
        """Raise TypeError for an array of random keys."""
        refuse_keys(value, argument)

    def refuse_tracked(self, value: Array, argument: str) -> None:
        """Raise TypeError for a tracer, in functions that cannot be traced."""
        if is_tracer(value):
            raise TypeError(
                f"{argument} is a JAX tracer (inside jit, grad or vmap), whose values are not "
                "there yet, and they are needed here; call this outside, on concrete arrays"
            )

    def expect(
        self, holds: Callable[[], Array | bool], on_failure: Callable[[], None], like: Array
    ) -> None:
        """Call `on_failure`, which raises, where a condition on values does not hold.

        Tracers have no values; `maha_jax.values` checks them later.
        """
        if is_tracer(like):
            return
        with jax.ensure_compile_time_eval():  # inside jit, JAX also traces operations on constants
            super().expect(holds, on_failure, like)

    def entrywise(self, expression: Expression, D: Array, options: Options) -> Array:
        """Return an expression of squared distances of any shape."""
        if not is_tracer(D):
            return super().entrywise(expression, D, options)
        return entrywise(self, expression, D, options)

    # --- arrays for NumPy's engine -----------------------------------------------------------

    def lends(self, value: Array) -> bool:
        """Tell whether an array has values, and all of them are in host memory."""
        if is_tracer(value):
            return False
        devices = value.devices()
        return len(devices) == 1 and next(iter(devices)).platform == "cpu"

    def lent(self, value: Array) -> Array:
        """Return a read-only NumPy array that shares memory with a JAX array."""
        return np.asarray(value)

    def lent_to_be_written(self, value: Array) -> Array:
        """Return a copy: JAX arrays never change."""
        if is_tracer(value):
            raise TypeError(
                "f returned a JAX tracer: it uses one that is none of its arguments, whose "
                "derivative would be lost; take that from outside of the program"
            )
        return np.array(value)

    def taken(self, value: Array, like: Array) -> Array:
        """Return a JAX array that shares memory with a NumPy array if aligned, else a copy."""
        value, device = np.asarray(value), _device(like)
        with jax.ensure_compile_time_eval():  # inside jit, the array is a constant
            if not (_is_aligned(value) and value.flags.writeable and value.size):
                return jax.device_put(value, device)  # committed to it, as the other is
            found = jax.dlpack.from_dlpack(value, copy=False)  # on the first device
            return found if _device(found) == device else jax.device_put(found, device)

    def shown(self, value: Array, like: Array) -> Array:
        """Return a copy, because the engine reuses this memory."""
        return self.taken(np.array(value), like)

    def prepared(self, problem: Any, operation: Operation[Result]) -> Operation[Result]:
        """Return an operation that writes its matrix to aligned memory."""
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

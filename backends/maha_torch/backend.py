"""The torch backend: NumPy's engine on the CPU (shared memory), else the array API standard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import array_api_compat.torch as xp
import numpy as np
import torch

from maha_core.door import Door
from maha_core.refusals import refuse_special
from maha_core.rules import UNBOUND, arrays_of, bound, entrywise, rule_for
from maha_torch.compiler import leave_out
from maha_torch.recorded import Node, record
from maha_torch.tracked import (
    is_special,
    is_tracked,
    memory_of,
    modes_of,
    plain,
    refuse_forward_over_forward,
)

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from maha_core.expressions import Expression
    from maha_core.operation import Operation
    from maha_core.options import Options

Array = Any
Result = TypeVar("Result")


class TorchBackend(Door):
    """All operations of maha_core on torch tensors.

    Examples
    --------
    >>> import torch, maha_core as mc
    >>> mc.sqdist(torch.tensor([[0.0], [3.0]]))
    tensor([[0., 9.],
            [9., 0.]])
    """

    name = "torch"

    def __init__(self) -> None:
        super().__init__(xp)

    def owns(self, value: object) -> bool:
        """Tell whether a value is a tensor."""
        return isinstance(value, torch.Tensor)

    def version(self) -> str:
        """Return torch's version."""
        return str(torch.__version__)

    def devices(self) -> list[str]:
        """Return the names of the devices whose memory is accessible: CPU and CUDA."""
        return ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]

    # --- autograd ----------------------------------------------------------------------------

    def run(self, problem: Any, operation: Operation[Result]) -> Result:
        """Return the result of an operation on a problem, recorded by autograd if necessary."""
        leave_out()
        arrays = arrays_of(self.owns, problem, operation)
        if not any(map(is_special, arrays.values())):
            return super().run(bound(self, problem), operation)
        if getattr(operation, "out", None) is not None:
            raise TypeError(
                "out= cannot be given for tensors that require grad, have a tangent or are inside "
                "torch.vmap; leave it out, or call under torch.no_grad()"
            )
        rule = rule_for(operation)
        active = frozenset(path for path, array in arrays.items() if is_tracked(array))
        if active:
            modes = modes_of([arrays[path] for path in active])
            refuse_forward_over_forward(modes)
            made = rule.expansion(self, problem, operation, active)
            if made is None and modes[0] == "reverse":
                made = rule.ahead(self, problem, operation, active)
            if made is not None:
                return cast("Result", made)
        node = Node(self, super().run, problem, operation, rule, tuple(arrays))
        return cast("Result", record(node, tuple(arrays.values())))

    def refuse(self, value: Array, argument: str) -> None:
        """Raise TypeError for a tensor that is not dense, has no values or is of a subclass."""
        refuse_special(value, argument)

    def refuse_tracked(self, value: Array, argument: str) -> None:
        """Raise TypeError for a tensor being differentiated, in functions without derivatives."""
        if is_tracked(value):
            raise TypeError(
                f"{argument} requires grad or has a tangent, and what is computed here has no "
                f"derivative; pass {argument}.detach()"
            )

    def lent_to_be_written(self, value: Array) -> Array:
        """Return a NumPy array that shares memory with a tensor returned by a user's function."""
        if value.requires_grad or is_tracked(value):
            raise TypeError(
                "f returned a tensor that requires grad or has a tangent: it uses one that is none "
                "of its arguments, whose gradient would be lost; detach that one"
            )
        return self.lent(value)

    def calling(self) -> AbstractContextManager[None]:
        """Return the context of a user's function: what it uses is to show."""
        return torch.enable_grad()

    def form(self, metric: Any, parameter: Array, options: Options) -> Any:
        """Return a metric's mathematics for one call, or a placeholder for a tracked tensor."""
        return UNBOUND if is_special(parameter) else super().form(metric, parameter, options)

    def is_finite(self, values: Array) -> Array | bool:
        """Tell whether a tensor has neither NaN nor infinity, in all members of a vmap batch."""
        return super().is_finite(plain(values))

    def canonical(self, value: Array) -> Array:
        """Return the same numbers as a tensor whose memory holds them."""
        # Inside torch.func even functions that return their argument wrap it.
        return value.resolve_neg() if value.is_neg() else value

    def entrywise(self, expression: Expression, D: Array, options: Options) -> Array:
        """Return an expression of squared distances of any shape."""
        if not is_special(D):
            return super().entrywise(expression, D, options)
        return entrywise(self, expression, D, options)

    # --- tensors for NumPy's engine ----------------------------------------------------------

    def lends(self, value: Array) -> bool:
        """Tell whether a tensor is on the CPU and is neither tracked nor batched by vmap."""
        return bool(value.device.type == "cpu") and not is_special(value)

    def lent(self, value: Array) -> Array:
        """Return a NumPy array that shares memory with a tensor."""
        return memory_of(value)

    def taken(self, value: Array, like: Array) -> Array:
        """Return a tensor that shares memory with a NumPy array, if torch supports its memory."""
        value = np.asarray(value)
        if not value.flags.writeable or any(stride < 0 for stride in value.strides):
            value = value.copy()
        return torch.from_numpy(value)

    def check_writable(self, value: Array, argument: str) -> None:
        """Raise ValueError for a tensor whose memory does not have a place for each number."""
        if value.is_neg():
            raise ValueError(
                f"{argument} has its negative bit set: its memory holds the negatives of its "
                f"numbers; pass {argument}.resolve_neg()"
            )
        if any(n > 1 and not step for n, step in zip(value.shape, value.stride(), strict=True)):
            raise ValueError(
                f"{argument} is an expanded tensor, several of whose entries share one place in "
                f"memory; pass {argument}.contiguous()"
            )

    def written(self, value: Array) -> None:
        """Tell autograd that a tensor was written, so that values saved before are invalid."""
        torch.autograd.graph.increment_version(value)

"""Which tensors autograd, forward mode and torch.func are to be told about, and their numbers.

Each transformation of torch.func wraps a tensor once more, at a level of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch.autograd import forward_ad

Tensor = Any
_functorch = torch._C._functorch


def is_tracked(value: Tensor) -> bool:
    """Tell whether a tensor is differentiated, at any level of torch.func or outside."""
    return any(map(_is_tracked_at_its_level, _levels(value)))


def is_special(value: Tensor) -> bool:
    """Tell whether a tensor is more than its numbers: it is tracked, or inside torch.vmap."""
    return any(_functorch.is_batchedtensor(t) for t in _levels(value)) or is_tracked(value)


def has_tangent(value: Tensor) -> bool:
    """Tell whether a tensor has a tangent of the forward mode that was entered last."""
    return forward_ad._current_level >= 0 and forward_ad.unpack_dual(value).tangent is not None


def refuse_forward_over_forward(tensors: Iterable[Tensor]) -> None:
    """Raise TypeError where forward mode is nested: torch then takes the outer tangents as 0."""
    levels = {_functorch.maybe_get_level(part) for value in tensors for part in _levels(value)}
    stack = _functorch.get_interpreter_stack() or []
    forward = {layer.level() for layer in stack if layer.key() is _functorch.TransformType.Jvp}
    if len(levels & forward) > 1:
        raise TypeError(
            "forward mode is nested in forward mode, and torch would take the outer tangents as 0; "
            "take the inner derivative in reverse mode: torch.func.hessian, or jacfwd(jacrev(f))"
        )


def plain(value: Tensor) -> Tensor:
    """Return a tensor of the same numbers and no more, of a whole batch inside torch.vmap."""
    *_, last = _levels(value)
    with torch._C._DisableFuncTorch():  # which would wrap it again
        return last.detach().resolve_neg()


def memory_of(value: Tensor) -> Any:
    """Return a NumPy array in a tensor's memory."""
    # DLPack would drop the bit that says that the numbers are to be negated.
    found = plain(value)
    with torch._C._DisableFuncTorch():
        return found.numpy()


def _levels(value: Tensor) -> Iterator[Tensor]:
    """Yield a tensor, and what each level of torch.func has wrapped in it."""
    yield value
    while _functorch.is_functorch_wrapped_tensor(value):
        value = _functorch.get_unwrapped(value)
        yield value


def _is_tracked_at_its_level(value: Tensor) -> bool:
    if _functorch.is_batchedtensor(value):
        return False
    level = _functorch.maybe_get_level(value)
    if 0 < level < (_functorch.maybe_current_level() or 0):
        return True  # its tangent cannot be seen from here
    return (value.requires_grad and torch.is_grad_enabled()) or has_tangent(value)

"""Which tensors autograd, forward mode or torch.func is to be told about."""

from __future__ import annotations

from typing import Any

import torch

Tensor = Any
_functorch = torch._C._functorch


def is_tracked(value: Tensor) -> bool:
    """Tell whether a tensor is differentiated: it requires grad, or has a tangent."""
    while _is_wrapped(value):
        if _functorch.is_gradtrackingtensor(value):
            return True
        value = _functorch.get_unwrapped(value)
    if value.requires_grad and torch.is_grad_enabled():
        return True
    return _has_tangent(value)


def is_special(value: Tensor) -> bool:
    """Tell whether a tensor is more than its numbers: it is tracked, or inside torch.vmap."""
    if _is_wrapped(value) or (value.requires_grad and torch.is_grad_enabled()):
        return True
    return _has_tangent(value)


def numbers_of(value: Tensor) -> Tensor:
    """Return the numbers of a tensor, of all members of a batch inside torch.vmap."""
    while _is_wrapped(value):
        value = _functorch.get_unwrapped(value)
    return value.detach()


def _is_wrapped(value: Tensor) -> bool:
    return bool(_functorch.is_functorch_wrapped_tensor(value))


def _has_tangent(value: Tensor) -> bool:
    forward_ad = torch.autograd.forward_ad
    return forward_ad._current_level >= 0 and forward_ad.unpack_dual(value).tangent is not None

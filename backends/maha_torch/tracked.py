"""Tensors tracked by autograd, forward mode or torch.func, and their values.

Each transformation of torch.func wraps a tensor once more, at its own level.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch._functorch.pyfunctorch import temporarily_pop_interpreter_stack
from torch.autograd import forward_ad

Tensor = Any
_functorch = torch._C._functorch


def is_tracked(value: Tensor) -> bool:
    """Tell whether a tensor is differentiated, at any level of torch.func or outside of it."""
    return bool(modes_of([value]))


def is_special(value: Tensor) -> bool:
    """Tell whether a tensor is tracked, or batched by torch.vmap."""
    if _functorch.maybe_current_level() is None and forward_ad._current_level < 0:
        return bool(value.requires_grad) and torch.is_grad_enabled()  # nearly always
    return any(map(_functorch.is_batchedtensor, _levels(value))) or is_tracked(value)


def modes_of(values: Sequence[Tensor]) -> list[str]:
    """Return the modes of differentiation of some tensors: "forward" or "reverse" for each level.

    The innermost level, which is differentiated first, comes first.
    """
    values = [_functorch.unwrap_if_dead(value) for value in values]  # wrapped by finished levels
    level = _functorch.maybe_current_level()
    is_here = [level is not None and _functorch.maybe_get_level(t) == level for t in values]
    own = [value for value, here in zip(values, is_here, strict=True) if here or level is None]
    found = _modes_here([value for value in own if not _functorch.is_batchedtensor(value)])
    if level is None:
        return found
    outer = [
        _functorch.get_unwrapped(value) if here else value
        for value, here in zip(values, is_here, strict=True)
    ]
    with temporarily_pop_interpreter_stack():  # a tangent is visible only at its own level
        return found + modes_of(outer)


def refuse_forward_over_forward(modes: Sequence[str]) -> None:
    """Raise TypeError where forward mode is nested: torch then takes the outer tangents as 0."""
    if modes.count("forward") > 1:
        raise TypeError(
            "forward mode is nested in forward mode, and torch would take the outer tangents as 0; "
            "take the inner derivative in reverse mode: torch.func.hessian, or jacfwd(jacrev(f))"
        )


def _modes_here(values: Sequence[Tensor]) -> list[str]:
    if forward_ad._current_level >= 0 and any(_tangent_of(t) is not None for t in values):
        return ["forward"]
    if torch.is_grad_enabled() and any(t.requires_grad for t in values):
        return ["reverse"]
    return []


def _tangent_of(value: Tensor) -> Tensor | None:
    return forward_ad.unpack_dual(value).tangent


def plain(value: Tensor) -> Tensor:
    """Return a plain tensor of the same values; inside torch.vmap, those of the whole batch."""
    *_, last = _levels(value)
    with torch._C._DisableFuncTorch():  # torch.func would wrap the tensor again
        return last.detach().resolve_neg()


def memory_of(value: Tensor) -> Any:
    """Return a NumPy array that shares memory with a tensor."""
    # DLPack would drop the flag of lazy negation.
    found = plain(value)
    with torch._C._DisableFuncTorch():
        return found.numpy()


def _levels(value: Tensor) -> Iterator[Tensor]:
    """Yield a tensor, and what each level of torch.func has wrapped in it."""
    yield value
    while _functorch.is_functorch_wrapped_tensor(value):
        value = _functorch.get_unwrapped(value)
        yield value

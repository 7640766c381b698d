"""Which tensors autograd, forward mode and torch.func are to be told about, and their numbers.

Each transformation of torch.func wraps a tensor once more, at a level of its own.
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
    """Tell whether a tensor is differentiated, at any level of torch.func or outside."""
    return bool(modes_of([value]))


def is_special(value: Tensor) -> bool:
    """Tell whether a tensor is more than its numbers: it is tracked, or inside torch.vmap."""
    if _functorch.maybe_current_level() is None and forward_ad._current_level < 0:
        return bool(value.requires_grad) and torch.is_grad_enabled()  # nearly always
    return any(map(_functorch.is_batchedtensor, _levels(value))) or is_tracked(value)


def modes_of(values: Sequence[Tensor]) -> list[str]:
    """Return by which modes some tensors are differentiated, "forward" or "reverse" for each level.

    The innermost level, which is differentiated first, comes first.
    """
    values = [_functorch.unwrap_if_dead(value) for value in values]  # of levels that were left
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
    with temporarily_pop_interpreter_stack():  # a tangent is seen only from its own level
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

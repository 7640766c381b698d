"""torch's autograd and JAX's jit on the GPU, each where it has CUDA."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

Call = Callable[[], Any]
Contestant = Callable[[str, Any, Any, Any], tuple[Call, Call]]


def entered() -> dict[str, Contestant]:
    """Return the contestants that find a GPU."""
    found: dict[str, Contestant] = {}
    if _torch_has_cuda():
        found["torch"] = _torch
    if _jax_has_cuda():
        found["jax"] = _jax
    return found


def absent() -> list[str]:
    """Name those that do not."""
    return [name for name in ("torch", "jax") if name not in entered()]


def _torch_has_cuda() -> bool:
    if importlib.util.find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


def _jax_has_cuda() -> bool:
    if importlib.util.find_spec("jax") is None:
        return False
    import jax

    return jax.default_backend() == "gpu"


def _torch(name: str, X: Any, y: Any, A: Any) -> tuple[Call, Call]:
    import torch

    points, targets, factor = (torch.from_numpy(value).cuda() for value in (X, y, A))
    factor.requires_grad_()

    def loss() -> Any:
        Z = points @ factor.T
        q = (Z * Z).sum(1)
        distances = q[:, None] + q - 2 * Z @ Z.T
        if name == "pairwise":
            values = torch.exp(-distances)
            return values.sum() - values.diagonal().sum()
        p = torch.softmax(-distances.fill_diagonal_(torch.inf), dim=1)
        return (p @ targets - targets).square().sum()

    return lambda: torch.autograd.grad(loss(), factor), torch.cuda.synchronize


def _jax(name: str, X: Any, y: Any, A: Any) -> tuple[Call, Call]:
    import jax
    import jax.numpy as jnp

    points, targets, factor = map(jnp.asarray, (X, y, A))

    def loss(factor: Any, points: Any, targets: Any) -> Any:
        Z = points @ factor.T
        q = jnp.sum(Z * Z, axis=1)
        distances = q[:, None] + q - 2 * Z @ Z.T
        if name == "pairwise":
            values = jnp.exp(-distances)
            return values.sum() - jnp.trace(values)
        itself = jnp.eye(len(distances), dtype=bool)
        p = jax.nn.softmax(jnp.where(itself, -jnp.inf, -distances), axis=1)
        return jnp.sum((p @ targets - targets) ** 2)

    compiled: Any = jax.jit(jax.value_and_grad(loss))
    return lambda: jax.block_until_ready(compiled(factor, points, targets)), lambda: None

"""torch's autograd and JAX's jit on the GPU, each where it has CUDA: seconds, and peak bytes."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from typing import Any

Measure = Callable[[str, Any, Any, Any], tuple[float, int]]


def entered() -> dict[str, Measure]:
    """Return the contestants that find a GPU."""
    found: dict[str, Measure] = {}
    if _torch_has_cuda():
        found["torch"] = _torch
    if _jax_has_cuda():
        found["jax"] = _jax
    return found


def absent() -> list[str]:
    """Name those that do not."""
    there = entered()
    return [name for name in ("torch", "jax") if name not in there]


def _torch_has_cuda() -> bool:
    if importlib.util.find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


def _jax_has_cuda() -> bool:
    if importlib.util.find_spec("jax") is None:
        return False
    # Else JAX takes three quarters of the memory for itself, before anybody is measured.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    import jax

    return jax.default_backend() == "gpu"


def _torch(name: str, X: Any, y: Any, A: Any) -> tuple[float, int]:
    import torch

    from benchmarks.gpu import clock

    points, targets, factor = (torch.from_numpy(value).cuda() for value in (X, y, A))
    factor.requires_grad_()

    def loss() -> Any:
        Z = points @ factor.T
        q = (Z * Z).sum(1)
        distances = q[:, None] + q - 2 * Z @ Z.T
        if name.startswith("pairwise"):
            values = torch.exp(-distances)
            return values.sum() - values.diagonal().sum()
        p = torch.softmax(-distances.fill_diagonal_(torch.inf), dim=1)
        return (p @ targets - targets).square().sum()

    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    # torch's default stream is CuPy's, so that the same events stand around its work.
    found = clock.seconds({"torch": lambda: torch.autograd.grad(loss(), factor)})["torch"]
    used = torch.cuda.max_memory_allocated() - before
    torch.cuda.empty_cache()
    return found, int(used)


def _jax(name: str, X: Any, y: Any, A: Any) -> tuple[float, int]:
    import jax
    import jax.numpy as jnp

    from benchmarks.gpu import clock

    jax.config.update("jax_default_matmul_precision", "highest")  # no TF32, as ours and torch's
    points, targets, factor = map(jnp.asarray, (X, y, A))

    def loss(factor: Any, points: Any, targets: Any) -> Any:
        Z = points @ factor.T
        q = jnp.sum(Z * Z, axis=1)
        distances = q[:, None] + q - 2 * Z @ Z.T
        if name.startswith("pairwise"):
            values = jnp.exp(-distances)
            return values.sum() - jnp.trace(values)
        self_pairs = jnp.eye(len(distances), dtype=bool)
        p = jax.nn.softmax(jnp.where(self_pairs, -jnp.inf, -distances), axis=1)
        return jnp.sum((p @ targets - targets) ** 2)

    compiled: Any = jax.jit(jax.value_and_grad(loss))
    found = clock.host_seconds(lambda: jax.block_until_ready(compiled(factor, points, targets)))
    # the process's peak: of the larger loss, if that came first
    used = (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use", 0)
    return found, int(used)

"""A loss and its gradient in a compiled JAX program, beside JAX's own expression of it.

    python -m benchmarks.autograd_jax

Times are minima of runs in turn. Each program runs once untimed before it is timed: while JAX gives
back the matrices of its own expression, which takes the kernel some 50 ms, the next program waits.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import jax
import jax.numpy as jnp

import maha_core as mc

N, D, K = 8000, 64, 8
ROUNDS = 7
FLOOR = 3.0

Array = Any
Program = Callable[[Array, Array, Array], Array]


def mlkr(X: Array, A: Array, y: Array) -> Array:
    return mc.value(mc.losses.MLKR(y), X, metric=mc.Factor(A))


def plain_mlkr(X: Array, A: Array, y: Array) -> Array:
    """Return MLKR as one writes it in JAX."""
    Z = X @ A.T
    q = (Z * Z).sum(1)
    D2 = jnp.maximum(q[:, None] + q[None, :] - 2 * Z @ Z.T, 0)
    D2 = jnp.where(jnp.eye(len(X), dtype=bool), jnp.inf, D2)
    return ((jax.nn.softmax(-D2, 1) @ y - y) ** 2).sum()


def data(dtype: str) -> tuple[Array, Array, Array]:
    keys = jax.random.split(jax.random.key(0), 3)
    draw = jax.random.normal
    return draw(keys[0], (N, D), dtype), draw(keys[1], (K, D), dtype) / D, draw(keys[2], N, dtype)


def seconds(program: Program, arrays: tuple[Array, Array, Array]) -> float:
    start = perf_counter()
    jax.block_until_ready(program(*arrays))
    return perf_counter() - start


def compare(dtype: str) -> float:
    """Return by how much ours is quicker, gradients in points and metric included."""
    arrays = data(dtype)
    programs = [jax.jit(jax.value_and_grad(f, argnums=(0, 1))) for f in (mlkr, plain_mlkr)]
    for program in programs:
        seconds(program, arrays)
    times: tuple[list[float], ...] = ([], [])
    for _ in range(ROUNDS):
        for program, own in zip(programs, times, strict=True):
            seconds(program, arrays)
            own.append(seconds(program, arrays))
    ours, theirs = map(min, times)
    print(f"MLKR  {dtype}  maha_core {ours:.3f} s  JAX {theirs:.3f} s  {theirs / ours:.1f}")
    return theirs / ours


def main() -> int:
    jax.config.update("jax_enable_x64", True)
    held = [compare(dtype) >= FLOOR for dtype in ("float32", "float64")]
    return 0 if all(held) else 1


if __name__ == "__main__":
    raise SystemExit(main())

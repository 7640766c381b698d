"""JAX: the usual expressions under jit, compiled before the clock starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.contestants.roster import Job, enter, gradient
from benchmarks.problem import Problem

jax.config.update("jax_enable_x64", True)


@enter("sqdist", "jax")
@enter("sqdist-without-out", "jax")
def sqdist(problem: Problem) -> Job:
    X, A = _points(problem)
    compiled = jax.jit(_sqdist)
    return Job(lambda: compiled(X, A).block_until_ready())


@enter("pairwise", "jax")
def pairwise(problem: Problem) -> Job:
    def loss(D: jax.Array) -> jax.Array:
        values = jnp.exp(-D)
        return values.sum() - jnp.trace(values)

    return _value_and_grad(problem, loss)


@enter("mlkr", "jax")
def mlkr(problem: Problem) -> Job:
    y = jnp.asarray(problem.y)

    def loss(D: jax.Array) -> jax.Array:
        self_pairs = jnp.eye(len(D), dtype=bool)
        p = jax.nn.softmax(jnp.where(self_pairs, -jnp.inf, -D), axis=1)
        return jnp.sum((p @ y - y) ** 2)

    return _value_and_grad(problem, loss)


@enter("vjp", "jax")
def vjp(problem: Problem) -> Job:
    X, A = _points(problem)
    G = jnp.asarray(problem.cotangent)

    @jax.jit
    def pullback(X: jax.Array, A: jax.Array, G: jax.Array) -> jax.Array:
        _, pull = jax.vjp(lambda A: _sqdist(X, A), A)
        return pull(G)[0]

    return Job(lambda: pullback(X, A, G).block_until_ready())


def _value_and_grad(problem: Problem, loss: Callable[[jax.Array], jax.Array]) -> Job:
    X, A = _points(problem)
    compiled: Any = jax.jit(jax.value_and_grad(lambda A, X: loss(_sqdist(X, A))))
    return Job(lambda: jax.block_until_ready(compiled(A, X)), answer=gradient)


def _points(problem: Problem) -> tuple[jax.Array, jax.Array]:
    return jnp.asarray(problem.X), jnp.asarray(problem.A)


def _sqdist(X: jax.Array, A: jax.Array) -> jax.Array:
    Z = X @ A.T
    q = jnp.sum(Z * Z, axis=1)
    return q[:, None] + q - 2 * Z @ Z.T

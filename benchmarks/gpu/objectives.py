"""A loss and its gradient beside autograd on the same GPU, and where autograd cannot start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cupy as cp

import maha_core as mc
from benchmarks.gpu import clock, others

D, K, DTYPE = 64, 64, "float32"
FLOORS = {"torch": 3.0, "jax": 1.5}
GIBIBYTE = 2**30
LOSSES = ("pairwise", "mlkr")


def loss_of(name: str, y: Any) -> mc.losses.Loss:
    if name == "mlkr":
        return mc.losses.MLKR(y)
    return mc.losses.Pairwise(_exponential, symmetric=True)


def _exponential(distances: Any) -> tuple[Any, Any]:
    values = cp.exp(-distances)
    return values, -values


def rows(n: int) -> list[dict[str, Any]]:
    """Beside torch and JAX, where they find the GPU."""
    return [_row(n, name, others.entered()) for name in LOSSES]


def alone(n: int) -> list[dict[str, Any]]:
    """At a size where D would not fit: it runs to the end."""
    return [_row(n, name, {}, rounds=1) for name in LOSSES]


def _row(
    n: int, name: str, contestants: dict[str, others.Contestant], rounds: int = clock.ROUNDS
) -> dict[str, Any]:
    X, y, A = data(n)
    ours = _ours(name, X, y, A)
    taken = clock.seconds({"ours": ours}, rounds)["ours"]
    row: dict[str, Any] = {
        "loss": name,
        "n": n,
        "seconds": taken,
        "workspace GiB": clock.workspace(ours) / GIBIBYTE,
        "D GiB": 4 * n * n / GIBIBYTE,
    }
    for library, contestant in contestants.items():
        other = contestant(name, *map(cp.asnumpy, (X, y, A)))
        theirs = clock.host_seconds(*other)
        row |= {library: theirs, f"times as fast as {library}": theirs / taken}
        row[f"at least, {library}"] = FLOORS[library]
    return row


def data(n: int) -> tuple[Any, Any, Any]:
    """Return points, targets, and a factor of distances near 1."""
    rng = cp.random.default_rng(0)
    X = rng.standard_normal((n, D)).astype(DTYPE)
    A = (rng.standard_normal((K, D)) / D).astype(DTYPE)
    return X, rng.standard_normal(n).astype(DTYPE), A


def _ours(name: str, X: Any, y: Any, A: Any) -> Callable[[], Any]:
    loss, metric = loss_of(name, y), mc.Factor(A)
    return lambda: mc.value_and_grad(loss, X, metric=metric)

"""How accurate gradients in the points are: the relative error of all entries together.

    python -m benchmarks.accuracy_of_gradients

The loss is the sum over all pairs of exp(-D / h), on the inputs of `benchmarks.accuracy`; h is the
median distance to the nearest point, so that the pairs that count are the close ones. "Exact" is
the formula in extended precision, from the same floating-point inputs.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import torch

import maha_core as mc
from benchmarks import machine
from benchmarks.__main__ import RESULTS
from benchmarks.accuracy import Data, exact, expression, rows

WIDEST = 1000  # columns: the exact gradient holds all differences of a point at once

Contestant = Callable[[Data, float], np.ndarray]


def ours(data: Data, h: float) -> np.ndarray:
    loss = mc.losses.Pairwise(lambda D: np.exp(-D / h))
    metric = None if data.A is None else mc.Factor(data.A)
    return mc.value_and_grad(loss, data.X, metric=metric, wrt="X")[1].X


def by_torch(distances: Callable[[torch.Tensor], torch.Tensor], data: Data, h: float) -> np.ndarray:
    X = torch.from_numpy(data.X.copy()).requires_grad_()
    Z = X if data.A is None else X @ torch.from_numpy(data.A).T
    K = torch.exp(-distances(Z) / h)
    (K.sum() - K.diagonal().sum()).backward()
    return X.grad.numpy()


def cdist_squared(Z: torch.Tensor) -> torch.Tensor:
    return torch.cdist(Z, Z) ** 2


def by_jax(data: Data, h: float) -> np.ndarray:
    def loss(X: jax.Array) -> jax.Array:
        Z = X if data.A is None else X @ data.A.T
        K = jnp.exp(-expression(Z) / h)
        return jnp.sum(jnp.where(jnp.eye(len(Z), dtype=bool), 0, K))

    return np.asarray(jax.grad(loss)(jnp.asarray(data.X)))


CONTESTANTS: dict[str, Contestant] = {
    "maha_core": ours,
    "torch.cdist": partial(by_torch, cdist_squared),
    "torch, expression": partial(by_torch, expression),
    "JAX, expression": by_jax,
}


def exact_gradient(data: Data, D: np.ndarray, h: float) -> np.ndarray:
    """Return 4 sum_j g_ij M (x_i - x_j) with g_ij = -exp(-D_ij / h) / h, in extended precision."""
    X = data.X.astype(np.longdouble)
    G = -np.exp(-D / h) / h
    np.fill_diagonal(G, 0)
    sums = np.stack([g @ (x - X) for g, x in zip(G, X, strict=True)])
    if data.A is None:
        return 4 * sums
    A = data.A.astype(np.longdouble)
    return 4 * sums @ A.T @ A


def width(D: np.ndarray) -> float:
    """Return the median distance to the nearest point."""
    apart = D + np.diag(np.full(len(D), np.inf))
    return float(np.median(apart.min(axis=1)))


def error(found: np.ndarray, expected: np.ndarray) -> float:
    return float(
        np.linalg.norm((found - expected).astype(float)) / np.linalg.norm(expected.astype(float))
    )


def main() -> None:
    print("| input | dtype | " + " | ".join(CONTESTANTS) + " |")
    print("|---|---" + "|---" * len(CONTESTANTS) + "|")
    table = []
    for name, dtypes, numbers in rows():
        if numbers.X.shape[1] > WIDEST:
            continue
        for dtype in dtypes:
            data = numbers.cast(dtype)
            D = exact(data)
            h = width(D)
            expected = exact_gradient(data, D, h)
            errors = {who: error(run(data, h), expected) for who, run in CONTESTANTS.items()}
            table.append({"input": name, "dtype": dtype, "relative_error": errors})
            cells = " | ".join(f"{value:.0e}" for value in errors.values())
            print(f"| {name} | {dtype} | {cells} |", flush=True)
    results = {"machine": machine.describe(), "accuracy_of_gradients": table}
    (RESULTS / "accuracy_of_gradients.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()

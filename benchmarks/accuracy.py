"""How accurate the contestants' distances are: the worst relative error of an entry of D.

    python -m benchmarks.accuracy
    python -m benchmarks.accuracy --contestants scipy,sklearn,torch,jax,keops

The metric is Euclidean, since all contestants measure that, but for the rows with an A: there each
gets the points transformed, and maha_core the metric. "Exact" is extended precision, from the same
floating-point inputs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import torch
from scipy.spatial.distance import cdist
from sklearn.metrics.pairwise import euclidean_distances

import maha_core as mc
from benchmarks import machine
from benchmarks.__main__ import RESULTS

jax.config.update("jax_enable_x64", True)

N, D = 300, 5
WIDE = 10**6
DTYPES = ("float64", "float32")


class Data(NamedTuple):
    """Points, and the map before the Euclidean distance; None for none."""

    X: np.ndarray
    A: np.ndarray | None = None

    def cast(self, dtype: str) -> Data:
        return Data(*(None if array is None else array.astype(dtype) for array in self))


def rows() -> Iterator[tuple[str, tuple[str, ...], Data]]:
    """Yield the rows of the table: a name, the dtypes that hold it, its numbers."""
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(N, D))
    for d in (3, 16, 64, 256):
        yield f"normal, d = {d}", DTYPES, Data(rng.normal(size=(N, d)))
    for power in (2, 4):
        yield f"shifted by 1e{power}", DTYPES, Data(normal + 10.0**power)
    for power in (6, 8):
        yield f"shifted by 1e{power}", DTYPES[:1], Data(normal + 10.0**power)
    centres = np.repeat(2e3 * rng.normal(size=(50, D)), N // 50, axis=0)
    yield "50 clusters, 1e3 radii apart", DTYPES, Data(centres + normal)
    line = normal + 1e5 * np.repeat(np.arange(50), N // 50)[:, None] * np.eye(D)[0]
    yield "the same where A shrinks", DTYPES, Data(line, np.diag([1e-5, 1, 1, 1, 1]))
    yield "10000 against 10001", DTYPES, Data(np.array([[10000.0], [10001.0]]))
    for a, b, d in ((1.0, 1.001, 1000), (1.0, 1.1, WIDE)):
        yield f"{a:g} against {b:g}, d = {d:g}", DTYPES, Data(np.array([[a] * d, [b] * d]))
    for d in (1, WIDE):
        yield (
            f"1 against 1 + 1e-8, d = {d:g}",
            DTYPES[:1],
            Data(np.array([[1.0] * d, [1 + 1e-8] * d])),
        )
    # Inputs of public reports on torch.cdist, as tests/test_reports_on_cdist.py has them.
    for count, offset in ((109, 1e3), (40, 1e4)):
        near = rng.random((count, 3)) + offset
        yield f"{count} points of [0, 1)^3 + {offset:g}", DTYPES[1:], Data(near)
    steps = 1 + np.arange(30.0)[:, None] * 1e-9
    yield "30 points in steps of 1e-9", DTYPES[:1], Data(steps)
    yield (
        "(3e7 + 1, 3e7) against its reverse",
        DTYPES[:1],
        Data(np.array([[3e7 + 1, 3e7], [3e7, 3e7 + 1]])),
    )


def embedded(data: Data) -> np.ndarray:
    return data.X if data.A is None else data.X @ data.A.T


def ours(data: Data) -> np.ndarray:
    return mc.sqdist(data.X, metric=None if data.A is None else mc.Factor(data.A))


def scikit_learn(data: Data) -> np.ndarray:
    return euclidean_distances(embedded(data), squared=True)


def torch_cdist(data: Data) -> np.ndarray:
    Z = torch.from_numpy(embedded(data))
    return torch.cdist(Z, Z).numpy().astype(np.longdouble) ** 2


def expression(Z: Any) -> Any:
    """Return D as one writes it, of torch's points or JAX's."""
    q = (Z * Z).sum(1)
    return q[:, None] + q - 2 * Z @ Z.T


def jax_expression(data: Data) -> np.ndarray:
    return np.asarray(expression(jnp.asarray(embedded(data))))


def keops(data: Data) -> np.ndarray:
    """Differences, a pair at a time; the import compiles nothing yet, and may be missing."""
    from pykeops.torch import LazyTensor

    Z = torch.from_numpy(embedded(data))
    if Z.shape[1] > 1000:
        raise MemoryError("KeOps writes out every column of its points")
    D = LazyTensor(Z[:, None, :].contiguous()).sqdist(LazyTensor(Z[None, :, :].contiguous()))
    ones = torch.eye(len(Z), dtype=Z.dtype)
    return np.asarray(D @ ones)


def scipy_sqeuclidean(data: Data) -> np.ndarray:
    Z = embedded(data)
    return cdist(Z, Z, "sqeuclidean")


def scipy_mahalanobis(data: Data) -> np.ndarray:
    d = data.X.shape[1]
    if d > 1000:
        raise MemoryError("a matrix (d, d)")
    A = np.eye(d) if data.A is None else data.A.astype(np.float64)
    return cdist(data.X, data.X, "mahalanobis", VI=A.T @ A).astype(np.longdouble) ** 2


CONTESTANTS: dict[str, Callable[[Data], np.ndarray]] = {
    "maha_core": ours,
    "scikit-learn": scikit_learn,
    "torch.cdist": torch_cdist,
    "JAX": jax_expression,
    "KeOps": keops,
    "SciPy sqeuclidean": scipy_sqeuclidean,
    "SciPy mahalanobis": scipy_mahalanobis,
}


def exact(data: Data) -> np.ndarray:
    """Return D in extended precision, one row of differences at a time."""
    X = data.X.astype(np.longdouble)
    A = None if data.A is None else data.A.astype(np.longdouble)

    def row(x: np.ndarray) -> np.ndarray:
        Z = X - x if A is None else (X - x) @ A.T
        return np.sum(Z * Z, axis=1)

    return np.stack([row(x) for x in X])


def worst(
    contestant: Callable[[Data], np.ndarray], data: Data, expected: np.ndarray
) -> float | None:
    try:
        D = contestant(data)
    except (ImportError, MemoryError):
        return None
    apart = ~np.eye(len(D), dtype=bool)
    return float(np.max(np.abs(D - expected)[apart] / expected[apart]))


SHORT = {
    "sklearn": ("scikit-learn",),
    "torch": ("torch.cdist",),
    "jax": ("JAX",),
    "keops": ("KeOps",),
    "scipy": ("SciPy sqeuclidean", "SciPy mahalanobis"),
}
"""The names of contestants on the command line."""


def chosen() -> dict[str, Callable[[Data], np.ndarray]]:
    """Return the contestants that the command line asks for, ours always."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    every = ",".join(SHORT)
    parser.add_argument("--contestants", default=every, help=f"some of {every}")
    names = parser.parse_args().contestants.split(",")
    unknown = set(names) - set(SHORT)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {every}")
    wanted = ["maha_core", *(full for name in names for full in SHORT[name])]
    return {name: CONTESTANTS[name] for name in wanted}


def main() -> None:
    contestants = chosen()
    print(f"| {'input':<36} | {'dtype':<7} | " + " | ".join(contestants) + " |")
    print("|---|---" + "|---" * len(contestants) + "|")
    found = []
    for name, dtypes, numbers in rows():
        for dtype in dtypes:
            data = numbers.cast(dtype)
            expected = exact(data)
            errors = {who: worst(run, data, expected) for who, run in contestants.items()}
            found.append({"input": name, "dtype": dtype, "worst_relative_error": errors})
            cells = ("-" if error is None else f"{error:.0e}" for error in errors.values())
            print(f"| {name:<36} | {dtype} | " + " | ".join(cells) + " |", flush=True)
    results = {"machine": machine.describe(), "accuracy": found}
    if len(contestants) == len(CONTESTANTS):  # what is not the whole table replaces none
        (RESULTS / "accuracy.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()

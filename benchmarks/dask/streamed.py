"""A loss of 100,000 points and its gradient: Dask's threaded scheduler beside the NumPy backend."""

from __future__ import annotations

import time
from typing import Any

import dask
import dask.array as da
import numpy as np

import maha_core as mc
from benchmarks.dask.memory import forget_peak, peak_gib

D, K = 32, 16


def smooth(D: Any) -> tuple[Any, Any]:
    """``1 / (1 + D)`` and its derivative, as a user would write it."""
    values = 1 / (1 + D)
    return values, -values * values


def measure(n: int = 100_000, chunk: int = 10_000) -> list[dict[str, Any]]:
    """Return time and peak memory of both losses."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, D), dtype=np.float32)
    y = np.sin(X[:, 0]).astype(np.float32)
    metric = mc.Factor((rng.standard_normal((K, D)) / 8).astype(np.float32))
    lazy = da.from_array(X, chunks=(chunk, D))
    losses = {
        "Pairwise, symmetric": mc.losses.Pairwise(smooth, symmetric=True),
        "MLKR": mc.losses.MLKR(y),
    }
    return [_measure(name, loss, X, lazy, metric) for name, loss in losses.items()]


def _measure(name: str, loss: Any, X: Any, lazy: Any, metric: Any) -> dict[str, Any]:
    start = time.perf_counter()
    value, gradient = mc.value_and_grad(loss, X, metric=metric)
    numpy_seconds = time.perf_counter() - start
    forget_peak()
    start = time.perf_counter()
    lazy_value, lazy_gradient = mc.value_and_grad(loss, lazy, metric=metric)
    graph_seconds = time.perf_counter() - start
    found = dask.compute(lazy_value, lazy_gradient.metric, scheduler="threads")
    dask_seconds = time.perf_counter() - start
    difference = np.abs(found[1] - gradient.metric).max() / np.abs(gradient.metric).max()
    return {
        "loss": name,
        "n": len(X),
        "chunk_rows": lazy.chunksize[0],
        "numpy_s": numpy_seconds,
        "dask_s": dask_seconds,
        "ratio": dask_seconds / numpy_seconds,
        "graph_s": graph_seconds,
        "peak_GiB": peak_gib(),
        "relative_difference_of_value": abs(float(found[0]) / float(value) - 1),
        "relative_difference_of_gradient": float(difference),
    }

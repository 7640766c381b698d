"""20,000,000 points on disk against 500: neighbours, and the pullback of a lazy cotangent."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import zarr

import maha_core as mc
from benchmarks.dask.memory import forget_peak, peak_gib

D, K, M = 64, 16, 500
CHUNK = 50_000
NEIGHBOURS = 5
NAME = "points.zarr"


def write(folder: Path, n: int = 20_000_000) -> list[dict[str, Any]]:
    """Write the points that the other two read."""
    start = time.perf_counter()
    store = zarr.create_array(
        folder / NAME, shape=(n, D), chunks=(CHUNK, D), dtype="f4", compressors=None
    )
    rng = np.random.default_rng(0)
    for first in range(0, n, CHUNK):
        rows = min(CHUNK, n - first)
        store[first : first + rows] = rng.standard_normal((rows, D), dtype=np.float32)
    return [{"what": "points written", "n": n, "seconds": time.perf_counter() - start}]


def _problem(folder: Path) -> tuple[Any, Any, Any, Any]:
    rng = np.random.default_rng(1)
    Y = rng.standard_normal((M, D), dtype=np.float32)
    metric = mc.Factor((rng.standard_normal((K, D)) / 8).astype(np.float32))
    return da.from_zarr(folder / NAME), Y, metric, zarr.open_array(folder / NAME, mode="r")


def nearest(folder: Path) -> list[dict[str, Any]]:
    """Write the 5 nearest of all points to Zarr, as the result is a gigabyte itself."""
    X, Y, metric, store = _problem(folder)
    found = mc.nearest(X, Y, k=NEIGHBOURS, metric=metric)
    targets = [
        zarr.create_array(
            folder / f"{name}.zarr", shape=part.shape, chunks=part.chunksize, dtype=part.dtype
        )
        for name, part in found._asdict().items()
    ]
    forget_peak()
    start = time.perf_counter()
    with dask.config.set(scheduler="threads"):
        da.store(list(found), targets)
    seconds = time.perf_counter() - start
    peak = peak_gib()
    picked = np.random.default_rng(1).integers(0, len(X), 200)
    order = np.sort(_direct(store, picked, Y, metric), axis=1)[:, :NEIGHBOURS]
    written = np.stack([targets[0][int(row)] for row in picked])
    row = {
        "what": f"nearest, k = {NEIGHBOURS}",
        "n": len(X),
        "seconds": seconds,
        "peak_GiB": peak,
        "result_GiB": sum(part.nbytes for part in found) / 2**30,
        "worst_relative_error_of_200_rows": float(np.abs(written / order - 1).max()),
    }
    return [row]


def pullback(folder: Path) -> list[dict[str, Any]]:
    """Pull ``G_ij = (D_ij - 1) / n`` back, computed block by block when it is needed."""
    X, Y, metric, store = _problem(folder)
    G = (mc.sqdist(X, Y, metric=metric) - np.float32(1)) / np.float32(len(X))
    gradient = mc.vjp(X, Y, metric=metric, cotangent=G).metric
    forget_peak()
    start = time.perf_counter()
    (found,) = dask.compute(gradient, scheduler="threads")
    seconds = time.perf_counter() - start
    assert np.isfinite(found).all()
    row = {
        "what": "vjp for A of a lazy cotangent",
        "n": len(X),
        "seconds": seconds,
        "peak_GiB": peak_gib(),
        "largest_entry": float(np.abs(found).max()),
        "relative_difference_of_a_sample": _against_a_sample(store, Y, metric, found),
    }
    return [row]


def _against_a_sample(store: Any, Y: Any, metric: Any, found: Any) -> float:
    """Compare with the same mean over 20,000 rows by plain NumPy: a sampling error, no more."""
    rows = np.asarray(store[:20_000], dtype=np.float64)
    A, B = metric.parameter.astype(np.float64), Y.astype(np.float64)
    Z, W = rows @ A.T, B @ A.T
    G = ((Z * Z).sum(1)[:, None] + (W * W).sum(1)[None, :] - 2 * Z @ W.T - 1) / len(rows)
    LZ = G.sum(1)[:, None] * Z - G @ W
    LW = G.sum(0)[:, None] * W - G.T @ Z
    sample = 2 * (LZ.T @ rows + LW.T @ B)
    return float(np.abs(found - sample).max() / np.abs(sample).max())


def _direct(store: Any, picked: Any, Y: Any, metric: Any) -> Any:
    rows = np.stack([store[int(row)] for row in picked]).astype(np.float64)
    delta = rows[:, None, :] - Y[None, :, :].astype(np.float64)
    return ((delta @ metric.parameter.astype(np.float64).T) ** 2).sum(-1)

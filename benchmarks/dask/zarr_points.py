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
    peak = peak_gib()
    exact = _pulled_back_by_numpy(store, Y, metric)
    row = {
        "what": "vjp for A of a lazy cotangent",
        "n": len(X),
        "seconds": seconds,
        "peak_GiB": peak,
        "largest_entry": float(np.abs(found).max()),
        "relative_difference_from_numpy": float(np.abs(found - exact).max() / np.abs(exact).max()),
    }
    return [row]


def _pulled_back_by_numpy(store: Any, Y: Any, metric: Any) -> Any:
    """Return the same gradient by plain NumPy in float64, chunk after chunk."""
    A, B = metric.parameter.astype(np.float64), Y.astype(np.float64)
    W, total = B @ A.T, 0.0
    for first in range(0, store.shape[0], CHUNK):
        rows = store[first : first + CHUNK].astype(np.float64)
        Z = rows @ A.T
        G = Z @ (-2 * W.T)
        G += (Z * Z).sum(1)[:, None] - 1
        G += (W * W).sum(1)
        G /= store.shape[0]
        LZ = G.sum(1)[:, None] * Z - G @ W
        LW = G.sum(0)[:, None] * W - G.T @ Z
        total = total + 2 * (LZ.T @ rows + LW.T @ B)
    return total


def _direct(store: Any, picked: Any, Y: Any, metric: Any) -> Any:
    rows = np.stack([store[int(row)] for row in picked]).astype(np.float64)
    delta = rows[:, None, :] - Y[None, :, :].astype(np.float64)
    return ((delta @ metric.parameter.astype(np.float64).T) ** 2).sum(-1)

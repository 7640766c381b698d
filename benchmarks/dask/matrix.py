"""D of 40,000 points, 6.4 GB, written to Zarr."""

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

D, K = 32, 16


def measure(folder: Path, n: int = 40_000, chunk: int = 2_000) -> list[dict[str, Any]]:
    """Return time, peak memory and the error of 2,000 entries."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, D), dtype=np.float32)
    A = (rng.standard_normal((K, D)) / 8).astype(np.float32)
    lazy = mc.sqdist(da.from_array(X, chunks=(chunk, D)), metric=mc.Factor(A))
    path = folder / "D.zarr"
    store = zarr.create_array(
        path, shape=(n, n), chunks=(chunk, chunk), dtype="f4", compressors=None
    )
    forget_peak()
    start = time.perf_counter()
    with dask.config.set(scheduler="threads"):
        lazy.to_zarr(store)
    seconds = time.perf_counter() - start
    peak = peak_gib()
    i, j = rng.integers(0, n, (2, 2000))
    delta = (X[i].astype(np.float64) - X[j]) @ A.T.astype(np.float64)
    exact = (delta * delta).sum(1)
    found = np.array([store[int(a), int(b)] for a, b in zip(i[:2000], j[:2000], strict=True)])
    apart = i != j
    return [
        {
            "what": "D to Zarr",
            "n": n,
            "chunk_rows": chunk,
            "seconds": seconds,
            "peak_GiB": peak,
            "worst_relative_error_of_2000_entries": float(
                np.abs(found[apart] / exact[apart] - 1).max()
            ),
            "diagonal_is_0": all(float(store[a, a]) == 0 for a in range(0, n, n // 20)),
        }
    ]

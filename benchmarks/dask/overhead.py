"""What a task costs beside its arithmetic: 5,050 pairs of chunks of a few points."""

from __future__ import annotations

import pickle
import time
from typing import Any

import dask
import dask.array as da
import numpy as np
from dask.distributed import Client, LocalCluster

import maha_core as mc
from benchmarks.dask.streamed import smooth


def measure(chunks: int = 100, rows: int = 16) -> list[dict[str, Any]]:
    """Return the time to build the graph, its size, and the time per pair to run it."""
    rng = np.random.default_rng(0)
    n = chunks * rows
    X = da.from_array(rng.standard_normal((n, 32)), chunks=(rows, 32))
    metric = mc.Factor(rng.standard_normal((16, 32)))
    loss = mc.losses.Pairwise(smooth, symmetric=True)
    local = [
        _measure(X, metric, loss, wrt, scheduler)
        for wrt in ("metric", ("metric", "X"))
        for scheduler in ("synchronous", "threads")
    ]
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster),
    ):
        return [*local, _measure(X, metric, loss, "metric", "distributed")]


def _measure(X: Any, metric: Any, loss: Any, wrt: Any, scheduler: str) -> dict[str, Any]:
    start = time.perf_counter()
    value, gradient = mc.value_and_grad(loss, X, metric=metric, wrt=wrt)
    built = time.perf_counter() - start
    wanted = [value, *(part for part in gradient if part is not None)]
    optimised = dask.optimize(*wanted)
    graph = {key: task for array in optimised for key, task in dict(array.dask).items()}
    start = time.perf_counter()
    dask.compute(*wanted, scheduler=scheduler)
    seconds = time.perf_counter() - start
    pairs = X.numblocks[0] * (X.numblocks[0] + 1) // 2
    return {
        "wrt": wrt if isinstance(wrt, str) else ", ".join(wrt),
        "scheduler": scheduler,
        "pairs": pairs,
        "tasks": len(graph),
        "graph_s": built,
        "graph_MB": len(pickle.dumps(graph)) / 1e6,
        "ms_per_pair": 1000 * seconds / pairs,
    }

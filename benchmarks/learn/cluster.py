"""MLKR on a Dask cluster of processes: time and the memory of the largest worker."""

from __future__ import annotations

import os
import threading
import time
import warnings
from typing import Any

import maha_core as mc

POINTS, COLUMNS, CHUNK = 100_000, 32, 12_500
WORKERS, MEMORY = 2, "2GiB"
ITERATIONS = 2


def measure() -> dict[str, Any]:
    """Return time and memory of a fit; it needs the plugin for Dask, distributed and psutil."""
    import dask.array as da
    from distributed import Client, LocalCluster

    random = da.random.default_rng(0)
    with (
        LocalCluster(
            n_workers=WORKERS, threads_per_worker=1, memory_limit=MEMORY, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        X = random.standard_normal((POINTS, COLUMNS), chunks=(CHUNK, COLUMNS)).persist()
        y = (X[:, 0] + 0.5 * X[:, 1] ** 2).persist()
        largest, learner = (
            Largest(client),
            mc.learn.MLKR(2, init="pca", alpha=0.0, max_iter=ITERATIONS),
        )
        with largest, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            begin = time.perf_counter()
            learner.fit(X, y)
            seconds = time.perf_counter() - begin
    return {
        "data": f"{POINTS} x {COLUMNS} in float64, chunks of {CHUNK}, 2 components",
        "workers": f"{WORKERS} of one thread and {MEMORY}",
        "iterations": learner.n_iter_,
        "seconds": seconds,
        "largest_worker_bytes": largest.bytes,
        "one_n_by_n_array_bytes": 8 * POINTS * POINTS,
        "loss": learner.loss_,
    }


class Largest:
    """The largest resident memory of any worker while the block runs."""

    def __init__(self, client: Any) -> None:
        self.workers = [info["pid"] for info in client.run(_identity).values()]
        self.bytes = 0
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Largest:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join()

    def _watch(self) -> None:
        import psutil

        while not self.done.wait(0.2):
            for pid in self.workers:
                self.bytes = max(self.bytes, psutil.Process(pid).memory_info().rss)


def _identity() -> dict[str, int]:
    return {"pid": os.getpid()}

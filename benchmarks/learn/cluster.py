"""MLKR on a Dask cluster of processes: time and the memory of the largest worker.

    python -m benchmarks.learn.cluster --points 100000 --iterations 2

It needs the plugin for Dask and distributed.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
import warnings
from typing import Any

import maha_core as mc

COLUMNS = 32


def main() -> None:
    import dask.array as da
    from distributed import Client, LocalCluster

    chosen = _arguments()
    random = da.random.default_rng(0)
    with (
        LocalCluster(
            n_workers=chosen.workers,
            threads_per_worker=1,
            memory_limit="2GiB",
            dashboard_address=None,
        ) as cluster,
        Client(cluster) as client,
    ):
        X = random.standard_normal((chosen.points, COLUMNS), chunks=(chosen.chunk, COLUMNS))
        y = (X[:, 0] + 0.5 * X[:, 1] ** 2).persist()
        X = X.persist()
        largest = Largest(client)
        with largest, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            begin = time.perf_counter()
            learner = mc.learn.MLKR(2, init="pca", max_iter=chosen.iterations).fit(X, y)
            seconds = time.perf_counter() - begin
    found = {
        "data": f"{chosen.points} x {COLUMNS} in float64, chunks of {chosen.chunk}",
        "workers": chosen.workers,
        "iterations": learner.n_iter_,
        "seconds": seconds,
        "largest_worker_bytes": largest.bytes,
        "loss": learner.loss_,
    }
    print(json.dumps(found, indent=1))


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


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--chunk", type=int, default=12_500)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--iterations", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()

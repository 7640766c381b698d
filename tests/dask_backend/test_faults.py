"""Workers that die at random moments: the result keeps its bits, and nothing hangs.

`--fault-schedules N` runs N seeded schedules; `nox -s tests-faults` runs 30.
"""

import os
import random
import signal
import time

import dask.array as da
import numpy as np
import pytest

import clusters
import lazy_problems as problems
import maha_core as mc
import travelling

WORKERS = 3
CASUALTIES = {"one": 1, "all but one": 2}
WAYS = ["SIGKILL", "segfault", "graceful exit"]


SLOWNESS = 0.15
"""Seconds that each of 28 pairs of chunks takes at least: 3 workers need more than one in all."""


def lazy_result():
    X = da.from_array(problems.draw(70, 4), chunks=(10, 4))
    metric = mc.Factor(problems.draw(2, 4, seed=1))
    pairwise = mc.losses.Pairwise(travelling.slow(SLOWNESS), symmetric=True)
    mlkr = mc.losses.MLKR(problems.draw(70, seed=2))
    return (
        mc.value_and_grad(pairwise, X, metric=metric, wrt=("metric", "X")),
        mc.value_and_grad(mlkr, X, metric=metric),
    )


@pytest.fixture(scope="module")
def undisturbed():
    return problems.bits(lazy_result(), scheduler="synchronous")


def strike(client, way, workers):
    """Make worker processes die."""
    if way == "graceful exit":
        client.retire_workers(workers)  # the nanny starts no other one in its place
        return
    fatal = signal.SIGKILL if way == "SIGKILL" else signal.SIGSEGV
    for pid in client.run(os.getpid, workers=workers).values():
        os.kill(pid, fatal)


def test_the_bits_survive(fault_schedule, undisturbed):
    rng = random.Random(fault_schedule)
    way = WAYS[fault_schedule % len(WAYS)]
    casualties = CASUALTIES[sorted(CASUALTIES)[fault_schedule // len(WAYS) % len(CASUALTIES)]]
    with clusters.started(WORKERS) as client:
        client.wait_for_workers(WORKERS, timeout=clusters.STEP)
        victims = rng.sample(sorted(client.scheduler_info()["workers"]), casualties)
        leaves = problems.leaves(lazy_result())
        futures = client.compute(leaves)
        time.sleep(rng.random())
        assert not all(future.done() for future in futures)
        strike(client, way, victims)
        found = [future.result(timeout=clusters.STEP) for future in futures]
    assert [np.ascontiguousarray(array).tobytes() for array in found] == undisturbed

"""Time on the device: events around a call, contestants in turn, medians."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import cupy as cp

ROUNDS = 7
Call = Callable[[], Any]


def seconds(calls: Mapping[str, Call], rounds: int = ROUNDS) -> dict[str, float]:
    """Return the median seconds of calls on the default stream, one of each in every round."""
    for call in calls.values():
        call()  # compiles, and fills the memory pool
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            found[name].append(_between_events(call))
    return {name: median(times) for name, times in found.items()}


def _between_events(call: Call) -> float:
    start, stop = cp.cuda.Event(), cp.cuda.Event()
    cp.cuda.get_current_stream().synchronize()
    start.record()
    call()
    stop.record()
    stop.synchronize()
    return float(cp.cuda.get_elapsed_time(start, stop)) / 1e3


def host_seconds(call: Call, rounds: int = ROUNDS) -> float:
    """Return the median seconds of a call that waits, of a library with streams of its own."""
    call()
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return median(found)


def workspace(call: Call) -> int:
    """Return the bytes that CuPy's pool takes for a call beyond what it holds already."""
    pool = cp.get_default_memory_pool()
    call()
    pool.free_all_blocks()
    before = pool.total_bytes()
    result = call()
    taken = pool.total_bytes() - before
    del result
    return int(taken)

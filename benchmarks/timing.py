"""The contestants in turn, several rounds: what disturbs the machine meets them all alike."""

from __future__ import annotations

import time
from statistics import median

from benchmarks.contestants.roster import Job

SHORTEST = 0.02  # seconds of one measurement; a quicker call is repeated within it
SLOW = 5.0  # seconds of one call
PAUSE = 0.04  # seconds; the last contestant's idle threads spin for up to 25 ms (OpenBLAS)

Times = dict[str, list[float]]  # seconds of a call, one for each round


def measure(jobs: dict[str, Job], *, seconds: float, rounds: tuple[int, int]) -> Times:
    """Time every job once a round, for about `seconds` but within the limits on rounds.

    Every job must have run before: what compiles at first use has compiled then. What is very slow
    takes part in the first round alone.
    """
    times: Times = {name: [] for name in jobs}
    fewest, most = rounds
    start = time.perf_counter()
    for done in range(most):
        if done >= fewest and time.perf_counter() - start > seconds:
            break
        for name, job in jobs.items():
            if done and times[name][0] * job.share > SLOW:
                continue
            time.sleep(PAUSE)
            times[name].append(_once(job))
    return times


def ratio(times: Times, name: str, over: str) -> float:
    """Return the median over rounds of one contestant's time over another's."""
    rounds = zip(times[name], times[over], strict=False)  # a slow one has one round
    return median(a / b for a, b in rounds)


def quickest_ratio(times: Times, name: str, over: str) -> float:
    """Return the ratio of the quickest rounds, which a busy machine disturbs least."""
    return min(times[name]) / min(times[over])


def _once(job: Job) -> float:
    run, calls = job.run, 0
    start = time.perf_counter()
    while True:
        run()
        calls += 1
        elapsed = time.perf_counter() - start
        if elapsed >= SHORTEST:
            return elapsed / calls / job.share

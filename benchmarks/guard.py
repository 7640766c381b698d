"""What the guard costs: on ordinary data, and on data of which it recomputes nearly every entry.

    python -m benchmarks.guard

Ordinary data are compared with ``precision="fast"``, which is without a guard; the others with a
plain direct evaluation of all differences by NumPy, some rows at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any, NamedTuple

import numpy as np

import maha_core as mc
from benchmarks import machine
from benchmarks.__main__ import RESULTS
from benchmarks.contestants.roster import Job
from benchmarks.timing import measure, quickest_ratio, ratio

ORDINARY_N, CLOSE_N = 8000, 2000
ORDINARY_FLOOR, CLOSE_FLOOR = 1.1, 4.0
DTYPES = ("float64", "float32")
BLOCK_BYTES = 2**21  # of differences, which stay in the cache
SECONDS, ROUNDS = 3.0, (5, 15)

GUARDED, UNGUARDED, DIRECT = "accurate", "fast", "differences"
WITH_Y = f"{GUARDED}, with Y"


@dataclass(frozen=True)
class Points:
    """Points, a square A, and an output whose pages have been touched."""

    X: np.ndarray
    A: np.ndarray
    out: np.ndarray


def ordinary(n: int, d: int, dtype: str) -> Points:
    rng = np.random.default_rng(0)
    X, A = rng.normal(size=(n, d)), rng.normal(size=(d, d)) / d
    return Points(X.astype(dtype), A.astype(dtype), np.ones((n, n), dtype))


def close(n: int, d: int, dtype: str) -> Points:
    """All points within 1e-8, but for one in a hundred that draw the centre away."""
    X, A, out = (array.astype("float64") for array in vars(ordinary(n, d, dtype)).values())
    X *= 1e-8
    X[::100] += 1
    return Points(X.astype(dtype), A.astype(dtype), out.astype(dtype))


def guarded(points: Points, Y: np.ndarray | None = None) -> Job:
    X, A, out = points.X, points.A, points.out
    return Job(lambda: mc.sqdist(X, Y, metric=mc.Factor(A), out=out))


def unguarded(points: Points) -> Job:
    job = guarded(points)

    def run() -> None:
        with mc.options(precision="fast"):
            job.run()

    return Job(run)


def direct(points: Points) -> Job:
    X, A, out = points.X, points.A, points.out
    n, d = X.shape
    rows = max(1, BLOCK_BYTES // (n * d * X.itemsize))

    def run() -> None:
        for start in range(0, n, rows):
            delta = X[start : start + rows, None, :] - X[None, :, :]
            Z = (delta.reshape(-1, d) @ A.T).reshape(delta.shape)
            np.vecdot(Z, Z, out=out[start : start + rows])

    return Job(run)


class Case(NamedTuple):
    """What is compared at one size: every job but `over` with that."""

    data: str
    n: int
    d: int
    dtype: str
    floor: float
    over: str
    jobs: dict[str, Job]


def cases() -> Iterator[Case]:
    for d in (3, 16, 64, 256):
        for dtype in DTYPES:
            points = ordinary(ORDINARY_N, d, dtype)
            jobs = {GUARDED: guarded(points), UNGUARDED: unguarded(points)}
            yield Case("ordinary", ORDINARY_N, d, dtype, ORDINARY_FLOOR, UNGUARDED, jobs)
    for d in (3, 16, 64):
        for dtype in DTYPES:
            points = close(CLOSE_N, d, dtype)
            jobs = {GUARDED: guarded(points), WITH_Y: guarded(points, points.X)}
            jobs[DIRECT] = direct(points)
            yield Case("close", CLOSE_N, d, dtype, CLOSE_FLOOR, DIRECT, jobs)


def rows(case: Case) -> Iterator[dict[str, Any]]:
    for job in case.jobs.values():
        job.run()
    times = measure(case.jobs, seconds=SECONDS, rounds=ROUNDS)
    for call in times.keys() - {case.over}:
        yield {
            **{name: value for name, value in case._asdict().items() if name != "jobs"},
            "call": call,
            "seconds": median(times[call]),
            "ratio": ratio(times, call, case.over),
            "quickest": quickest_ratio(times, call, case.over),
        }


def text(row: dict[str, Any]) -> str:
    size = f"{row['data']:<9} n = {row['n']}  d = {row['d']:3}  {row['dtype']}"
    measured = f"{row['ratio']:5.2f} ({row['quickest']:.2f})   at most {row['floor']}"
    return f"{size}  {row['call'] + ' over ' + row['over']:<32}{measured}"


def main() -> None:
    found = []
    for case in cases():
        for row in rows(case):
            found.append(row)
            print(text(row), flush=True)
    results = {"machine": machine.describe(), "guard": found}
    (RESULTS / "guard.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Time and memory as n grows, every contestant as far as it goes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from benchmarks import memory
from benchmarks.case import Case
from benchmarks.contestants.roster import LIMIT, OURS, entered
from benchmarks.machine import available_memory
from benchmarks.problem import Problem
from benchmarks.timing import measure
from benchmarks.warm_up import warm_up

OPERATIONS = ("mlkr", "pairwise")
SIZES = (1000, 2000, 4000, 8000, 16_000, 32_000, 50_000)
QUICK_SIZES = (500, 1000, 2000)
D, K, DTYPE = 64, 8, "float64"
LONGEST = 15.0  # seconds of a call, for others than us
SECONDS = 1.0  # of a size, when one round does not take longer
ROUNDS = (1, 5)


@dataclass
class Point:
    """Median seconds of a call, and bytes above its inputs."""

    case: Case
    contestant: str
    seconds: float
    memory: int | None


def points(operations: list[str], *, quick: bool = False) -> Iterator[Point]:
    sizes = QUICK_SIZES if quick else SIZES
    for operation in operations:
        racing: dict[str, Point | None] = dict.fromkeys(entered(operation))
        for n in sizes:
            case = Case(operation, n, D, K, DTYPE)
            names = [name for name, last in racing.items() if _goes_on(name, last, n)]
            racing = {}
            for point in _at(case, names):
                racing[point.contestant] = point
                yield point


def _goes_on(name: str, last: Point | None, n: int) -> bool:
    """Guess from the last size, taking time and memory to grow as n^2 at worst."""
    if last is None or name == OURS:
        return True
    growth = (n / last.case.n) ** 2
    fits = (last.memory or 0) * growth < available_memory() / 2
    return fits and last.seconds * growth < LONGEST


def _at(case: Case, names: list[str]) -> Iterator[Point]:
    problem = Problem(case)
    factories = {name: entered(case.operation)[name] for name in names}
    ready = warm_up(factories, problem)
    times = measure(ready.jobs, seconds=SECONDS, rounds=ROUNDS)
    for name, seconds in times.items():
        used = None if name == LIMIT else memory.peak(case, name)
        yield Point(case, name, median(seconds), used)

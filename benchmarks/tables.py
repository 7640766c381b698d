"""Run the cases of the tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks import memory
from benchmarks.case import Case
from benchmarks.contestants.roster import OURS, entered
from benchmarks.problem import Problem
from benchmarks.timing import Times, measure
from benchmarks.warm_up import warm_up

ROUNDS = (3, 11)
MEASURED_IN_MEMORY = ("sqdist-without-out", "pairwise", "mlkr", "vjp", "kernel-product")
SECONDS = 8.0  # of a case, when the least number of rounds does not take longer


@dataclass
class Row:
    """What was measured of a case."""

    case: Case
    times: Times
    differences: dict[str, float]
    failures: dict[str, str]
    memory: int | None = None


def rows(cases: list[Case], *, seconds: float = SECONDS) -> Iterator[Row]:
    for case in cases:
        yield run(case, seconds=seconds)


def run(case: Case, *, seconds: float) -> Row:
    problem = Problem(case)
    ready = warm_up(entered(case.operation), problem)
    times = measure(ready.jobs, seconds=seconds, rounds=ROUNDS)
    row = Row(case, times, ready.differences, ready.failures)
    if case.operation in MEASURED_IN_MEMORY:
        row.memory = memory.peak(case, OURS)
    return row

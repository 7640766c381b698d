"""The peak of resident memory that a call adds to its inputs, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.case import Case
from benchmarks.contestants import enter_one
from benchmarks.contestants.roster import entered, library
from benchmarks.problem import Problem

WARM_UP = 800
"""Points of a first call, which loads libraries, starts threads, and compiles passes.

It is more than one tile of `vjp`: tiles beside the diagonal have a pass of their own."""

STATUS = Path("/proc/self/status")


def peak(case: Case, name: str, *, timeout: float = 600) -> int | None:
    """Return bytes, or None where the system does not tell or the call fails."""
    command = [sys.executable, "-m", "benchmarks.memory", json.dumps(asdict(case)), name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return None
    lines = done.stdout.split()
    return int(lines[-1]) if done.returncode == 0 and lines and lines[-1].isdigit() else None


def _measure_here(case: Case, name: str) -> int | None:
    if not STATUS.exists():
        return None
    enter_one(library(name))
    prepare = entered(case.operation)[name]
    prepare(Problem(replace(case, n=min(case.n, WARM_UP)))).run()
    job = prepare(Problem(case))
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew at what is resident
    before = _resident("VmRSS")
    job.run()
    return max(0, _resident("VmHWM") - before)


def _resident(field: str) -> int:
    for line in STATUS.read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise LookupError(field)


if __name__ == "__main__":
    print(_measure_here(Case(**json.loads(sys.argv[1])), sys.argv[2]))

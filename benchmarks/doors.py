"""torch tensors and JAX arrays beside the same numbers in NumPy, and the generic path.

    python -m benchmarks.doors

On the CPU all three are computed on by NumPy's engine in their own memory, and should take the same
time. The generic path, for all other libraries and devices, is compared with MLKR as one would
write it in the library itself: whole matrices, and the gradient in closed form.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import array_namespace

import maha_core as mc
from benchmarks import machine
from benchmarks.__main__ import RESULTS
from benchmarks.case import Case
from benchmarks.contestants.roster import Job
from benchmarks.problem import Problem
from benchmarks.timing import measure, quickest_ratio, ratio

N, D, K = 6000, 64, 8
GENERIC_N = 4000
DOOR_FLOOR, GENERIC_FLOOR = 1.15, 1.0
DTYPES = ("float64", "float32")
SECONDS, ROUNDS = 6.0, (5, 25)
NUMPY, PLAIN = "numpy", "plain expression"

Convert = Callable[[np.ndarray], Any]


class Comparison(NamedTuple):
    """What is compared: every job but `over` with that."""

    operation: str
    n: int
    dtype: str
    floor: float
    over: str
    jobs: dict[str, Job]


def libraries() -> dict[str, Convert]:
    """Return how NumPy's data come into each library that is installed."""
    found: dict[str, Convert] = {NUMPY: np.asarray}
    try:
        import torch
    except ImportError:
        print("without torch")
    else:
        found["torch"] = torch.tensor
    try:
        import jax
    except ImportError:
        print("without JAX")
    else:
        jax.config.update("jax_enable_x64", True)
        found["jax"] = jax.numpy.asarray
    return found


def calls(problem: Problem, convert: Convert) -> dict[str, Callable[[], Any]]:
    X, A, y = map(convert, (problem.X, problem.A, problem.y))
    metric, loss = mc.Factor(A), mc.losses.MLKR(y)
    return {
        "sqdist": lambda: mc.sqdist(X, metric=metric),
        "nearest": lambda: mc.nearest(X, metric=metric, k=10),
        "MLKR": lambda: mc.value_and_grad(loss, X, metric=metric),
    }


def doors() -> Iterator[Comparison]:
    for dtype in DTYPES:
        problem = Problem(Case("doors", N, D, K, dtype))
        by_library = {name: calls(problem, convert) for name, convert in libraries().items()}
        for operation in by_library[NUMPY]:
            jobs = {name: Job(own[operation]) for name, own in by_library.items()}
            yield Comparison(operation, N, dtype, DOOR_FLOOR, NUMPY, jobs)


def plain_mlkr(xp: Any, X: Any, A: Any, y: Any) -> tuple[Any, Any]:
    """Return MLKR and dphi/dA as one writes them with whole matrices."""
    Z = X @ A.T
    q = xp.sum(Z * Z, axis=1)
    D2 = q[:, None] + q[None, :] - 2 * (Z @ Z.T)
    k = xp.exp(-D2) * (1 - xp.eye(X.shape[0], dtype=X.dtype))
    p = k / xp.sum(k, axis=1)[:, None]
    estimate = p @ y
    residual = estimate - y
    G = -2 * residual[:, None] * p * (y[None, :] - estimate[:, None])
    both = G + G.T
    LZ = xp.sum(both, axis=1)[:, None] * Z - both @ Z
    return xp.sum(residual * residual), 2 * (LZ.T @ X)


def forced(X: Any, A: Any, y: Any) -> Any:
    with mc.use_backend("generic"):
        return mc.value_and_grad(mc.losses.MLKR(y), X, metric=mc.Factor(A))


def generic() -> Iterator[Comparison]:
    import array_api_strict

    ways = {"array-api-strict": array_api_strict.asarray}
    ways |= {name: way for name, way in libraries().items() if name == "torch"}
    for name, convert in ways.items():
        for dtype in DTYPES:
            problem = Problem(Case("generic", GENERIC_N, D, K, dtype))
            X, A, y = map(convert, (problem.X, problem.A, problem.y))
            jobs = {
                f"{name}, generic": Job(partial(forced, X, A, y)),
                PLAIN: Job(partial(plain_mlkr, array_namespace(X), X, A, y)),
            }
            yield Comparison("MLKR", GENERIC_N, dtype, GENERIC_FLOOR, PLAIN, jobs)


def rows(case: Comparison) -> Iterator[dict[str, Any]]:
    for job in case.jobs.values():
        job.run()
    times = measure(case.jobs, seconds=SECONDS, rounds=ROUNDS)
    for name in times.keys() - {case.over}:
        yield {
            **{key: value for key, value in case._asdict().items() if key != "jobs"},
            "arrays": name,
            "seconds": median(times[name]),
            "ratio": ratio(times, name, case.over),
            "quickest": quickest_ratio(times, name, case.over),
        }


def text(row: dict[str, Any]) -> str:
    size = f"{row['operation']:<8} n = {row['n']}  {row['dtype']}"
    measured = f"{row['ratio']:5.2f} ({row['quickest']:.2f})   at most {row['floor']}"
    return f"{size}  {row['arrays'] + ' over ' + row['over']:<46}{measured}"


def main() -> None:
    found = []
    for comparisons in (doors, generic):
        for case in comparisons():
            for row in rows(case):
                found.append(row)
                print(text(row), flush=True)
    results = {"machine": machine.describe(), "doors": found}
    (RESULTS / "doors.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""SciPy's Mahalanobis distance: d^2 operations a pair, on one core, always in float64."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from benchmarks.contestants.roster import Job, enter
from benchmarks.problem import Problem

OPERATIONS = 1e9  # of a timed call: the time is proportional to the rows, and d = 256 takes minutes


def rows_within_reason(problem: Problem) -> int:
    case = problem.case
    return int(min(case.n, max(1, OPERATIONS // (case.n * case.d**2))))


@enter("sqdist", "scipy")
def sqdist(problem: Problem) -> Job:
    X = problem.X.astype(np.float64)
    A = problem.A.astype(np.float64)
    rows = rows_within_reason(problem)
    out = np.empty((rows, len(X)))

    def run() -> np.ndarray:
        return cdist(X[:rows], X, "mahalanobis", VI=A.T @ A, out=out)

    return Job(run, share=rows / len(X), answer=np.square)

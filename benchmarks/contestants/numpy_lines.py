"""NumPy: the three lines that a user would write, and what a new array of D's size costs."""

from __future__ import annotations

import numpy as np

from benchmarks.contestants.roster import Job, enter
from benchmarks.problem import Problem


@enter("sqdist-without-out", "numpy, filling D")
def fill(problem: Problem) -> Job:
    case = problem.case
    return Job(lambda: np.empty((case.n, case.n), case.dtype).fill(0), answer=None)


@enter("small-sqdist", "numpy")
def small_sqdist(problem: Problem) -> Job:
    X, A = problem.X, problem.A

    def run() -> np.ndarray:
        Z = X @ A.T
        q = (Z * Z).sum(axis=1)
        return q[:, None] + q - 2 * Z @ Z.T

    return Job(run)

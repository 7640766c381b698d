"""FAISS: its exact search, which has float32 alone and no second look at close distances."""

from __future__ import annotations

import faiss
import numpy as np

from benchmarks.agreement import ROWS
from benchmarks.cases import NEIGHBOURS
from benchmarks.contestants.roster import Job, enter
from benchmarks.problem import Problem


@enter("nearest", "faiss, flat, in float32")
def nearest(problem: Problem) -> Job:
    X, Y = problem.X.astype(np.float32), problem.Y.astype(np.float32)

    def run() -> tuple[np.ndarray, np.ndarray]:
        index = faiss.IndexFlatL2(Y.shape[1])
        index.add(Y)
        return index.search(X, NEIGHBOURS)

    comparable = problem.case.dtype == "float32"
    return Job(run, answer=(lambda found: found[0][:ROWS]) if comparable else None)

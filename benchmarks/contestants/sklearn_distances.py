"""scikit-learn: Euclidean distances of transformed data, its Mahalanobis metric, neighbours."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import pairwise_distances
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.neighbors import NearestNeighbors

from benchmarks.agreement import ROWS
from benchmarks.cases import NEIGHBOURS
from benchmarks.contestants.roster import Job, enter
from benchmarks.contestants.scipy_distances import rows_within_reason
from benchmarks.problem import Problem


@enter("sqdist", "sklearn, euclidean")
@enter("sqdist-without-out", "sklearn, euclidean")
def euclidean(problem: Problem) -> Job:
    X, A = problem.X, problem.A
    return Job(lambda: euclidean_distances(X @ A.T, squared=True))


@enter("sqdist", "sklearn, mahalanobis")
def mahalanobis(problem: Problem) -> Job:
    X, A = problem.X, problem.A
    rows = rows_within_reason(problem)

    def run() -> np.ndarray:
        return pairwise_distances(X[:rows], X, metric="mahalanobis", VI=A.T @ A, n_jobs=-1)

    return Job(run, share=rows / len(X), answer=np.square)


@enter("nearest", "sklearn, brute")
def nearest(problem: Problem) -> Job:
    X, Y = problem.X, problem.Y

    def run() -> tuple[np.ndarray, np.ndarray]:
        return NearestNeighbors(n_neighbors=NEIGHBOURS, algorithm="brute").fit(Y).kneighbors(X)

    return Job(run, answer=lambda found: found[0][:ROWS] ** 2)


@enter("within", "sklearn, brute")
def within(problem: Problem) -> Job:
    X, Y, radius = problem.X, problem.Y, problem.radius

    def run() -> tuple[np.ndarray, np.ndarray]:
        return NearestNeighbors(radius=radius, algorithm="brute").fit(Y).radius_neighbors(X)

    return Job(run, answer=lambda found: [sum(map(len, found[1]))])

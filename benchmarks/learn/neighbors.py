"""Neighbours under a Mahalanobis distance beside scikit-learn's own metric."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

import maha_core as mc

POINTS, QUERIES, D, NEIGHBORS, ROUNDS = 2000, 500, 64, 5, 7


def measure() -> dict[str, Any]:
    """Return seconds of a prediction (minima of rounds in turn), and whether both agree."""
    return {dtype: _compared(np.dtype(dtype)) for dtype in ("float64", "float32")}


def _compared(dtype: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    X, Q = (rng.standard_normal((n, D)).astype(dtype) for n in (POINTS, QUERIES))
    y, S = rng.integers(0, 3, POINTS), np.cov(X.T)
    options = {"metric_params": {"VI": np.linalg.inv(S)}, "algorithm": "brute"}
    theirs = KNeighborsClassifier(NEIGHBORS, metric="mahalanobis", **options).fit(X, y)
    graph = mc.learn.MahalanobisNeighbors(mc.Covariance(S.astype(dtype)), n_neighbors=NEIGHBORS)
    ours = KNeighborsClassifier(NEIGHBORS, metric="precomputed").fit(graph.fit_transform(X), y)
    own, other = [], []
    for _ in range(ROUNDS):
        own.append(_seconds(lambda: ours.predict(graph.transform(Q))))
        other.append(_seconds(lambda: theirs.predict(Q)))
    return {
        "maha_core": min(own),
        "scikit-learn": min(other),
        "times as fast": min(other) / min(own),
        "same predictions": bool(np.all(ours.predict(graph.transform(Q)) == theirs.predict(Q))),
    }


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start

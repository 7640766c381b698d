"""NCA by mini-batches of a million points, beside the full batch on 20,000 of them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

import maha_core as mc
from benchmarks.learn import peak

Array = NDArray[Any]

N, D, CLASSES, CLUSTERS = 1_000_000, 32, 10, 4
INFORMATIVE = 6
FULL_BATCH = 20_000
HELD_OUT = 5_000
NEIGHBORS = 3


def points(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return points of classes of several clusters each, in a few directions of many.

    The others are noise that is as large; an orthogonal matrix mixes all.
    """
    of_data = np.random.default_rng(1)
    centres = of_data.standard_normal((CLASSES, CLUSTERS, INFORMATIVE)).astype(np.float32) * 2
    mix = np.linalg.qr(of_data.standard_normal((D, D)))[0].astype(np.float32)
    y = rng.integers(CLASSES, size=n)
    X = rng.standard_normal((n, D), dtype=np.float32)
    X[:, INFORMATIVE:] *= 2
    X[:, :INFORMATIVE] += centres[y, rng.integers(CLUSTERS, size=n)]
    for start in range(0, n, 10_000):
        X[start : start + 10_000] = X[start : start + 10_000] @ mix
    return X, y


def accuracy(metric: mc.Factor, X: Array, y: Array) -> float:
    """Return the share of points held out that their neighbours among 20,000 classify rightly."""
    Q, labels = points(HELD_OUT, np.random.default_rng(2))
    votes = y[:FULL_BATCH][mc.nearest(Q, X[:FULL_BATCH], k=NEIGHBORS, metric=metric).index]
    counts = (votes[:, :, None] == np.arange(CLASSES)).sum(axis=1)
    return float(np.mean(counts.argmax(axis=1) == labels))


def mini_batches() -> mc.learn.NCA:
    """Return the learner of all points."""
    return mc.learn.NCA(
        init="identity",
        max_iter=1,
        batch_size=500,
        n_references=5_000,
        learning_rate=0.05,
        random_state=0,
    )


def measure() -> dict[str, Any]:
    """Return time, memory and accuracy of both, and the accuracy of the Euclidean distance."""
    found = peak.elsewhere("benchmarks.learn.mini_batches")
    X, y = points(FULL_BATCH, np.random.default_rng(0))
    learner = mc.learn.NCA(init="identity", max_iter=50)
    full = peak.measured(lambda: learner.fit(X, y))
    full["accuracy"] = accuracy(learner.metric_, X, y)
    return {
        "data": f"{N} x {D} in float32, {CLASSES} classes, {NEIGHBORS} neighbours among "
        f"{FULL_BATCH}, {HELD_OUT} points held out",
        "mini batches, all points": found,
        f"full batch, {FULL_BATCH} points": full,
        "Euclidean, accuracy": accuracy(mc.Factor(np.eye(D, dtype=np.float32)), X, y),
    }


def _here() -> dict[str, Any]:
    X, y = points(N, np.random.default_rng(0))
    mini_batches().fit(X[:20_000], y[:20_000])
    learner = mini_batches()
    found = peak.measured(lambda: learner.fit(X, y))
    return found | {"accuracy": accuracy(learner.metric_, X, y)}


if __name__ == "__main__":
    print(json.dumps(_here()))

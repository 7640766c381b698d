"""Learners from points and tuples beside metric-learn's: the same results, and the time."""

from __future__ import annotations

import warnings
from statistics import median
from typing import Any

import numpy as np
from sklearn.datasets import load_wine
from sklearn.preprocessing import scale

import maha_core as mc
from benchmarks.learn import tuple_fits
from benchmarks.learn.beside_metric_learn import run_there
from benchmarks.learn.data import Array

EQUAL = 1e-6
ROUNDS = 3
SAME = (
    "Covariance",
    "RCA",
    "RCA, 3 components",
    "ITML",
    "ITML, gamma 0.1, prior covariance",
    "SCML",
    *(f"threshold by {strategy}" for strategy in tuple_fits.STRATEGIES),
)


def agreement(python: str) -> dict[str, Any]:
    """Return how far results and losses are apart; where they should not be, that is an error."""
    given = _given()
    theirs = run_there(python, name="tuples", **given)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = tuple_fits.matrices(mc.learn, given)
    apart = {name: _relative(ours[name], theirs[name]) for name in SAME}
    too_far = {name: value for name, value in apart.items() if not value < EQUAL}
    if too_far:
        raise AssertionError(f"results differ from metric-learn's: {too_far}")
    losses = {
        name: {"metric-learn": loss(theirs[name], given), "maha_core": loss(ours[name], given)}
        for name, loss in LOSSES.items()
    }
    return {"relative_difference_of_the_results": apart, "losses": losses}


def times(python: str) -> dict[str, Any]:
    """Return seconds of processor time of fits of 5000 x 20 points of 5 classes, in turn."""
    rng = np.random.default_rng(0)
    y = np.arange(5000) % 5
    X = rng.standard_normal((5000, 20))
    X[:, :3] += rng.standard_normal((5, 3))[y]
    rounds = []
    for _ in range(ROUNDS):
        theirs = run_there(python, name="seconds", X=X, y=y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rounds.append((theirs, tuple_fits.seconds(mc.learn, {"X": X, "y": y})))
    return {
        name: {
            "metric-learn": min(float(theirs[name]) for theirs, _ in rounds),
            "maha_core": min(float(ours[name]) for _, ours in rounds),
            "times_as_fast": median(float(theirs[name] / ours[name]) for theirs, ours in rounds),
        }
        for name in tuple_fits.SUPERVISED
    }


def _given() -> dict[str, Array]:
    X, y = load_wine(return_X_y=True)
    X = scale(X)
    rng = np.random.default_rng(0)
    a = rng.integers(len(y), size=300)
    b, c = (
        np.array([rng.choice(np.flatnonzero((y == y[i]) == alike)) for i in a])
        for alike in (True, False)
    )
    kept = a != b
    a, b, c = a[kept], b[kept], c[kept]
    half = len(a) // 2
    index = np.stack([a, np.r_[b[:half], c[half:]]], axis=1)
    return {
        "X": X,
        "y": y,
        "chunks": rng.integers(-1, 25, len(y)),
        "pairs": X[index],
        "labels": np.repeat([1, -1], [half, len(a) - half]),
        "triplets": X[np.stack([a, b, c], axis=1)],
        "quadruplets": X[np.stack([a, b, a, c], axis=1)],
        "basis": rng.standard_normal((40, X.shape[1])),
    }


def _relative(ours: Array, theirs: Array) -> float:
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def _quadratic(d: Array, M: Array) -> Array:
    return np.sum((d @ M) * d, axis=1)


def _by_label(given: dict[str, Array], sign: int) -> Array:
    pairs = given["pairs"][given["labels"] == sign]
    return pairs[:, 0] - pairs[:, 1]


def _lsml(M: Array, given: dict[str, Array]) -> float:
    q = given["quadruplets"]
    near, far = (np.sqrt(_quadratic(q[:, i] - q[:, i + 1], M)) for i in (0, 2))
    residual = np.mean(np.maximum(near - far, 0) ** 2)
    return float(residual + np.trace(M) - np.linalg.slogdet(M)[1])


def _mmc(M: Array, given: dict[str, Array]) -> float:
    """Minus what is maximised, at the budget that both are given."""
    budget = 0.01 * np.sum(_by_label(given, 1) ** 2)
    spent = _quadratic(_by_label(given, 1), M).sum()
    return float(-np.sqrt(_quadratic(_by_label(given, -1), M) * budget / spent).sum())


def _mmc_diagonal(M: Array, given: dict[str, Array]) -> float:
    alike, apart = (_quadratic(_by_label(given, sign), M) for sign in (1, -1))
    return float(alike.sum() - np.log(np.sqrt(apart).sum()))


def _sdml(M: Array, given: dict[str, Array]) -> float:
    D = np.sum(_quadratic(_by_label(given, 1), M)) - np.sum(_quadratic(_by_label(given, -1), M))
    beside = np.abs(M).sum() - np.abs(np.diag(M)).sum()
    return float(np.trace(M) - np.linalg.slogdet(M)[1] + 1e-4 * D + 0.01 * beside)


def _lfda(M: Array, given: dict[str, Array]) -> float:
    """Minus the local scatter between classes that M keeps, by Sugiyama's scale."""
    within, between = _local_scatters(given["X"], given["y"], 5)
    values, vectors = np.linalg.eigh(M)
    A = vectors[:, values > 1e-9 * values.max()].T
    return float(-np.trace(np.linalg.solve(A @ within @ A.T, A @ between @ A.T)))


def _local_scatters(X: Array, y: Array, k: int) -> tuple[Array, Array]:
    n = len(X)
    D = ((X[:, None] - X) ** 2).sum(axis=2)
    within, between = np.zeros((n, n)), np.full((n, n), 1 / n)
    for c in np.unique(y):
        rows = np.flatnonzero(y == c)
        own = D[np.ix_(rows, rows)]
        scale_ = np.sqrt(np.sort(own, axis=1)[:, k])
        A = np.exp(-own / np.outer(scale_, scale_))
        within[np.ix_(rows, rows)] = A / len(rows)
        between[np.ix_(rows, rows)] = A * (1 / n - 1 / len(rows))
    return tuple(X.T @ (np.diag(W.sum(axis=1)) - W) @ X for W in (within, between))  # type: ignore[return-value]


LOSSES = {
    "LSML": _lsml,
    "MMC": _mmc,
    "MMC, diagonal": _mmc_diagonal,
    "SDML": _sdml,
    "LFDA": _lfda,
}

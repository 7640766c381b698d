"""R2 of MLKR as it comes, beside kernel regression with the best bandwidth."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold
from sklearn.preprocessing import scale

import maha_core as mc

Array = NDArray[Any]

NORMS = np.geomspace(0.1, 40, 30)
N_HOUSES = 600


def measure() -> dict[str, Any]:
    """Return the mean R2 over 5 folds of both, for raw and standardised columns."""
    found = {}
    for name, (X, y) in _data().items():
        for scaling, points in (("raw", X), ("standardised", scale(X))):
            row = found[f"{name}, {scaling}"] = _compared(points, y)
            print(name, scaling, row, flush=True)
    return found


def _data() -> dict[str, tuple[Array, Array]]:
    X, y = datasets.load_diabetes(return_X_y=True)
    houses, prices = housing(N_HOUSES)
    rng = np.random.default_rng(3)
    noise = rng.standard_normal((300, 6)), rng.standard_normal(300)
    return {
        "diabetes": (X, y),
        "diabetes, y times 1000": (X, 1000 * y),
        "houses": (houses, prices),
        "noise": noise,
    }


def housing(n: int) -> tuple[Array, Array]:
    """Return skewed columns of very different size with places, and prices of some of them."""
    rng = np.random.default_rng(0)
    north = rng.choice([34.0, 37.7, 36.0], n, p=[0.5, 0.35, 0.15]) + 0.5 * rng.standard_normal(n)
    west = -118 - 1.1 * (north - 34) + 0.5 * rng.standard_normal(n)
    income = np.exp(1.25 + 0.45 * rng.standard_normal(n))
    age = rng.integers(1, 53, n).astype(float)
    rooms = np.exp(1.6 + 0.3 * rng.standard_normal(n)) * (1 + 0.1 * income)
    bedrooms = np.exp(0.05 + 0.15 * rng.standard_normal(n))
    people = np.exp(7 + 0.75 * rng.standard_normal(n))
    occupants = np.exp(1.05 + 0.25 * rng.standard_normal(n))
    coast = np.exp(-2 * np.abs(west + 118 + 1.1 * (north - 34)))
    y = 0.45 * income + 1.2 * coast - 0.35 * occupants + 0.004 * age + 0.3 * np.sin(2 * north)
    y = np.clip(y + 0.5 * rng.standard_normal(n), 0.15, 5)
    return np.column_stack([income, age, rooms, bedrooms, people, occupants, north, west]), y


def _compared(X: Array, y: Array) -> dict[str, float]:
    ours, theirs = [], []
    for train, test in KFold(5, shuffle=True, random_state=0).split(X):
        learner = mc.learn.MLKR().fit(X[train], y[train])
        ours.append(learner.score(X[test], y[test]))
        theirs.append(r2_score(y[test], _best_bandwidth(X[train], y[train], X[test])))
    return {"best bandwidth": float(np.mean(theirs)), "MLKR()": float(np.mean(ours))}


def _best_bandwidth(X: Array, y: Array, Q: Array) -> Array:
    unit = np.eye(X.shape[1]) / np.sqrt(X.var(axis=0).sum())
    errors = [float(mc.value(mc.losses.MLKR(y), X, metric=mc.Factor(t * unit))) for t in NORMS]
    A = NORMS[int(np.argmin(errors))] * unit
    predicted: Array = mc.reduce(mc.reductions.SoftmaxMean(y), Q, X, metric=mc.Factor(A))
    return predicted

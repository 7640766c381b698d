"""L-BFGS beside Newton's method in a trust region: losses, evaluations and products reached."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

import maha_core as mc
from benchmarks.learn import data
from maha_core.learn.optimizer import Search
from maha_core.learn.progress import Silence
from maha_core.learn.streamed import Streamed

Matrix = NDArray[np.float64]

STARTS = 10
ITERATIONS = 300
TOLERANCE = 1e-7
NEAR = 1e-3
PRODUCT = 2
"""Gradients that one Hessian product counts for: it has one sweep more."""


class Counted:
    """A loss that notes its best value after every gradient equivalent."""

    def __init__(self, loss: Streamed) -> None:
        self.loss = loss
        self.spent = 0
        self.best = np.inf
        self.path: list[tuple[int, float]] = []

    def __call__(self, A: Matrix) -> tuple[float, Matrix]:
        value, gradient = self.loss(A)
        self.spent += 1
        self.best = min(self.best, value)
        self.path.append((self.spent, self.best))
        return value, gradient

    def hessian_product(self, A: Matrix, direction: Matrix) -> Matrix:
        self.spent += PRODUCT
        return self.loss.hessian_product(A, direction)

    def until(self, level: float) -> float:
        """Return the gradient equivalents after which a loss is reached, infinite if never."""
        return next((spent for spent, value in self.path if value <= level), np.inf)


def compare() -> dict[str, Any]:
    """Return both solvers' results from the same starts."""
    return {name: _compared(loss, k) for name, (loss, k) in _problems().items()}


def _problems() -> dict[str, tuple[Streamed, int]]:
    X, y = data.diabetes()
    mlkr = Streamed(mc.losses.MLKR((y - y.mean()) / y.std()), X)
    Z, labels = data.digits()
    nca = Streamed(mc.losses.NCA(labels[::3]), np.ascontiguousarray(Z[::3]))
    return {"MLKR, diabetes, 2 components": (mlkr, 2), "NCA, 599 digits, 2 components": (nca, 2)}


def _compared(loss: Streamed, k: int) -> dict[str, Any]:
    runs = [_both(loss, seed, k) for seed in range(STARTS)]
    lbfgs, newton = (np.array([run[i].best for run in runs]) for i in (0, 1))
    near = NEAR * np.abs(lbfgs)
    levels = lbfgs + near
    earlier = [
        run[1].until(level) < run[0].until(level) for run, level in zip(runs, levels, strict=True)
    ]
    return {
        "starts": STARTS,
        "trust-ncg ends lower, equal to 0.1 %, higher": [
            int((newton < lbfgs - near).sum()),
            int((np.abs(newton - lbfgs) <= near).sum()),
            int((newton > lbfgs + near).sum()),
        ],
        "trust-ncg reaches the loss of L-BFGS in fewer gradient equivalents": int(np.sum(earlier)),
        "median loss, L-BFGS": float(np.median(lbfgs)),
        "median loss, trust-ncg": float(np.median(newton)),
        "median gradient equivalents, L-BFGS": float(np.median([run[0].spent for run in runs])),
        "median gradient equivalents, trust-ncg": float(np.median([run[1].spent for run in runs])),
    }


def _both(loss: Streamed, seed: int, k: int) -> tuple[Counted, Counted]:
    d = int(loss.X.shape[1])
    start = np.random.default_rng(seed).standard_normal((k, d)) / np.sqrt(d)
    first, second = Counted(loss), Counted(loss)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _search(first, "lbfgs").run(start)
        _search(second, "trust-ncg").run(start)
    return first, second


def _search(objective: Counted, solver: str) -> Search:
    return Search(
        "comparison",
        objective,
        solver=solver,
        max_iter=ITERATIONS,
        tol=TOLERANCE,
        memory=30,
        callback=None,
        progress=Silence(),
    )

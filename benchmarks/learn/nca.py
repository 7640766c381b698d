"""NCA beside scikit-learn's NeighborhoodComponentsAnalysis on the standardised digits."""

from __future__ import annotations

import json
import sys
import time
import warnings
from statistics import median
from typing import Any

import numpy as np
from sklearn.neighbors import NeighborhoodComponentsAnalysis

import maha_core as mc
from benchmarks.learn import peak
from benchmarks.learn.data import Array, digits, principal

ITERATIONS = 50
ROUNDS = 3
THEIRS = "scikit-learn"
CONTESTANTS = {THEIRS: None, "maha_core": None, "maha_core, tile_bytes=2**19": 2**19}
PATH = 20  # evaluations that must agree; later L-BFGS amplifies rounding


def compare() -> dict[str, Any]:
    """Return how near the paths are, and how the fits compare in time and memory."""
    X, y = digits()
    start = principal(X, 2)
    return {
        "data": f"standardised digits {X.shape}, 2 components, PCA start, {ITERATIONS} iterations",
        **_path(X, y, start),
        **_fits(X, y, start),
        **_memory(),
    }


def _path(X: Array, y: Array, start: Array) -> dict[str, float]:
    theirs, ours = _Recorded(X, y), []
    learner = NeighborhoodComponentsAnalysis(2, init=start, max_iter=ITERATIONS)
    learner._loss_grad_lbfgs = theirs.evaluate(learner)
    _fit(learner, X, y)

    loss = mc.losses.NCA(y)
    worst_value = worst_gradient = 0.0
    for A, value, gradient in theirs.seen:
        own, slope = mc.value_and_grad(loss, X, metric=mc.Factor(A.reshape(2, -1)))
        worst_value = max(worst_value, abs(float(own) - value) / abs(value))
        size = np.abs(gradient).max()
        worst_gradient = max(worst_gradient, np.abs(slope.metric.ravel() - gradient).max() / size)
    ours = _own_evaluations(X, y, start)
    pairs = list(zip(ours, [A for A, _, _ in theirs.seen], strict=False))[:PATH]
    return {
        "iterates_compared": len(theirs.seen),
        "largest_relative_difference_of_the_objective": worst_value,
        "largest_relative_difference_of_the_gradient": worst_gradient,
        f"largest_relative_difference_of_the_first_{PATH}_evaluated_parameters": max(
            float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs
        ),
    }


class _Recorded:
    """scikit-learn's objective, which remembers where it was and what it was."""

    def __init__(self, X: Array, y: Array) -> None:
        self.seen: list[tuple[Array, float, Array]] = []

    def evaluate(self, learner: Any) -> Any:
        original = learner._loss_grad_lbfgs

        def recorded(A: Array, *rest: Any) -> tuple[float, Array]:
            value, gradient = original(A, *rest)
            self.seen.append((A.copy(), value, gradient.copy()))
            return value, gradient

        return recorded


def _own_evaluations(X: Array, y: Array, start: Array) -> list[Array]:
    """Return the parameters at which our estimator evaluates its loss."""
    from maha_core.learn import optimizer

    seen: list[Array] = []
    original = optimizer.evaluated

    def recorded(objective: Any, A: Array) -> Any:
        seen.append(A.ravel().copy())
        return original(objective, A)

    optimizer.evaluated = recorded
    try:
        _fit(mc.learn.NCA(2, init=start, max_iter=ITERATIONS), X, y)
    finally:
        optimizer.evaluated = original
    return seen


def _fits(X: Array, y: Array, start: Array) -> dict[str, Any]:
    """Return times of whole fits, in turn, and where they ended."""
    times: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    final = {}
    for _ in range(ROUNDS):
        for name in CONTESTANTS:
            begin = time.perf_counter()
            learner = _contest(name, X, y, init=start, max_iter=ITERATIONS)
            times[name].append(time.perf_counter() - begin)
            value, _ = mc.value_and_grad(mc.losses.NCA(y), X, metric=mc.Factor(learner.components_))
            final[name] = -float(value)
    return {
        "seconds": {name: median(values) for name, values in times.items()},
        "times_as_fast_as_scikit-learn": {
            name: median(a / b for a, b in zip(times[THEIRS], times[name], strict=True))
            for name in CONTESTANTS
        },
        "final_objective": final,
    }


def _memory() -> dict[str, Any]:
    peaks = {
        name: peak.elsewhere("benchmarks.learn.nca", name)["peak_bytes"] for name in CONTESTANTS
    }
    shares = {name: value / peaks[THEIRS] for name, value in peaks.items()}
    return {"peak_bytes_above_inputs": peaks, "share_of_scikit-learn's": shares}


def _contest(name: str, X: Array, y: Array, **parameters: Any) -> Any:
    if name == THEIRS:
        return _fit(NeighborhoodComponentsAnalysis(2, **parameters), X, y)
    with mc.options(tile_bytes=CONTESTANTS[name]):
        return _fit(mc.learn.NCA(2, **parameters), X, y)


def _fit(learner: Any, X: Array, y: Array) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return learner.fit(X, y)


def _peak_here(name: str) -> dict[str, Any]:
    X, y = digits()
    # So many points that passes are compiled, as for all of them.
    _contest(name, X[:400], y[:400], init="pca", max_iter=2)
    return peak.measured(lambda: _contest(name, X, y, init="pca", max_iter=5))


if __name__ == "__main__":
    print(json.dumps(_peak_here(sys.argv[1])))

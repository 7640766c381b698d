"""Time and memory of one evaluation against the number of points, each in its own process."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
from sklearn.neighbors import NeighborhoodComponentsAnalysis

import maha_core as mc
from benchmarks.learn import peak
from benchmarks.learn.beside_metric_learn import run_there
from benchmarks.learn.data import Array

COLUMNS, COMPONENTS, CLASSES = 20, 2, 5
SIZES = (500, 1000, 2000, 4000, 8000)
OURS_ALONE = (16_000, 32_000)


def measure(python: str | None) -> dict[str, dict[str, Any]]:
    """Return seconds and bytes by contestant and n."""
    found: dict[str, dict[str, Any]] = {}
    for name in ("NCA, maha_core", "NCA, scikit-learn", "MLKR, maha_core"):
        sizes = SIZES + OURS_ALONE if "maha_core" in name else SIZES
        found[name] = {
            str(n): peak.elsewhere("benchmarks.learn.growth", name, str(n)) for n in sizes
        }
    if python:
        found["MLKR, metric-learn"] = {str(n): _metric_learn(python, n) for n in SIZES}
    return found


def _metric_learn(python: str, n: int) -> dict[str, float]:
    X, _, y, start = problem(n)
    result = run_there(python, name="one evaluation", X=X, y=y, start=start)
    return {"seconds": float(result["seconds"]), "peak_bytes": int(result["peak_bytes"])}


def problem(n: int) -> tuple[Array, Array, Array, Array]:
    """Return points, labels, targets and a parameter."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % CLASSES
    X = rng.standard_normal((n, COLUMNS)) + rng.standard_normal((CLASSES, COLUMNS))[labels]
    start = rng.standard_normal((COMPONENTS, COLUMNS)) / 5
    return X, labels, rng.standard_normal(n), start


def _here(name: str, n: int) -> dict[str, float]:
    X, labels, y, start = problem(n)
    if name == "NCA, scikit-learn":
        learner = NeighborhoodComponentsAnalysis(COMPONENTS)
        learner.n_iter_ = 1

        def run(rows: slice) -> object:
            own = labels[rows]
            return learner._loss_grad_lbfgs(start.ravel(), X[rows], own[:, None] == own)
    else:

        def run(rows: slice) -> object:
            loss = mc.losses.NCA(labels[rows]) if "NCA" in name else mc.losses.MLKR(y[rows])
            return mc.value_and_grad(loss, X[rows], metric=mc.Factor(start))

    run(slice(0, 100))
    return peak.measured(lambda: run(slice(None)))


if __name__ == "__main__":
    print(json.dumps(_here(sys.argv[1], int(sys.argv[2]))))

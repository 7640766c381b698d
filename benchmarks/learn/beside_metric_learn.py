"""MLKR and LMNN beside metric-learn's, which needs a Python of its own."""

from __future__ import annotations

import subprocess
import tempfile
import time
import warnings
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import maha_core as mc
from benchmarks.learn.data import Array, diabetes, digits, principal

SIDE = Path(__file__).with_name("their_side.py")
STARTS = 3
ROUNDS = 2
NEIGHBORS = 3


def compare(python: str) -> dict[str, Any]:
    """Return the comparison, with metric-learn run by the Python given, in turn with ours."""
    return {
        "their_versions": _versions(python),
        "MLKR": _mlkr(python),
        "LMNN": _lmnn(python),
    }


def _versions(python: str) -> dict[str, str]:
    names = ("metric-learn", "scikit-learn", "numpy")
    code = f"import importlib.metadata as m; print(*map(m.version, {names}))"
    told = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return dict(zip(names, told.stdout.split(), strict=True))


def _mlkr(python: str) -> dict[str, Any]:
    X, y = diabetes()
    loss = mc.losses.MLKR(y)
    rounds, final = [], []
    for seed in range(STARTS):
        start = principal(X, X.shape[1])
        start += 0.01 * seed * np.random.default_rng(seed).standard_normal(start.shape)
        theirs = run_there(python, name="MLKR", X=X, y=y, start=start, max_iter=1000)
        learner, seconds = _timed(mc.learn.MLKR(init=start, max_iter=1000, tol=None), X, y)
        rounds.append((float(theirs["seconds"]), seconds))
        theirs_value, _ = mc.value_and_grad(loss, X, metric=mc.Factor(theirs["A"]))
        final.append((float(theirs_value), learner.loss_))
    value, gradient = mc.value_and_grad(loss, X, metric=mc.Factor(start))
    size = np.abs(theirs["start_gradient"]).max()
    return {
        "data": f"standardised diabetes {X.shape}, 10 components, 1000 iterations at most, from "
        f"the PCA start and {STARTS - 1} others near it: there are many local minima",
        "relative_difference_of_the_loss": abs(float(value) / float(theirs["start_loss"]) - 1),
        "relative_difference_of_the_gradient": float(
            np.abs(gradient.metric.ravel() - theirs["start_gradient"]).max() / size
        ),
        "final_losses": {
            "metric-learn": [round(theirs) for theirs, _ in final],
            "maha_core": [round(ours) for _, ours in final],
        },
        "median_ratio_of_the_final_losses": median(ours / theirs for theirs, ours in final),
        **_times(rounds),
    }


def _lmnn(python: str) -> dict[str, Any]:
    X, y = digits()
    start = np.eye(X.shape[1])
    rounds = []
    for _ in range(ROUNDS):
        theirs = run_there(python, name="LMNN", X=X, y=y, start=start, k=NEIGHBORS, max_iter=1000)
        learner, seconds = _timed(mc.learn.LMNN(NEIGHBORS, init=start, max_iter=1000), X, y)
        rounds.append((float(theirs["seconds"]), seconds))
    loss = mc.losses.LMNN(y, theirs["targets"].astype(np.int64))
    final = {
        "metric-learn": mc.value_and_grad(loss, X, metric=mc.Factor(theirs["A"]))[0],
        "maha_core": mc.value_and_grad(loss, X, metric=learner.metric_)[0],
    }
    return {
        "data": f"standardised digits {X.shape}, {NEIGHBORS} neighbors, identity as start",
        "final_loss": {name: float(value) for name, value in final.items()},
        **_times(rounds),
    }


def run_there(python: str, **given: Any) -> dict[str, Array]:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "data.npz", Path(folder) / "result.npz"
        np.savez(source, **given)
        subprocess.run([python, str(SIDE), str(source), str(target)], check=True)
        return dict(np.load(target))


def _timed(learner: Any, X: Array, y: Array) -> tuple[Any, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        begin = time.perf_counter()
        learner.fit(X, y)
        return learner, time.perf_counter() - begin


def _times(rounds: list[tuple[float, float]]) -> dict[str, Any]:
    theirs, ours = zip(*rounds, strict=True)
    return {
        "seconds": {"metric-learn": median(theirs), "maha_core": median(ours)},
        "times_as_fast": median(a / b for a, b in rounds),
    }

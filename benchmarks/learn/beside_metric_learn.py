"""MLKR and LMNN beside metric-learn's, which needs a Python of its own."""

from __future__ import annotations

import argparse
import os
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
STARTS = 8
EQUAL = 1e-4  # losses that differ by less are of one minimum
ROUNDS = 2
NEIGHBORS = 3
ITERATIONS = 1000


def mlkr(python: str) -> dict[str, Any]:
    """Return fits of diabetes, with metric-learn run by the Python given, in turn with ours."""
    X, y = diabetes()
    return {
        "their_versions": _versions(python),
        "data": f"standardised diabetes {X.shape}, {ITERATIONS} iterations at most",
        "at_one_parameter": _at_one_parameter(python, X, y),
        **{f"{k}_components": _mlkr_fits(python, X, y, k) for k in (2, 10)},
    }


def _at_one_parameter(python: str, X: Array, y: Array) -> dict[str, float]:
    start = principal(X, X.shape[1])
    theirs = run_there(python, name="MLKR", X=X, y=y, start=start, max_iter=1)
    value, gradient = mc.value_and_grad(mc.losses.MLKR(y), X, metric=mc.Factor(start))
    difference = np.abs(gradient.metric.ravel() - theirs["start_gradient"]).max()
    return {
        "relative_difference_of_the_loss": abs(float(value) / float(theirs["start_loss"]) - 1),
        "relative_difference_of_the_gradient": float(
            difference / np.abs(theirs["start_gradient"]).max()
        ),
    }


def _starts(X: Array, k: int) -> dict[str, Array]:
    """Return the usual starts, and some beside them: where k is large there are many minima."""
    starts = {"identity": np.eye(k, X.shape[1]), "pca": principal(X, k)}
    near = np.random.default_rng(0).standard_normal((STARTS, *starts["identity"].shape))
    others = {
        f"near the identity, {i + 1}": starts["identity"] + 0.01 * near[i] for i in range(STARTS)
    }
    return {**starts, **others}


def _mlkr_fits(python: str, X: Array, y: Array, k: int) -> dict[str, Any]:
    loss, rounds, final = mc.losses.MLKR(y), [], {}
    for name, start in _starts(X, k).items():
        theirs = run_there(python, name="MLKR", X=X, y=y, start=start, max_iter=ITERATIONS)
        learner, seconds = _timed(
            mc.learn.MLKR(k, init=start, alpha=0.0, max_iter=ITERATIONS, tol=None), X, y
        )
        rounds.append((float(theirs["seconds"]), seconds))
        theirs_value, _ = mc.value_and_grad(loss, X, metric=mc.Factor(theirs["A"]))
        final[name] = (float(theirs_value), learner.loss_)
    return {
        "final_losses_metric-learn_and_maha_core": {
            name: f"{theirs:.0f}, {ours:.0f}" for name, (theirs, ours) in final.items()
        },
        "median_final_loss": {
            "metric-learn": median(theirs for theirs, _ in final.values()),
            "maha_core": median(ours for _, ours in final.values()),
        },
        "starts_from_which_maha_core_ends_lower_equal_higher": _compared(list(final.values())),
        **_times(rounds),
    }


def _compared(final: list[tuple[float, float]]) -> str:
    """Return how often the second is lower, equal and higher."""
    ratios = np.array([ours / theirs for theirs, ours in final])
    lower, higher = int((ratios < 1 - EQUAL).sum()), int((ratios > 1 + EQUAL).sum())
    return f"{lower}, {len(ratios) - lower - higher}, {higher}"


def _versions(python: str) -> dict[str, str]:
    names = ("metric-learn", "scikit-learn", "numpy")
    code = f"import importlib.metadata as m; print(*map(m.version, {names}))"
    told = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return dict(zip(names, told.stdout.split(), strict=True))


def lmnn(python: str) -> dict[str, Any]:
    """Return fits of the digits, in turn."""
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
        "their_versions": _versions(python),
        "data": f"standardised digits {X.shape}, {NEIGHBORS} neighbors, identity as start",
        "final_loss": {name: float(value) for name, value in final.items()},
        **_times(rounds),
    }


def add_python(parser: argparse.ArgumentParser) -> None:
    """Add the option of the Python that has metric-learn."""
    parser.add_argument(
        "--metric-learn",
        metavar="PYTHON",
        default=os.environ.get("METRIC_LEARN_PYTHON"),
        help="a Python that has metric-learn; `nox -s compare-metric-learn` makes one",
    )


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

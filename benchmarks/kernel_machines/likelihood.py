"""Time and memory of the likelihood of 20,000 points and its gradient, of mean and variance."""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np

import maha_core as mc
from benchmarks import machine
from benchmarks.learn import peak
from maha_core.learn import GaussianProcess
from maha_core.learn.estimated_likelihood import EstimatedLikelihood
from maha_core.learn.marginal_likelihood import marginal_likelihood

D, PROBES, SIGNAL, NOISE = 10, 16, 1.0, 0.05
MODERATE = 3000
NEW = 100


def data(n: int) -> tuple[Any, Any]:
    """Return points (n, d) and a noisy wave along one direction."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, D))
    direction = rng.standard_normal(D)
    wave = np.sin(2 * X @ direction / np.linalg.norm(direction))
    return X, wave + np.sqrt(NOISE) * rng.standard_normal(n)


def measured(n: int) -> dict[str, Any]:
    """Return what one evaluation takes, and predictions under the same numbers."""
    metric = mc.Factor(np.eye(D) / 3)
    beside = _beside_exact(metric)
    X, y = data(n)
    likelihood = _estimate(X, y)
    evaluation = peak.measured(lambda: likelihood(metric, SIGNAL, NOISE))
    model = GaussianProcess(metric=metric, noise=NOISE, max_iter=0, n_probes=2, random_state=0)
    fit = peak.measured(lambda: model.fit(X, y))
    prediction = peak.measured(lambda: model.predict(X[:NEW], return_std=True))
    return {
        "n": n,
        "d": D,
        "probes": PROBES,
        "beside_exact": beside,
        "evaluation": evaluation,
        "fit": fit,
        "mean_and_std_of_100": prediction,
        "residual": model.residual_,
        "n_by_n_bytes": 8 * n * n,
        "machine": machine.describe(),
    }


def _estimate(X: Any, y: Any) -> EstimatedLikelihood:
    kernel, rng = mc.kernels.Gaussian(), np.random.RandomState(0)
    return EstimatedLikelihood.drawn(kernel, X, y, PROBES, rng)


def _beside_exact(metric: mc.Factor) -> dict[str, Any]:
    """Return both likelihoods of a number of points that Cholesky's factor can do, too."""
    X, y = data(MODERATE)
    exact = marginal_likelihood(mc.kernels.Gaussian(), X, y, metric, SIGNAL, NOISE)
    found = _estimate(X, y)(metric, SIGNAL, NOISE)
    difference = np.linalg.norm(found.metric - exact.metric) / np.linalg.norm(exact.metric)
    return {
        "n": MODERATE,
        "exact": exact.value,
        "estimated": found.value,
        "standard_error": found.error,
        "gradient_off_by": float(difference),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernel_machines.likelihood")
    parser.add_argument("--points", type=int, default=20_000)
    print(json.dumps(measured(parser.parse_args().points)))


if __name__ == "__main__":
    main()
